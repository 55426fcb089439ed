"""Noise that JPEG has made coarse in the colours alone."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cgdenoise.noise import NoiseKind, choose
from cgdenoise.noise.colour import OPPONENT, coarse_colour
from cgdenoise.noise.correlation import noise_correlation

CLEAN = data.coffee()[100:292, 150:342].astype(float)
NOISY = CLEAN + 15 * np.random.default_rng(0).standard_normal(CLEAN.shape)


def compressed(image: np.ndarray, subsampling: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(np.clip(np.round(image), 0, 255).astype(np.uint8)).save(file, "JPEG", quality=92, subsampling=subsampling)
    return np.asarray(Image.open(file), float)


HALVED = compressed(NOISY, 2)
CROPPED = HALVED[3:, 5:]  # where JPEG itself is not recognised


def test_halved_colours_are_found_with_the_level_of_each():
    found = coarse_colour(HALVED)
    noise = (HALVED - compressed(CLEAN, 2)) @ np.array(OPPONENT).T
    assert found is not None
    assert found.sigmas[0] == pytest.approx(noise[..., 0].std(), rel=0.1)
    assert found.sigmas[1:] == pytest.approx(noise[..., 1:].std(axis=(0, 1)), rel=0.4)  # lowest frequencies pass for shading
    assert found.autocorrelation[0, 1] > 0.5
    powers = np.array(OPPONENT) @ found.covariance @ np.array(OPPONENT).T
    np.testing.assert_allclose(powers, np.diag(np.square(found.sigmas)), atol=1e-9)
    assert found.sigma == pytest.approx(np.sqrt(np.trace(found.covariance) / 3))


@pytest.mark.parametrize("image", [CLEAN, NOISY, compressed(NOISY, 0), NOISY[..., :1], NOISY[..., :2]])
def test_other_noise_is_left_to_others(image):
    assert coarse_colour(image) is None


def test_clipped_lights_hide_nothing():
    lights = np.full((192, 192, 3), 128.0)
    lights[:, :32] = 275
    image = compressed(lights + 15 * np.random.default_rng(1).standard_normal(lights.shape), 2)
    assert not noise_correlation(image @ np.array(OPPONENT[1])).growth < 2
    assert coarse_colour(image) is not None


def test_the_model_says_so_and_keeps_a_level_that_was_told():
    model, told = choose(CROPPED / 255), choose(CROPPED / 255, NoiseKind.GAUSSIAN, sigma=0.1)
    assert model.kind == told.kind == NoiseKind.GAUSSIAN
    assert "coarse in the colours alone, as JPEG makes it of white noise" in model.reasons
    assert told.sigma == 0.1
    for each in (model, told):
        assert np.trace(each.covariance) == pytest.approx(3 * each.sigma**2)
        assert each.colour.shape == (8, 8)
    assert choose(NOISY / 255).colour is None
