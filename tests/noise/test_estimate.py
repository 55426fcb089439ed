import numpy as np
import pytest
from skimage import data

from cgdenoise.noise import estimate_sigma

CAMERA = data.camera()[100:356, 100:356].astype(float)


@pytest.mark.parametrize("sigma", [10, 25, 50])
def test_known_noise_on_a_photograph(sigma):
    noisy = CAMERA + sigma * np.random.default_rng(0).standard_normal(CAMERA.shape)
    assert estimate_sigma(noisy) == pytest.approx(sigma, rel=0.08)


def test_estimate_follows_the_unit():
    noisy = CAMERA + 20 * np.random.default_rng(1).standard_normal(CAMERA.shape)
    assert estimate_sigma(257 * noisy + 1000) == pytest.approx(257 * estimate_sigma(noisy), rel=1e-6)


def test_missing_pixels_are_left_out():
    noisy = CAMERA + 20 * np.random.default_rng(2).standard_normal(CAMERA.shape)
    holes = noisy.copy()
    holes[40:60, 80:120] = np.nan
    assert estimate_sigma(holes) == pytest.approx(estimate_sigma(noisy), rel=0.05)


def test_channels_count_by_their_mean_variance():
    noise = np.random.default_rng(3).standard_normal((128, 128, 2)) * [10, 20]
    assert estimate_sigma(noise) == pytest.approx(np.sqrt(250), rel=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 200), (10, 12), (20, 20, 3)])
def test_small_images_give_a_finite_estimate(shape):
    assert 0 <= estimate_sigma(np.random.default_rng(4).standard_normal(shape)) < 3
