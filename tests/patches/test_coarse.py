"""Correlated noise removed by large patches and by whitened images: which are used, and what they gain."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage import data

from cgdenoise.patches import coarse
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.coarse import filter_coarse, filter_coarse_colours, filter_lawful, filter_whitened, passes
from cgdenoise.patches.white import filter_white

SIGMA = 0.1
LAGS = np.exp(-np.square(np.arange(8)) / (4 * 0.7**2))
COARSE = ChannelNoise.equal(SIGMA, 1, tuple(map(tuple, np.outer(LAGS, LAGS).tolist())))
WHITE = ChannelNoise.equal(SIGMA, 1)


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.tensor(image[None], dtype=torch.float32)


NOISE = gaussian_filter(np.random.default_rng(0).standard_normal((64, 64)), 0.7)
NOISE = tensor(SIGMA * NOISE / NOISE.std())
CLEAN = tensor(data.camera()[100:164, 180:244] / 255)
GRASS = tensor(data.grass()[:64, :64] / 255)
NOISY = CLEAN + NOISE


def psnr(image: torch.Tensor, clean: torch.Tensor = CLEAN) -> float:
    return -10 * math.log10((image - clean).square().mean())


def test_a_whitened_image_is_better_than_filters_that_take_the_noise_for_white():
    whitened, unaware = filter_whitened(NOISY, COARSE, 0.01, 1.0), filter_white(NOISY, WHITE)
    assert psnr(whitened) > psnr(unaware) + 0.8 > psnr(NOISY) + 4  # measured: 1.2, 4.3


def test_the_mean_of_all_is_returned_and_its_passes_are_told_beforehand():
    told = []
    image = filter_coarse(NOISY, COARSE, tick=told.append)
    assert psnr(image) > psnr(NOISY) + 4
    assert sum(told) == pytest.approx(64 * 64 * passes())


def test_channels_with_noise_of_their_own_need_no_large_patches(monkeypatch):
    lawful = filter_whitened(NOISY, COARSE, 0.01, 1.0)
    monkeypatch.setattr(coarse, "first_estimate", None)
    assert torch.equal(filter_coarse(NOISY, COARSE, 0.1), lawful)
    with pytest.raises(TypeError):
        filter_coarse(NOISY, COARSE, 0.4)


def test_noise_that_channels_share_much_of_is_not_believed_to_follow_its_law():
    assert torch.equal(filter_coarse(NOISY, COARSE, 0.4), filter_coarse(NOISY, COARSE))
    wary = 2 * filter_coarse(NOISY, COARSE, 0.9) - filter_whitened(NOISY, COARSE, 0.15, 2.0)
    large = (
        3 * filter_coarse(NOISY, COARSE) - filter_whitened(NOISY, COARSE, 0.15, 2.0) - filter_whitened(NOISY, COARSE, 0.01, 1.0)
    )
    torch.testing.assert_close(wary, large, rtol=0, atol=1e-5)


def test_large_patches_that_take_out_more_than_exactly_known_noise_are_left_out():
    noisy = GRASS + NOISE
    exact, guessed = filter_coarse(noisy, COARSE, exact=True), filter_coarse(noisy, COARSE)
    assert torch.equal(exact, filter_lawful(noisy, COARSE, exact=True))
    assert psnr(exact, GRASS) > psnr(guessed, GRASS) + 0.5


def test_an_exact_level_is_that_of_the_frequencies_that_have_noise():
    lags = np.exp(-np.square(np.arange(8)) / (4 * 1.5**2))
    law = ChannelNoise.equal(SIGMA, 1, tuple(map(tuple, np.outer(lags, lags).tolist())))
    noise = gaussian_filter(np.random.default_rng(0).standard_normal((64, 64)), 1.5)
    noisy = CLEAN + tensor(SIGMA * noise / noise.std())
    exact, guessed = (psnr(filter_lawful(noisy, law, exact=told)) for told in (True, False))
    assert exact > guessed + 0.5  # measured: 0.84


def test_colours_alone_are_whitened_with_the_pilot():
    clean = torch.tensor(data.coffee()[100:164, 150:214] / 255, dtype=torch.float32).permute(2, 0, 1)
    lags = tuple(map(tuple, np.outer(LAGS, LAGS).tolist()))
    noise = ChannelNoise(ChannelNoise.equal(1.0, 3).axes, (0.06, 0.06, 0.06), colour=lags)
    rng = np.random.default_rng(0)
    white, *rest = rng.standard_normal((3, 64, 64))
    colours = [gaussian_filter(each, 0.7) for each in rest]
    added = noise.rotate_back(torch.tensor(np.stack([white, *(each / each.std() for each in colours)]), dtype=torch.float32))
    noisy = clean + 0.06 * added
    aware, unaware = filter_coarse_colours(noisy, noise), filter_white(noisy, ChannelNoise(noise.axes, noise.sigmas))
    assert psnr(aware, clean) > psnr(unaware, clean) + 0.5
    assert psnr(filter_coarse_colours(noisy, noise, clean), clean) > psnr(aware, clean)
