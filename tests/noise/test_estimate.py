import numpy as np
import pytest
from skimage import data

from cgdenoise.errors import ImageError
from cgdenoise.noise.estimate import estimate_sigma, sigma_with_uncertainty

CAMERA = data.camera()[100:356, 100:356].astype(float)
COFFEE = data.coffee()[100:356, 150:406].astype(float)
BRICK = data.brick()[:256, :256].astype(float)
PICTURES = {
    "camera": CAMERA,
    "coffee": COFFEE,
    "astronaut": data.astronaut()[:256, 100:356].astype(float),
    "brick": BRICK,
}


def noise(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("sigma", [10, 25])
@pytest.mark.parametrize("name", PICTURES)
def test_known_noise_on_a_photograph(name, sigma):
    picture = PICTURES[name]
    assert estimate_sigma(picture + sigma * noise(picture.shape)) == pytest.approx(sigma, rel=0.05)


@pytest.mark.parametrize("sigma", [10, 25])
def test_fine_texture_common_to_the_colours_is_not_noise(sigma):
    # Everywhere, and up to 0.4 of the sampling rate: a single channel has few directions without it.
    spectrum = np.fft.fft2(noise((192, 192), 7))
    spectrum[np.hypot(np.fft.fftfreq(192)[:, None], np.fft.fftfreq(192)) > 0.4] = 0
    texture = np.linspace(3, 15, 192)[:, None, None] * np.fft.ifft2(spectrum).real[..., None] * [1.0, 0.9, 0.8]
    assert estimate_sigma(128 + texture + sigma * noise(texture.shape)) == pytest.approx(sigma, rel=0.05)


@pytest.mark.parametrize("channels", [(), (2,), (3,), (7,)])
def test_pure_noise_has_no_bias(channels):
    estimates = [estimate_sigma(noise((64, 64, *channels), seed)) for seed in range(8)]
    assert np.mean(estimates) == pytest.approx(1, abs=0.015)


def test_estimate_follows_the_unit():
    noisy = CAMERA + 20 * noise(CAMERA.shape, 1)
    assert estimate_sigma(257 * noisy + 1000) == pytest.approx(257 * estimate_sigma(noisy), rel=1e-6)


def test_missing_pixels_are_left_out():
    noisy = CAMERA + 20 * noise(CAMERA.shape, 2)
    holes = noisy.copy()
    holes[40:60, 80:120] = np.nan
    assert estimate_sigma(holes) == pytest.approx(estimate_sigma(noisy), rel=0.05)


def test_one_finite_corner_is_enough():
    holes = np.full((256, 256), np.nan)
    holes[:60, :60] = noise((60, 60), 2)
    assert estimate_sigma(holes) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("levels", [[10, 20], [30, 10, 10], [5, 10, 15, 20, 25]])
def test_channels_count_by_their_mean_variance(levels):
    noisy = noise((128, 128, len(levels)), 3) * levels
    assert estimate_sigma(noisy) == pytest.approx(np.sqrt(np.mean(np.square(levels))), rel=0.05)


def test_a_channel_without_noise_counts_as_zero():
    noisy = np.dstack([noise((128, 128, 3), 3), np.ones((128, 128))])
    assert estimate_sigma(noisy) == pytest.approx(np.sqrt(3 / 4), rel=0.05)


def test_noise_that_the_channels_share_is_not_lost_between_them():
    noisy = np.clip(COFFEE + 25 * noise(COFFEE.shape[:2])[..., None], 0, 255)
    assert estimate_sigma(noisy) == pytest.approx(25, rel=0.06)
    assert estimate_sigma(noisy[..., 0]) == pytest.approx(25, rel=0.06)


def test_clipped_places_are_left_out():
    ramp = np.tile(np.linspace(-20, 275, 256), (256, 1))
    assert estimate_sigma(np.clip(ramp + 25 * noise(ramp.shape), 0, 255)) == pytest.approx(25, rel=0.03)


def test_error_is_what_the_estimates_scatter_by():
    results = [sigma_with_uncertainty(noise((64, 64), seed)) for seed in range(30)]
    off = np.abs([sigma - 1 for sigma, _ in results]) / [error for _, error in results]
    assert 0.45 < (off < 1).mean() < 0.95


def test_error_knows_of_texture():
    # Buildings and grass: little noise cannot be told from them, but that shows.
    textured = data.camera()[200:456, 200:456] + 5 * noise((256, 256))
    sigma, error = sigma_with_uncertainty(textured)
    assert error > 5 * sigma_with_uncertainty(5 * noise((256, 256)))[1]
    assert abs(sigma - 5) < 2 * error


def test_both_functions_agree():
    noisy = COFFEE + 20 * noise(COFFEE.shape)
    assert sigma_with_uncertainty(noisy)[0] == estimate_sigma(noisy)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 200), (10, 12), (20, 20, 3)])
def test_small_images_give_a_finite_estimate(shape):
    assert 0 <= estimate_sigma(noise(shape, 4)) < 3


@pytest.mark.parametrize("image", [np.zeros((64, 64)), np.full((64, 64, 3), np.nan), np.ones((4, 4))])
def test_nothing_to_measure_is_zero(image):
    assert estimate_sigma(image) == 0


def test_too_small_an_image_has_no_bound_on_the_error():
    assert sigma_with_uncertainty(np.ones((4, 4))) == (0, np.inf)


def test_other_shapes_are_refused():
    with pytest.raises(ImageError, match=r"\(5,\)"):
        estimate_sigma(np.zeros(5))
