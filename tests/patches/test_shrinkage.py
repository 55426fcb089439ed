"""Rounds of shrinkage: what they gain on a photograph, and what they leave alone."""

import math

import pytest
import torch
from skimage import data

from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.ridge import nonlocal_ridge
from cgdenoise.patches.shrinkage import repeated_shrinkage

SIGMA = 25 / 255
CLEAN = torch.tensor(data.camera()[None, 100:228, 180:308] / 255, dtype=torch.float32)
NOISY = CLEAN + SIGMA * torch.randn(CLEAN.shape, generator=torch.Generator().manual_seed(0))
WHITE = ChannelNoise.equal(SIGMA, 1)


def psnr(image: torch.Tensor) -> float:
    return -10 * math.log10((image - CLEAN).square().mean())


def test_a_photograph_gains_by_rounds():
    pilot = nonlocal_ridge(NOISY, WHITE)
    assert psnr(repeated_shrinkage(NOISY, pilot, WHITE)) > psnr(pilot) + 0.1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 31)])
def test_without_noise_nothing_changes(size, channels):
    y = torch.rand(channels, *size, generator=torch.Generator().manual_seed(1))
    same = repeated_shrinkage(y, y, ChannelNoise.equal(0.0, channels))
    torch.testing.assert_close(same, y, rtol=0, atol=2e-5)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 31), (2, 40)])
def test_noise_alone_stays_gone_at_any_size(size, channels):
    y = torch.randn(channels, *size, generator=torch.Generator().manual_seed(1))
    image = repeated_shrinkage(y, torch.zeros_like(y), ChannelNoise.equal(1.0, channels))
    assert image.shape == y.shape
    assert image.square().mean() <= 0.19**2 * y.square().mean() * 1.001  # at most a tenth and another of the rest, given back


def test_result_follows_the_unit_of_the_data():
    y, pilot = NOISY[:, :64, :64], CLEAN[:, :64, :64]
    other = repeated_shrinkage(200 * y + 500, 200 * pilot + 500, WHITE.scaled(200))
    torch.testing.assert_close((other - 500) / 200, repeated_shrinkage(y, pilot, WHITE), rtol=0, atol=2e-5)


def test_no_rounds_return_the_pilot():
    torch.testing.assert_close(repeated_shrinkage(NOISY, CLEAN, WHITE, rounds=0), CLEAN)
