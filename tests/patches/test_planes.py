"""Volumes by their planes."""

import numpy as np
import pytest
import torch

from cgdenoise.metrics import psnr
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.inpainting import fill_missing, pixels_filled
from cgdenoise.patches.planes import by_planes, equal_shares
from cgdenoise.patches.ridge import first_estimate


def ball(depth=12, side=20):
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, s) for s in (depth, side, side)), indexing="ij")
    return torch.from_numpy(np.where(x**2 + y**2 + z**2 < 0.6, 0.7 + 0.2 * x, 0.2)).float()[None]


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((3, 9, 12), (0,)), ((1, 16, 20, 20), (1, 2, 3)), ((1, 5, 20, 30), (1,)), ((2, 20, 6, 9), (2,)), ((1, 2, 3, 9), (1,))],
)
def test_planes_are_taken_across_axes_where_they_are_wide(shape, axes):
    shares = equal_shares(shape)
    assert tuple(shares) == axes
    assert sum(shares.values()) == pytest.approx(1)


def test_what_changes_nothing_changes_no_volume():
    volume, other = torch.randn(2, 9, 10, 11), torch.randn(2, 9, 10, 11)
    torch.testing.assert_close(by_planes(lambda x, y: x, equal_shares(volume.shape), volume, other), volume)
    seen = []
    by_planes(lambda x: seen.append(x.shape) or x, {2: 1.0}, volume)
    assert seen == [(2, 9, 11)] * 10
    torch.testing.assert_close(by_planes(lambda x: 2 * x, {0: 1.0}, volume[:, 0]), 2 * volume[:, 0])


def test_the_estimates_across_all_axes_are_better_than_across_one():
    clean = ball()
    noisy = clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))

    def filtered(shares):
        return by_planes(lambda y: first_estimate(y, ChannelNoise.equal(0.1, 1)), shares, noisy)

    one, all_three = (psnr(filtered(s).numpy(), clean.numpy(), 1) for s in ({1: 1.0}, equal_shares(tuple(clean.shape))))
    assert all_three > one + 0.2


def test_missing_voxels_are_filled_and_counted():
    clean = ball(9, 16)
    known = (torch.rand(clean.shape, generator=torch.Generator().manual_seed(1)) < 0.5).float()
    start = torch.where(known > 0, clean, clean[known > 0].mean())
    told = []
    found = fill_missing(clean, known, start, 0.0, told.append)
    assert torch.equal(found[known > 0], clean[known > 0])
    assert psnr(found.numpy(), clean.numpy(), 1) > psnr(start.numpy(), clean.numpy(), 1) + 5
    assert 0 < sum(told) <= pixels_filled(tuple(clean.shape)) * 1.001
