"""Coarse noise of the channels' own: found below texture that hides it, and nowhere else."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import convolve, gaussian_filter
from skimage import data

from cgdenoise.noise.choose import choose
from cgdenoise.noise.correlation import NoiseCorrelation, block_spectra, covariance_of_power, noise_correlation
from cgdenoise.noise.independent import independent_noise
from cgdenoise.noise.model import NoiseKind
from cgdenoise.noise.mosaic import interpolated_noise

GRASS = data.grass()[:192, :192, None] * np.array([0.9, 1.0, 0.7])
COFFEE = data.coffee()[100:292, 150:342].astype(float)
WIDTH = 0.7
NEXT = np.exp(-1 / (4 * WIDTH**2))


def coarse(channels: int = 3, sigma: float = 15.0) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng(0).standard_normal((192, 192, channels)), (WIDTH, WIDTH, 0), mode="wrap")
    return sigma * noise / noise.std()


def found(image: np.ndarray) -> NoiseCorrelation | None:
    return independent_noise(image, noise_correlation(image))


def mosaic(picture: np.ndarray, sigma: float) -> np.ndarray:
    """Interpolate the samples of a Bayer mosaic with white noise, bilinearly."""
    noisy = picture + sigma * np.random.default_rng(0).standard_normal(picture.shape)
    rows, columns = np.indices(picture.shape[:2]) % 2
    kept = np.stack([rows + columns == 0, rows != columns, rows * columns == 1], axis=2).astype(float)
    kernel = np.outer([1, 2, 1], [1, 2, 1])[..., None]
    return convolve(noisy * kept, kernel, mode="mirror") / convolve(kept, kernel, mode="mirror")


def interpolates(image: np.ndarray) -> bool:
    return interpolated_noise(image) is not None


@pytest.mark.parametrize("picture", [GRASS, COFFEE], ids=["texture all over", "flat places"])
def test_level_and_autocorrelation_of_filtered_noise(picture):
    own = found(picture + coarse())
    assert own.is_own
    assert not own.is_white
    assert own.sigma == pytest.approx(15, rel=0.12)
    assert own.next_pixel == pytest.approx(NEXT, abs=0.05)


def test_texture_all_over_does_not_count_for_its_level():
    assert noise_correlation(GRASS + coarse()).sigma > 25
    model = choose(GRASS + coarse())
    assert model.kind is NoiseKind.CORRELATED
    assert model.has_own
    assert model.shared == 0
    assert model.sigma == pytest.approx(15, rel=0.12)


def test_noise_of_an_interpolated_mosaic():
    noisy = mosaic(COFFEE, 15)
    assert found(noisy).sigma == pytest.approx((noisy - mosaic(COFFEE, 0)).std(), rel=0.12)


def test_an_interpolated_mosaic_is_told_from_its_pixels():
    for noisy in (mosaic(COFFEE, 15), np.clip(np.round(mosaic(COFFEE, 15)), 0, 255)):
        assert interpolates(noisy)
        assert interpolates(257 * noisy[1:, 3:].astype(np.float32))
        assert not interpolates(noisy + 0.02 * np.random.default_rng(0).standard_normal(noisy.shape) * 50)
        assert not interpolates(noisy[..., [1, 0, 2]])
    for other in (COFFEE, COFFEE + coarse(), COFFEE[:, :, :1], np.full((64, 64, 3), 7.0), COFFEE[:5]):
        assert not interpolates(other)


def test_what_hides_noise_in_other_pictures_hides_none_in_an_interpolated_one():
    rng = np.random.default_rng(3)
    grain, colours = (rng.standard_normal((192, 192, 1)) * np.array(axis) for axis in ([40.0, 36.0, 20.0], [10.0, -10.0, 5.0]))
    noisy = mosaic(COFFEE + grain + colours, 5)
    assert found(noisy).is_own
    assert found(noisy + 0.1 * rng.standard_normal(noisy.shape)) is None  # not interpolated any more


@pytest.mark.parametrize("smoothed", [True, False])
def test_power_of_interpolated_noise(smoothed):
    noise = np.random.default_rng(5).standard_normal((256, 256, 3))
    image = mosaic(noise, 0)
    if not smoothed:  # green as it was recorded, and the mean of four between
        rows, columns = np.indices(noise.shape[:2]) % 2
        cross = convolve(noise[..., 1], np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / 4, mode="mirror")
        image[..., 1] = np.where(rows != columns, noise[..., 1], cross)
    spectra = np.square(block_spectra(image)).mean(axis=0)
    power = interpolated_noise(image)
    assert np.allclose(covariance_of_power(power[1])[0, 0], image[..., 1].var(), rtol=0.03)
    for coarse_part in (slice(1, 5), slice(5, 9)):
        ratio = spectra[:, coarse_part, coarse_part].mean(axis=(1, 2)) / power[:, coarse_part, coarse_part].mean(axis=(1, 2))
        assert np.allclose(ratio, 0.9, atol=0.1)  # blocks smooth the spectrum; measured: 0.82 to 0.93


@pytest.mark.parametrize("picture", [GRASS, COFFEE], ids=["texture all over", "flat places"])
@pytest.mark.parametrize("sigma", [0, 5, 25])
def test_there_is_none_in_white_noise_or_none(picture, sigma):
    assert found(picture + sigma * np.random.default_rng(1).standard_normal(picture.shape)) is None


def test_noise_that_channels_share_is_not_their_own():
    noise = coarse(4)
    assert found(COFFEE + (noise[..., :3] + 2 * noise[..., 3:]) / 2) is None
    assert found(COFFEE + noise[..., 3:]) is None


@pytest.mark.parametrize("picture", [GRASS, COFFEE], ids=["texture all over", "flat places"])
def test_white_noise_that_jpeg_made_coarse_in_the_colours(picture):
    page = np.clip(np.round(picture + 25 * np.random.default_rng(1).standard_normal(picture.shape)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(page).save(file, "JPEG", quality=90)
    assert found(np.asarray(Image.open(file), float)[3:, 5:]) is None


def test_less_than_three_channels_and_equal_ones_tell_nothing():
    noisy = GRASS + coarse()
    assert found(noisy[..., :1]) is None
    assert found(noisy[..., :2]) is None
    assert found(np.repeat(noisy[..., :1], 3, axis=2)) is None


def test_the_unit_does_not_matter():
    noisy = GRASS + coarse()
    one, other = found(noisy), found(257 * noisy + 1000)
    assert other.sigma == pytest.approx(257 * one.sigma)
    assert np.allclose(one.autocorrelation, other.autocorrelation)
