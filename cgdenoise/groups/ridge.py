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

from cgdenoise.groups.matching import TILE, Search, match, tiles

FIRST = Search(patch=9, count=28, window=37, step=5)
SECOND = Search(patch=7, count=55, window=37, step=5)

_OPPONENT = [
    [1 / math.sqrt(length) * part for part in axis] for length, axis in [(3, (1, 1, 1)), (2, (1, 0, -1)), (6, (1, -2, 1))]
]
"""Luminance and two differences of colours, orthonormal: white noise of one level stays so."""

Weights = Callable[[Tensor, float], Tensor]
"""Takes groups [B, k, n] as deviations from their mean patches, and the standard deviation of the noise; gives [B, k, k]."""


def nonlocal_ridge(y: Tensor, sigma: float) -> Tensor:
    """Return an image without most of its noise: `first_estimate`, then `refine` with it as pilot.

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], of any size and in any unit; finite everywhere.
    sigma : float
        Standard deviation of the noise, in the image's unit: white and the same in all channels.

    Returns
    -------
    Tensor
        [C, H, W]. It follows any change of unit: `a * y + b` with noise `a * sigma` gives `a` times the image plus `b`.
    """
    return refine(y, first_estimate(y, sigma), sigma)


def first_estimate(y: Tensor, sigma: float, search: Search = FIRST, *, tile: int = TILE) -> Tensor:
    """Estimate an image from its noisy groups alone.

    The paper's first step minimises an unbiased estimate of the risk, I - n sigma² (Y Y')^-1, which is unbounded in
    directions that have less than the noise's power. Here a group is projected onto its principal directions that noise alone
    would not show: a better pilot, by 2 dB of its own and by 0.1 dB in what `refine` makes of it (kodim03, noise 25/255).

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], finite. Three channels are taken as colours: patches are compared by luminance, and filtered
        in an opponent space. Otherwise they are compared by all channels. Every channel is filtered by its own weights.
    sigma : float
        Standard deviation of the noise in `y`'s unit. 0 returns `y`, up to rounding.
    search : Search
        How to form the groups.
    tile : int
        References along each side of the tiles that are worked on at a time; for the memory only.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    return _filter(y, None, sigma, search, _above_the_noise, tile)


def refine(y: Tensor, pilot: Tensor, sigma: float, search: Search = SECOND, *, tile: int = TILE) -> Tensor:
    """Filter an image with the weights that would be best if a pilot were the truth: the second step of NL-Ridge.

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], finite; channels as in `first_estimate`.
    pilot : Tensor
        An estimate of the image without its noise, [C, H, W]. Patches are compared in it, and their weights come from it.
    sigma, search, tile
        As in `first_estimate`.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    return _filter(y, pilot, sigma, search, _ridge, tile)


def _above_the_noise(groups: Tensor, sigma: float) -> Tensor:
    """Return the projection onto the principal directions with more power than noise alone would have in any.

    The limit is the upper edge of the spectrum of white noise, n sigma² (1 + sqrt(k / n))² (Marchenko & Pastur, 1967).
    """
    k, n = groups.shape[1:]
    powers, directions = torch.linalg.eigh(groups @ groups.mT)
    kept: Tensor = directions * (powers > n * sigma**2 * (1 + math.sqrt(k / n)) ** 2)[:, None]
    return kept @ kept.mT


def _ridge(groups: Tensor, sigma: float) -> Tensor:
    """Return X X' (X X' + n sigma² I)^-1, the theta with the least expected error on noisy groups whose truth is X."""
    gram = groups @ groups.mT
    noise = groups.shape[2] * sigma**2
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


def _filter(y: Tensor, pilot: Tensor | None, sigma: float, search: Search, weights: Weights, tile: int) -> Tensor:
    """Filter all groups of an image and average the overlapping estimates. Without a pilot the image is its own."""
    axes = y.new_tensor(_OPPONENT) if len(y) == 3 else torch.eye(len(y), dtype=y.dtype, device=y.device)
    noisy = torch.einsum("ij,jhw->ihw", axes, y)
    truth = None if pilot is None else torch.einsum("ij,jhw->ihw", axes, pilot)
    guide = noisy if truth is None else truth
    guide = guide[:1] if len(y) == 3 else guide
    size = (y.shape[1], y.shape[2])
    search = search.limited_to(size)
    total, count = torch.zeros_like(noisy), torch.zeros_like(noisy)
    for part in tiles(size, search, tile):
        area = (slice(None), *part.area)
        members = match(guide[area], part, search)
        like = None if truth is None else truth[area]
        sums, counts = _filter_area(noisy[area], like, members, search.patch, lambda x: weights(x, sigma))
        total[area] += sums
        count[area] += counts
    return torch.einsum("ji,jhw->ihw", axes, total / count)


def _filter_area(
    noisy: Tensor, truth: Tensor | None, members: Tensor, patch: int, weights: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the sum of each pixel's weighted estimates and that of their weights, both [C, H, W].

    Parameters
    ----------
    noisy, truth : Tensor
        What to filter and what to take the weights from, [C, H, W].
    members : Tensor
        Groups, [N, k], by the patches' numbers in the area.
    """
    patches = _patches(noisy, patch)
    channels, positions, n = patches.shape
    # Channels are further patches to all that follows: of each group there are as many as channels.
    index = (members.flatten() + positions * torch.arange(channels, device=members.device)[:, None]).flatten()
    y = patches.flatten(0, 1).index_select(0, index).view(-1, members.shape[1], n)
    x = y if truth is None else _patches(truth, patch).flatten(0, 1).index_select(0, index).view_as(y)
    theta = weights(x - x.mean(1, keepdim=True))
    theta += (1 - theta.sum(2, keepdim=True)) / theta.shape[2]  # what the deviations leave is the mean patch's
    mean = y.mean(1, keepdim=True)
    estimates = torch.baddbmm(mean.expand_as(y), theta, y - mean)
    # An estimate counts by the inverse of the noise it lets through, as in the paper: k at most, as the row sums to 1.
    confidence = 1 / theta.square().sum(2, keepdim=True)
    # index_add_ runs in the order of the index: the same sums each time.
    sums = y.new_zeros(channels * positions, n).index_add_(0, index, estimates.mul_(confidence).view(-1, n))
    counts = y.new_zeros(channels * positions).index_add_(0, index, confidence.flatten())
    spread = counts.view(channels, 1, positions).expand(-1, n, -1)
    size = noisy.shape[1:]
    return functional.fold(sums.view_as(patches).mT, size, patch)[:, 0], functional.fold(spread, size, patch)[:, 0]


def _patches(image: Tensor, patch: int) -> Tensor:
    """Return all patches of each channel, [C, positions, n]."""
    return functional.unfold(image[:, None], patch).mT.contiguous()
