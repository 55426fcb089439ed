"""Images that were stored as JPEG, restored by turns with what was rounded."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from cgdenoise.noise.before_jpeg import StoredNoise
from cgdenoise.noise.jpeg import Jpeg
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.stored import expected_within, filter_stored
from cgdenoise.patches.white import filter_white

CLEAN = data.astronaut()[100:163, 180:241] / 255


def stored(sigma: float, quality: int, clean: np.ndarray = CLEAN) -> torch.Tensor:
    file = io.BytesIO()
    page = np.clip(np.round(255 * clean + sigma * np.random.default_rng(0).standard_normal(clean.shape)), 0, 255)
    Image.fromarray(page.astype(np.uint8)).save(file, "JPEG", quality=quality)
    return tensor(np.asarray(Image.open(file)) / 255)


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.tensor(np.moveaxis(np.atleast_3d(image), 2, 0), dtype=torch.float32)


def psnr(image: torch.Tensor, clean: np.ndarray = CLEAN) -> float:
    return -10 * math.log10((image - tensor(clean)).square().mean())


def test_a_noisy_image_gains_more_than_as_white_noise_of_any_level():
    y = stored(15, 60)
    restored = filter_stored(y, StoredNoise(Jpeg(60, 1 / 255), 0.67 * 15))
    as_white = max(psnr(filter_white(y, ChannelNoise.equal(level / 255, 3))) for level in (7, 10, 14))
    assert psnr(restored) > as_white + 0.1  # measured: 0.14; 1 on larger photographs


@pytest.mark.parametrize("quality", [90, 40])
def test_an_image_without_noise_gains_too(quality):
    y = stored(0, quality)
    restored = filter_stored(y, StoredNoise(Jpeg(quality, 1 / 255), 0.0))
    assert psnr(restored) > psnr(y) + 0.15  # measured: 0.22, 0.26; 0.5 to 1 on larger photographs


def test_grey_in_any_unit():
    grey = CLEAN[..., 1]
    y = stored(15, 60, grey)
    restored = filter_stored(y, StoredNoise(Jpeg(60, 1 / 255, None), 15.0))
    assert psnr(restored, grey) > psnr(y, grey) + 2
    other = filter_stored(2 * y + 0.3, StoredNoise(Jpeg(60, 2 / 255, None), 15.0))
    torch.testing.assert_close(other, 2 * restored + 0.3, atol=0.01, rtol=0)


def test_expectations_within_an_interval():
    values = np.random.default_rng(0).normal(3, 2, 400_000)
    for rounded in (0.0, 5.0):
        inside = values[np.abs(values - rounded) < 2.5]
        assert expected_within(np.array(3.0), 2.0, np.array(rounded), np.array(5.0)) == pytest.approx(inside.mean(), abs=0.02)
    far = expected_within(np.array([-1e6, 1e6, 0.1]), 0.5, np.zeros(3), np.full(3, 4.0))
    np.testing.assert_allclose(far, [-2, 2, 0.1], atol=0.1)
