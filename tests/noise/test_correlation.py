import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

from cgdenoise.errors import ImageError
from cgdenoise.noise.correlation import noise_correlation, power_spectrum
from cgdenoise.noise.estimate import estimate_sigma

PICTURES = {
    "camera": data.camera()[100:292, 100:292].astype(float),
    "coffee": data.coffee()[100:292, 150:342].astype(float),
    "brick": data.brick()[:192, :192].astype(float),
}


def noise(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def filtered(shape, width):
    field = gaussian_filter(noise(shape), (width, width, 0)[: len(shape)], mode="wrap")
    return field / field.std()


@pytest.mark.parametrize("sigma", [10, 25])
@pytest.mark.parametrize("name", PICTURES)
def test_white_noise_is_called_white(name, sigma):
    noisy = PICTURES[name] + sigma * noise(PICTURES[name].shape)
    found = noise_correlation(noisy)
    assert found.is_white
    assert found.length == 0
    assert found.sigma == estimate_sigma(noisy)


def test_texture_with_hardly_any_noise_is_not_correlated_noise():
    picture = data.camera()[200:456, 100:356] + noise((256, 256))
    found = noise_correlation(picture)
    assert found.is_white
    assert found.excess > 4  # the growth alone decides


def test_white_noise_that_channels_share_is_white():
    picture = PICTURES["coffee"]
    assert noise_correlation(np.clip(picture + 25 * noise(picture.shape[:2])[..., None], 0, 255)).is_white


@pytest.mark.parametrize("width", [0.7, 1.5])
@pytest.mark.parametrize("name", PICTURES)
def test_filtered_noise_is_not_white(name, width):
    picture = PICTURES[name]
    found = noise_correlation(picture + 25 * filtered(picture.shape, width))
    assert not found.is_white
    assert found.sigma == pytest.approx(25, rel=0.3)
    # A Gaussian filter of width w gives exp(-d² / 4 w²) at distance d.
    assert found.autocorrelation[0, 1] == pytest.approx(np.exp(-1 / (4 * width**2)), abs=0.12)
    assert abs(found.length - np.ceil(2 * width * np.sqrt(np.log(10)))) <= 1


def test_filtered_noise_that_is_stronger_in_places_is_not_white():
    weak, strong = 2.0, 12.0
    picture = PICTURES["coffee"]
    levels = np.where(np.arange(192) < 20, weak, strong)[None, :, None]
    found = noise_correlation(picture + levels * filtered(picture.shape, 1.0))
    assert found.growth > 1.6  # as of texture
    assert not found.is_white


def test_autocorrelation_of_pure_filtered_noise():
    found = noise_correlation(filtered((192, 192), 1.0))
    distance = np.hypot(*np.indices((4, 4)))
    np.testing.assert_allclose(found.autocorrelation[:4, :4], np.exp(-(distance**2) / 4), atol=0.08)
    assert found.sigma == pytest.approx(1, rel=0.15)


def test_axes_are_down_and_across():
    field = gaussian_filter(noise((192, 192)), (0.6, 1.5), mode="wrap")
    found = noise_correlation(field)
    assert found.autocorrelation[0, 1] > found.autocorrelation[1, 0] + 0.2


@pytest.mark.parametrize("quality", [30, 60])
def test_compressed_noise_is_not_white(quality):
    picture, stream = PICTURES["coffee"], io.BytesIO()
    noisy = np.clip(np.round(picture + 10 * noise(picture.shape)), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(stream, "JPEG", quality=quality)
    assert not noise_correlation(np.asarray(Image.open(stream), dtype=float)).is_white


def test_result_follows_the_unit():
    noisy = PICTURES["camera"] + 20 * filtered((192, 192), 1.0)
    one, other = noise_correlation(noisy), noise_correlation(257 * noisy + 1000)
    assert other.sigma == pytest.approx(257 * one.sigma, rel=1e-6)
    assert (other.length, other.is_white) == (one.length, one.is_white)
    np.testing.assert_allclose(other.autocorrelation, one.autocorrelation, atol=1e-6)


def test_missing_pixels_are_left_out():
    noisy = PICTURES["camera"] + 20 * noise((192, 192))
    noisy[40:60, 80:120] = np.nan
    found = noise_correlation(noisy)
    assert found.is_white
    assert np.isfinite(found.excess)


def test_error_covers_the_excess_of_white_noise():
    found = [noise_correlation(noise((96, 96), seed)) for seed in range(10)]
    off = [abs(f.excess - 1) / f.error for f in found]
    assert 0.2 < np.median(off) < 1.5


@pytest.mark.parametrize("image", [np.ones((4, 4)), np.zeros((64, 64, 3)), np.full((64, 64), np.nan), noise((15, 300))])
def test_without_evidence_noise_is_white(image):
    found = noise_correlation(image)
    assert found.is_white
    assert found.error == np.inf


def test_other_shapes_are_refused():
    with pytest.raises(ImageError, match=r"\(5,\)"):
        noise_correlation(np.zeros(5))


def test_power_spectrum_of_white_noise_is_flat_and_of_smooth_noise_falls():
    white = np.zeros((8, 8))
    white[0, 0] = 1
    np.testing.assert_allclose(power_spectrum(white, (20, 30)), 1)
    lags = np.exp(-np.square(np.arange(8)) / 4)
    power = power_spectrum(np.outer(lags, lags), (20, 30))
    assert power.shape == (20, 30)
    assert power.min() >= 0
    assert (np.diff(power[0, :15]) < 0).all()
    assert (np.diff(power[:10, 0]) < 0).all()
    assert power.mean() == pytest.approx(1, rel=0.15)  # the variance; its DCT has the lowest frequency once, others twice


def test_less_of_an_excess_is_enough_where_the_user_tells_the_level_too():
    rng = np.random.default_rng(0)
    coarse = gaussian_filter(rng.standard_normal((192, 192)), 0.7)
    grass = data.grass()[:192, :192] / 255 + 0.03 * coarse / coarse.std() + 0.024 * rng.standard_normal((192, 192))
    told = noise_correlation(grass, told=True)
    assert 7 < told.excess < 12
    assert told.is_white
    assert not noise_correlation(grass, told=True, level_told=True).is_white
    assert noise_correlation(grass, level_told=True).is_white
