"""Groups of similar patches with generators in their pilot: what is gained, and by what."""

import math
from dataclasses import replace

import pytest
import torch
from skimage import data

from cgdenoise.noise.before_jpeg import StoredNoise
from cgdenoise.noise.jpeg import Jpeg
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.white import SEARCHES, SHARE_OF_COUNTS
from cgdenoise.restoration.mixture import filter_patches, filters

SIGMA = 0.1
CLEAN = torch.tensor(data.camera()[None, 100:164, 180:244] / 255, dtype=torch.float32)
NOISE = torch.randn(CLEAN.shape, generator=torch.Generator().manual_seed(0))
NOISY = CLEAN + SIGMA * NOISE
WHITE = ChannelNoise.equal(SIGMA, 1)
COARSE = ChannelNoise.equal(SIGMA, 1, ((1.0, 0.5, 0.1), (0.5, 0.25, 0.05), (0.1, 0.05, 0.01)))

STORED = ChannelNoise(((1.0,),), (SIGMA,), stored=StoredNoise(Jpeg(70, 1 / 255, None), 255 * SIGMA))

EITHER = replace(COARSE, stored=STORED.stored)


def psnr(image: torch.Tensor) -> float:
    return -10 * math.log10((image - CLEAN).square().mean())


@pytest.mark.parametrize("noise", [WHITE, COARSE, STORED, EITHER], ids=["white", "correlated", "stored", "either"])
@pytest.mark.parametrize("estimates", [1, 3])
def test_pixels_that_are_filtered_are_told_beforehand(estimates, noise):
    told = []
    filter_patches(NOISY, noise, NOISY, estimates, told.append)
    assert sum(told) == pytest.approx(64 * 64 * filters(noise, estimates))


def test_a_better_generator_gives_a_better_image():
    images = (None, torch.zeros_like(CLEAN), CLEAN)
    alone, useless, perfect = (psnr(filter_patches(NOISY, WHITE, image, share=SHARE_OF_COUNTS)) for image in images)
    assert alone > psnr(NOISY) + 7
    assert perfect > alone + 0.3  # measured: 0.46
    assert useless > alone - 0.15  # measured: 0.07; all that it says is in a fifth of the pilot


def test_more_estimates_are_averaged():
    images = [filter_patches(NOISY, WHITE, None, estimates) for estimates in (1, 2, len(SEARCHES))]
    assert psnr(images[2]) > psnr(images[0]) + 0.003  # measured: 0.0055
    assert len({float(image.sum()) for image in images}) == 3


def test_correlated_noise_is_removed_without_the_generators():
    assert torch.equal(filter_patches(NOISY, COARSE, NOISY), filter_patches(NOISY, COARSE))


def test_what_may_be_either_is_half_each():
    either, coarse, stored = (filter_patches(NOISY, noise, None) for noise in (EITHER, COARSE, STORED))
    torch.testing.assert_close(either, (coarse + stored) / 2)
