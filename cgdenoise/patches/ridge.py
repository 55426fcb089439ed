"""Noise removed from groups of similar patches by linear combinations of their members, in two steps.

The method is NL-Ridge (Herbreteau & Kervrann, ICIP 2022, arXiv 2203.00570; affine combinations: arXiv 2402.13816). A group of
k patches with n pixels each is a matrix Y [k, n]; theta Y, theta [k, k], estimates it without its noise. Every combination
here is affine, which means that the rows of theta sum to 1, so that an offset passes through unchanged. For this the mean
patch of the group is kept and theta is found for the deviations from it: the constraint then holds by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.matching import TILE, Search, overlapped
from cgdenoise.progress import Tick, no_tick

FIRST = Search(patch=9, count=28, window=37, step=5)
"""Groups of the first step. The window is that of the authors' code, which has patches of 7, 18 of them, and a step of 4. With
those 18 patches, or with patches of 7, the projection onto directions loses 0.1 to 0.3 dB, with 56 it gains 0.1, but what
`refine` makes of it stays within 0.1 dB; so it does with steps of 3 and 4, for more time (`benchmarks/NOTES.md`, "Sizes of the
groups")."""

SECOND = Search(patch=7, count=55, window=37, step=5)
"""Groups of the second step: those of the authors' code, but for its step of 4. 28 patches lose 0.1 to 0.4 dB, 110 gain -0.02 to
0.14; a window of 19 and a step of 4 change less than 0.05 dB."""

Weights = Callable[[Tensor, Tensor, float], Tensor]
"""Takes groups [B, k, n] as deviations from their mean patches, the variance of the noise in each, [B], and its correlation area;
returns [B, k, k]."""


def nonlocal_ridge(y: Tensor, noise: ChannelNoise, tick: Tick = no_tick) -> Tensor:
    """Return the NL-Ridge estimate of an image: `first_estimate`, then `refine` with it as pilot.

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], of any size and in any unit; finite everywhere.
    noise : ChannelNoise
        In the image's unit.
    tick : callable
        Called after each tile.

    Returns
    -------
    Tensor
        [C, H, W]. It follows any change of unit: `a * y + b` with `a` times the noise gives `a` times the image plus `b`.
    """
    return refine(y, first_estimate(y, noise, tick=tick), noise, tick=tick)


def first_estimate(y: Tensor, noise: ChannelNoise, search: Search = FIRST, *, tile: int = TILE, tick: Tick = no_tick) -> Tensor:
    """Estimate an image from its noisy groups alone.

    The paper's first step minimises an unbiased estimate of the risk, I - n sigma² (Y Y')^-1, which is unbounded in
    directions that have less than the noise's power. Here a group is projected onto its principal directions that noise alone
    would not show: a better pilot, by 2 dB of its own and by 0.1 dB in what `refine` makes of it (kodim03, noise 25/255).

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], finite. It is filtered along each axis of the noise by itself.
    noise : ChannelNoise
        In `y`'s unit. Where it is 0 nothing changes, up to rounding.
    search : Search
        How to form the groups.
    tile : int
        References along each side of the tiles that are worked on at a time; for the memory only.
    tick : callable
        Called after each tile.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    return _filter(y, None, noise, search, _above_the_noise, tile, tick)


def refine(
    y: Tensor, pilot: Tensor, noise: ChannelNoise, search: Search = SECOND, *, tile: int = TILE, tick: Tick = no_tick
) -> Tensor:
    """Filter an image with the weights that would be best if a pilot were the truth: the second step of NL-Ridge.

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], finite; channels as in `first_estimate`.
    pilot : Tensor
        An estimate of the image without its noise, [C, H, W]. Patches are compared in it, and their weights come from it.
    noise, search, tile, tick
        As in `first_estimate`.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    return _filter(y, pilot, noise, search, _ridge, tile, tick)


def _above_the_noise(groups: Tensor, variance: Tensor, correlation_area: float) -> Tensor:
    """Return the projection onto the principal directions with more power than noise alone would have in any.

    The limit is the upper edge of the spectrum of white noise, n sigma² (1 + sqrt(k / n))² (Marchenko & Pastur, 1967).
    A patch of correlated noise holds n / correlation_area independent values, fewer than n, which widens the spectrum.
    """
    k, n = groups.shape[1:]
    edge = n * variance * (1 + math.sqrt(k * correlation_area / n)) ** 2
    powers, directions = _eigh(groups @ groups.mT)
    kept: Tensor = directions * (powers > edge[:, None])[:, None]
    return kept @ kept.mT


def _eigh(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues and eigenvectors, by way of the CPU where the device has no kernel for it, as MPS."""
    supported = matrices if matrices.device.type == "cuda" else matrices.cpu()
    powers, directions = torch.linalg.eigh(supported)
    return powers.to(matrices.device), directions.to(matrices.device)


def _ridge(groups: Tensor, variance: Tensor, correlation_area: float) -> Tensor:
    """Return X X' (X X' + n sigma² I)^-1, the theta with the least expected error on noisy groups whose truth is X."""
    gram = groups @ groups.mT
    noise = groups.shape[2] * variance  # correlated or not: the error of a patch is a sum over its pixels
    # With noise near 0 the system is singular where patches repeat. What is added is at the level of the Gram matrix's
    # rounding; it is not counted as noise, and so the limit of no noise is the identity.
    precision = torch.finfo(groups.dtype)
    ridge = noise + 8 * precision.eps * gram.diagonal(dim1=1, dim2=2).sum(1) + precision.tiny
    gram /= ridge[:, None, None]
    gram.diagonal(dim1=1, dim2=2).add_(1)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky_ex(gram).L)
    theta = inverse.mul_(-(noise / ridge)[:, None, None])
    theta.diagonal(dim1=1, dim2=2).add_(1)
    return theta


def _filter(
    y: Tensor, pilot: Tensor | None, noise: ChannelNoise, search: Search, weights: Weights, tile: int, tick: Tick
) -> Tensor:
    """Filter all groups of an image and average the overlapping estimates. Without a pilot the image is its own."""
    noisy = noise.rotate(y)
    rotated_pilot = None if pilot is None else noise.rotate(pilot)
    guide = noise.comparable(noisy if rotated_pilot is None else rotated_pilot)
    variances = y.new_tensor(noise.sigmas).square()
    search = search.limited_to((y.shape[1], y.shape[2]))

    def estimate(area: tuple[slice, ...], members: Tensor) -> tuple[Tensor, Tensor]:
        pilot_area = None if rotated_pilot is None else rotated_pilot[area]
        return _filter_area(noisy[area], pilot_area, members, search.patch, weights, variances, noise.correlation_area)

    return noise.rotate_back(overlapped(noisy, guide, search, tile, estimate, tick))


def _filter_area(
    noisy: Tensor, pilot: Tensor | None, members: Tensor, patch: int, weights: Weights, variances: Tensor, correlation_area: float
) -> tuple[Tensor, Tensor]:
    """Return the sum of each pixel's weighted estimates and that of their weights, both [C, H, W].

    Parameters
    ----------
    noisy, pilot : Tensor
        What to filter and what to take the weights from, [C, H, W]; without a pilot the noisy image is its own.
    members : Tensor
        Groups, [N, k], by the patches' numbers in the area.
    variances : Tensor
        Of the noise in each channel, [C].
    """
    patches = _patches(noisy, patch)
    channels, positions, n = patches.shape
    # Channels are further patches to all that follows: of each group there are as many as channels.
    index = (members.flatten() + positions * torch.arange(channels, device=members.device)[:, None]).flatten()
    y = patches.flatten(0, 1).index_select(0, index).view(-1, members.shape[1], n)
    x = y if pilot is None else _patches(pilot, patch).flatten(0, 1).index_select(0, index).view_as(y)
    theta = weights(x - x.mean(1, keepdim=True), variances.repeat_interleave(len(members)), correlation_area)
    theta += (1 - theta.sum(2, keepdim=True)) / theta.shape[2]  # what the deviations leave is the mean patch's
    mean = y.mean(1, keepdim=True)
    estimates = torch.baddbmm(mean.expand_as(y), theta, y - mean)
    # An estimate counts by the inverse of the noise it lets through, as in the paper: k at most, as the row sums to 1.
    confidence = 1 / theta.square().sum(2, keepdim=True)
    # index_add_ runs in the order of the index: the same sums each time.
    sums = y.new_zeros(channels * positions, n).index_add_(0, index, estimates.mul_(confidence).view(-1, n))
    counts = y.new_zeros(channels * positions).index_add_(0, index, confidence.flatten())
    of_pixels = counts.view(channels, 1, positions).expand(-1, n, -1)
    size = noisy.shape[1:]
    return functional.fold(sums.view_as(patches).mT, size, patch)[:, 0], functional.fold(of_pixels, size, patch)[:, 0]


def _patches(image: Tensor, patch: int) -> Tensor:
    """Return all patches of each channel, [C, positions, n]."""
    return functional.unfold(image[:, None], patch).mT.contiguous()
