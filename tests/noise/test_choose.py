"""The model of the noise: what `auto` says to noise that is known, and what the user may say."""

import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from cgdenoise.noise import NoiseKind, choose, examine
from cgdenoise.noise.estimate import PatchNoise
from cgdenoise.noise.quiet import quietest_level

CLEAN = data.astronaut()[:256, 96:352] / 255


def rng():
    return np.random.default_rng(0)


def gaussian(sigma=0.1):
    return CLEAN + sigma * rng().standard_normal(CLEAN.shape)


def with_impulses(image, share=0.3):
    fate = rng().random(image.shape[:2])
    found = image.copy()
    found[fate < share / 2], found[fate > 1 - share / 2] = 0, 1
    return found


def test_white_noise():
    model = choose(gaussian())
    assert model.kind is NoiseKind.GAUSSIAN
    assert model.sigma == pytest.approx(0.1, rel=0.05)
    assert model.covariance is None
    assert not model.impulses.any()
    assert "white" in model.reasons[0]


def test_counts():
    model = choose(rng().poisson(CLEAN * 30) / 30)
    assert model.kind is NoiseKind.POISSON
    assert model.gain == pytest.approx(1 / 30)
    assert model.read_sigma == 0


def test_counts_with_noise_of_their_reading():
    image = rng().poisson(CLEAN * 30) / 30 + 0.04 * rng().standard_normal(CLEAN.shape)
    model = choose(image)
    assert model.kind is NoiseKind.POISSON_GAUSSIAN
    assert model.gain == pytest.approx(1 / 30, rel=0.15)
    assert model.sigma == pytest.approx(np.sqrt(CLEAN.mean() / 30 + 0.04**2), rel=0.1)


def test_counts_on_a_pedestal():
    model = choose(4 + rng().poisson(CLEAN * 30) / 30)
    assert model.kind in (NoiseKind.POISSON, NoiseKind.POISSON_GAUSSIAN)
    assert model.gain == pytest.approx(1 / 30, rel=0.2)
    assert 3.9 < model.offset < 4.3
    assert model.sigma == pytest.approx(np.sqrt(CLEAN.mean() / 30), rel=0.1)


@pytest.mark.parametrize("sigma", [0.0, 0.1])
def test_impulses_with_and_without_other_noise(sigma):
    before = np.clip(gaussian(sigma), 0, 1)
    image = with_impulses(before)
    model = choose(image)
    assert model.kind is NoiseKind.IMPULSE
    assert model.impulses[np.abs(image - before) > 0.1].mean() > 0.995
    assert model.sigma == pytest.approx(sigma, rel=0.15)


def test_noise_that_channels_share():
    image = np.clip(CLEAN + 0.1 * rng().standard_normal(CLEAN.shape[:2])[..., None], 0, 1)
    model = choose(image)
    assert model.covariance is not None
    assert np.trace(model.covariance) == pytest.approx(3 * model.sigma**2)
    assert model.sigma == pytest.approx(0.1, rel=0.05)


def test_filtered_noise():
    noise = gaussian_filter(rng().standard_normal(CLEAN.shape), (1, 1, 0))
    model = choose(CLEAN + 0.08 * noise / noise.std())
    assert model.kind is NoiseKind.CORRELATED
    assert model.sigma == pytest.approx(0.08, rel=0.2)
    assert 2 <= model.correlation_length <= 5
    assert model.correlation_area > 4


def test_coarse_noise_is_beyond_doubt_also_with_a_quiet_dark():
    """As cameras make it: a tenth of the picture is dark, nearly clipped, and has a third of the noise."""
    clean = gaussian_filter(data.camera().astype(float), 2)
    noise = gaussian_filter(rng().standard_normal(clean.shape), 1)
    noise *= 4 / noise.std()
    dark = np.indices(clean.shape)[1] < 70
    noisy = np.clip(np.round(np.where(dark, 1 + 0.35 * noise, np.maximum(clean, 40) + noise)), 0, 255)[..., None]
    model = choose(noisy)
    assert model.kind is NoiseKind.CORRELATED
    assert model.evident
    assert model.sigma == pytest.approx(4, rel=0.2)


def test_texture_that_fills_a_picture_is_not_evident_noise():
    assert not choose(data.gravel()[..., None] / 255).evident


def test_texture_all_over_a_picture_is_no_strong_coarse_noise():
    assert choose(data.grass()[64:264, 128:328, None] / 255).correlation_length == 0


def test_coarse_noise_tells_whether_channels_share_it():
    noise = gaussian_filter(rng().standard_normal((*CLEAN.shape[:2], 4)), (0.7, 0.7, 0))
    own, common = noise[..., :3], noise[..., :3] + 2 * noise[..., 3:]
    apart, together = (choose(CLEAN + 0.08 * each / each.std(), NoiseKind.CORRELATED) for each in (own, common))
    assert apart.shared < 0.3
    assert together.shared == pytest.approx(0.8, abs=0.1)
    assert choose(CLEAN[..., :1] + 0.08 * own[..., :1] / own.std(), NoiseKind.CORRELATED).shared is None
    assert choose(gaussian()).shared is None


def test_noise_of_which_the_smallest_windows_show_little():
    noise = gaussian_filter(rng().standard_normal(CLEAN.shape), (2.5, 2.5, 0))
    model = choose(CLEAN + 0.08 * noise / noise.std())
    assert model.kind is NoiseKind.CORRELATED
    assert model.correlation_length >= 5


def test_what_the_user_says_counts():
    image = gaussian()
    assert choose(image, NoiseKind.GAUSSIAN, sigma=0.07).sigma == 0.07
    assert choose(image, NoiseKind.CORRELATED).correlation_length == 0  # looked for, and not there
    assert choose(image, NoiseKind.POISSON, gain=0.02).gain == 0.02
    counts = rng().poisson(CLEAN * 30) / 30
    assert choose(counts, NoiseKind.GAUSSIAN).gain == 0
    assert choose(counts + 0.5, NoiseKind.POISSON, offset=0.5).gain == pytest.approx(1 / 30)
    assert not choose(with_impulses(image), NoiseKind.GAUSSIAN).impulses.any()


def test_correlated_noise_that_grows_as_texture_does_is_taken_from_the_user():
    noise = gaussian_filter(rng().standard_normal(CLEAN.shape), (0.7, 0.7, 0))
    image = CLEAN + np.linspace(0.01, 0.1, CLEAN.shape[1])[:, None] * noise / noise.std()
    assert choose(image).kind is NoiseKind.GAUSSIAN
    told = choose(image, NoiseKind.CORRELATED)
    assert told.kind is NoiseKind.CORRELATED
    assert told.correlation_length == 3


def test_weak_noise_is_not_stabilised():
    assert choose(rng().poisson(CLEAN * 5000) / 5000 + 1e-4 * rng().standard_normal(CLEAN.shape)).gain == 0


def test_report_has_every_estimate_with_its_error():
    report = examine(gaussian())
    assert abs(report.sigma - 0.1) < 4 * report.sigma_error
    assert report.covariance.shape == (3, 3)
    assert not report.poisson.is_signal_dependent
    assert report.correlation.is_white
    assert not report.impulses.present


def test_texture_of_a_small_image_is_not_called_coarse_noise():
    camera = data.camera()[100:164, 180:244, None] / 255
    image = camera + 0.005 * rng().standard_normal(camera.shape)
    assert not examine(image).correlation.is_white  # three flat blocks are not enough to tell
    assert choose(image).kind is not NoiseKind.CORRELATED


def test_a_quiet_dark_does_not_contradict_noise_that_grows_with_light():
    rows, columns = np.indices((192, 192)) / 192
    light = 4 + 150 * np.exp(-(((rows - 0.5) ** 2 + (columns - 0.5) ** 2) / 0.03))
    image = rng().poisson(light)[..., None].astype(float)
    level = choose(image, NoiseKind.GAUSSIAN).sigma
    assert level > 1.8 * quietest_level(image, 0.05)
    assert level == pytest.approx(np.sqrt(light.mean()), rel=0.5)


def test_no_noise_with_an_uncertainty_is_no_noise(monkeypatch):
    monkeypatch.setattr(sys.modules["cgdenoise.noise.choose"], "patch_noise", lambda image: PatchNoise(np.eye(3), 0.0, 0.1))
    assert choose(gaussian()).sigma == 0


def test_a_model_shows_no_arrays():
    noise = gaussian_filter(rng().standard_normal(CLEAN.shape), (1, 1, 0))
    text = repr(choose(CLEAN + 0.08 * noise / noise.std()))
    assert "array" not in text
    assert len(text) < 500
