"""The mixture of generators and groups: weights of least risk, what is gained."""

import math

import pytest
import torch
from skimage import data

from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.progress import no_tick
from cgdenoise.restoration.mixture import Mixture, filter_alone, least_risk, mix, pixels_mixed

SIGMA = 0.1
CLEAN = torch.tensor(data.camera()[None, 100:164, 180:244] / 255, dtype=torch.float32)
NOISE = torch.randn(CLEAN.shape, generator=torch.Generator().manual_seed(0))
NOISY = CLEAN + SIGMA * NOISE


def psnr(image: torch.Tensor) -> float:
    return -10 * math.log10((image - CLEAN).square().mean())


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def mixture(y, generated, leverage, noise, tick=no_tick) -> Mixture:
    return mix(y, filter_alone(y, noise, tick), generated, leverage, noise, rng(), tick)


def test_weights_of_linear_estimates_are_those_of_least_error():
    # a * y with known a has the divergence a n sigma²; the best mixture of shrinkages is Wiener's factor.
    generator = torch.Generator().manual_seed(3)
    signal, n = torch.randn(200_000, generator=generator), 200_000
    y = signal + 0.5 * torch.randn(n, generator=generator)
    weights = least_risk([(a - 1) * y for a in (0.0, 1.0)], [a * n * 0.25 for a in (0.0, 1.0)])
    assert weights[1] == pytest.approx(1 / 1.25, abs=0.01)
    assert sum(weights) == pytest.approx(1)


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_an_estimate_that_only_adds_error_has_no_share(bad):
    misfits = [torch.ones(10) * (1 + 3 * (i == bad)) for i in range(3)]
    weights = least_risk(misfits, [0.1, 0.1, 0.1])
    assert weights[bad] == 0
    assert min(weights) >= 0


def test_equal_estimates_are_no_trouble():
    assert sum(least_risk([torch.ones(10)] * 3, [0.1] * 3)) == pytest.approx(1)


@pytest.mark.parametrize("size", [(64, 64), (30, 300)])
def test_pixels_that_are_filtered_are_told_beforehand(size):
    y, told = torch.rand(1, *size, generator=rng()), []
    mixture(y, y, 0.5, ChannelNoise.equal(SIGMA, 1), told.append)
    assert sum(told) == pytest.approx(2 * size[0] * size[1] + pixels_mixed(size))


def test_mixture_is_its_parts_and_at_least_about_as_good():
    blurred = torch.nn.functional.avg_pool2d(NOISY, 3, 1, 1, count_include_pad=False)
    found = mixture(NOISY, blurred, 1 / 9, ChannelNoise.equal(SIGMA, 1))
    assert [part.name for part in found.parts] == ["guide", "again", "both", "generator"]
    mixed = sum(part.weight * part.image for part in found.parts)
    torch.testing.assert_close(found.image, mixed)
    assert psnr(found.image) > max(psnr(part.image) for part in found.parts) - 0.15
    assert psnr(found.image) > psnr(NOISY) + 7


def test_a_perfect_generator_gets_the_weight():
    found = mixture(NOISY, CLEAN, 0.0, ChannelNoise.equal(SIGMA, 1))
    assert found.parts[3].weight > 0.9


def test_a_useless_generator_gets_none():
    found = mixture(NOISY, torch.zeros_like(NOISY), 0.0, ChannelNoise.equal(SIGMA, 1))
    assert found.parts[3].weight < 0.01


def test_large_images_are_judged_by_their_middle():
    wide = NOISY[:, :24].repeat(1, 1, 5)
    generated = CLEAN[:, :24].repeat(1, 1, 5)
    generated[:, :, :20] = 0  # beyond the middle 256 columns of 320
    assert mixture(wide, generated, 0.0, ChannelNoise.equal(SIGMA, 1)).parts[3].weight > 0.9


def test_correlated_noise_is_left_to_the_groups():
    coarse = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(NOISE, (1, 1, 1, 1), mode="reflect"), 3, 1)
    coarse *= SIGMA / coarse.std()
    noisy = CLEAN + coarse
    aware = filter_alone(noisy, ChannelNoise.equal(SIGMA, 1, correlation_area=4.0))
    unaware = mixture(noisy, noisy, 0.5, ChannelNoise.equal(SIGMA, 1))
    assert psnr(aware) > psnr(unaware.image) + 0.3
    assert psnr(aware) > psnr(noisy) + 2
