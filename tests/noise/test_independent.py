"""Coarse noise of the channels' own: found below texture that hides it, and nowhere else."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

from cgdenoise.noise.choose import choose
from cgdenoise.noise.correlation import NoiseCorrelation, noise_correlation
from cgdenoise.noise.independent import independent_noise
from cgdenoise.noise.model import NoiseKind

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
    """Interpolate the samples of a Bayer mosaic with white noise."""
    noisy = picture + sigma * np.random.default_rng(0).standard_normal(picture.shape)
    rows, columns = np.indices(picture.shape[:2]) % 2
    kept = np.stack([(rows + columns) == 0, rows != columns, (rows * columns) == 1], axis=2).astype(float)
    around = [np.roll(noisy * kept, shift, (0, 1)) for shift in np.ndindex(3, 3)]
    weights = [(2 - abs(down - 1)) * (2 - abs(across - 1)) for down, across in np.ndindex(3, 3)]
    counts = [np.roll(kept, shift, (0, 1)) for shift in np.ndindex(3, 3)]
    total, count = (sum(w * part for w, part in zip(weights, parts, strict=True)) for parts in (around, counts))
    return np.roll(total / count, (-1, -1), (0, 1))


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
    own = found(mosaic(COFFEE, 15))
    true = (mosaic(COFFEE, 15) - mosaic(COFFEE, 0)).std()
    assert own.sigma == pytest.approx(true, rel=0.12)


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
