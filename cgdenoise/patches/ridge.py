"""Noise removed from groups of similar patches by linear combinations of their members, in two steps.

The method is NL-Ridge (Herbreteau & Kervrann, ICIP 2022, arXiv 2203.00570; affine combinations: arXiv 2402.13816). A group of
k patches with n pixels each is a matrix Y [k, n]; theta Y, theta [k, k], estimates it without its noise. Every combination
here is affine, which means that the rows of theta sum to 1, so that an offset passes through unchanged. For this the mean
patch of the group is kept and theta is found for the deviations from it: the constraint then holds by itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from cgdenoise.patches import composed
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.kernels import native
from cgdenoise.patches.kernels.native import RIDGE, Keep
from cgdenoise.patches.matching import Search
from cgdenoise.progress import Tick, no_tick

FIRST = Search(patch=9, count=28, window=37, step=5)
"""Groups of the first step. The window is that of the authors' code, which has patches of 7, 18 of them, and a step of 4. With
those 18 patches, or with patches of 7, the projection onto directions loses 0.1 to 0.3 dB, with 56 it gains 0.1, but what
`refine` makes of it stays within 0.1 dB; so it does with steps of 3 and 4, for more time (`benchmarks/NOTES.md`, "Sizes of the
groups")."""

SECOND = Search(patch=7, count=55, window=37, step=5)
"""Groups of the second step: those of the authors' code, but for its step of 4. 28 patches lose 0.1 to 0.4 dB, 110 gain -0.02 to
0.14; a window of 19 and a step of 4 change less than 0.05 dB."""

REPEATED = Search(patch=7, count=80, window=37, step=6)
"""Groups of `repeated_ridge`. 80 patches for 55 gain 0.02 dB at noise of 25 of 255 and 0.08 at 50; steps of 5 gain less than 0.01
for a sixth more of the time of all filters (`benchmarks/NOTES.md`, "Rounds" and "Two scales")."""

ROUNDS, _LEFT = 2, 0.75
"""Rounds, and the share of the image before that the first of many would keep. The share is the paper's; 3 rounds gain 0.02 to
0.05 dB (as above), of which 0.01 is left after `shrinkage`."""

_AROUND = 3
"""Side of a neighbourhood whose noise is asked for; 7, 13 and 25 give the same within 0.02 dB (as above)."""


@dataclass(frozen=True)
class Purified:
    """Weights that keep the principal directions of a group which noise alone would not show, and few of the others.

    Attributes
    ----------
    share : float
        Power of a direction that keeps half, in parts of the most that noise alone would show.
    times : int
        How often they are purified: see `Keep`.
    """

    share: float
    times: int


PROJECTION = Purified(1.2, 3)
"""Of the first step, nearly a projection. One by eigenvectors gives the same in the end (within 0.01 dB at noise of 15 and 25 of
255, 0.02 less at 50) for 1.4 times the time, and 0.1 to 0.2 dB less in the loop of Fourier lines; purified twice, 0.02 less; a
share of 1 loses 0.03 to 0.04, of 1.4 0.01 (`benchmarks/NOTES.md`, "Directions without eigenvectors")."""


def nonlocal_ridge(y: Tensor, noise: ChannelNoise, tick: Tick = no_tick) -> Tensor:
    """Return the NL-Ridge estimate of an image: `first_estimate`, then `refine` with it as pilot.

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], of any size and in any unit; finite everywhere.
    noise : ChannelNoise
        In the image's unit.
    tick : callable
        Called several times a second.

    Returns
    -------
    Tensor
        [C, H, W]. It follows any change of unit: `a * y + b` with `a` times the noise gives `a` times the image plus `b`.
    """
    return refine(y, first_estimate(y, noise, tick=tick), noise, tick=tick)


def first_estimate(
    y: Tensor, noise: ChannelNoise, search: Search = FIRST, purified: Purified = PROJECTION, tick: Tick = no_tick
) -> Tensor:
    """Estimate an image from its noisy groups alone.

    The paper's first step minimises an unbiased estimate of the risk, I - n sigma² (Y Y')^-1, which is unbounded in
    directions that have less than the noise's power. Here the principal directions that noise alone would not show are kept
    nearly whole, and the others nearly go: a better pilot, by 2 dB of its own and by 0.1 dB in what `refine` makes of it
    (kodim03, noise 25/255).

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], finite. It is filtered along each axis of the noise by itself.
    noise : ChannelNoise
        In `y`'s unit. Where it is 0 nothing changes, up to rounding.
    search : Search
        How to form the groups.
    purified : Purified
        How much of which directions is kept.
    tick : callable
        Called several times a second.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    return _filter(y, None, noise, search, purified, tick)


def refine(y: Tensor, pilot: Tensor, noise: ChannelNoise, search: Search = SECOND, tick: Tick = no_tick) -> Tensor:
    """Filter an image with the weights that would be best if a pilot were the truth: the second step of NL-Ridge.

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], finite; channels as in `first_estimate`.
    pilot : Tensor
        An estimate of the image without its noise, [C, H, W]. Patches are compared in it, and their weights come from it.
    noise, search, tick
        As in `first_estimate`.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    return _filter(y, pilot, noise, search, None, tick)


def repeated_ridge(
    y: Tensor, pilot: Tensor, noise: ChannelNoise, search: Search = REPEATED, rounds: int = ROUNDS, tick: Tick = no_tick
) -> Tensor:
    """Filter an image in rounds, each with the last one's result as pilot and with less of the noise.

    After each round the image to filter next is mixed from the result and the image before, with a share that falls to 0
    (Herbreteau & Kervrann, "A unified framework of nonlocal parametric methods for image denoising", 2022, arXiv 2212.00422:
    LIChI). How much noise is left in it follows from what was taken out: where that was less than the noise, in texture, there is
    more. In the paper this is asked of each group; here of each pixel's neighbourhood, which is as good.

    Parameters
    ----------
    y, pilot, noise, search, tick
        As in `refine`.
    rounds : int
        At least 1. One round is `refine`.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    noisy = noise.rotate(y)
    variances = pixel_variances(noise, noisy)
    remaining, level = noisy, torch.ones_like(noisy)
    image = filter_rotated(noisy, noise.rotate(pilot), noise, variances, search, None, tick)
    for number in range(1, rounds):
        share = _LEFT * (1 - number / rounds)
        remaining = torch.lerp(image, remaining, share / level)
        removed = removed_power(noisy, remaining, _AROUND)
        level = (1 - (removed / variances.clamp(min=torch.finfo(y.dtype).tiny)).sqrt()).clamp(min=share)
        image = filter_rotated(remaining, image, noise, variances * level.square(), search, None, tick)
    return noise.rotate_back(image)


def _filter(
    y: Tensor, pilot: Tensor | None, noise: ChannelNoise, search: Search, purified: Purified | None, tick: Tick
) -> Tensor:
    """Filter all groups of an image along each axis of its noise. Without a pilot the image is its own."""
    noisy = noise.rotate(y)
    rotated = noisy if pilot is None else noise.rotate(pilot)
    return noise.rotate_back(filter_rotated(noisy, rotated, noise, pixel_variances(noise, noisy), search, purified, tick))


def filter_rotated(
    noisy: Tensor,
    pilot: Tensor,
    noise: ChannelNoise,
    variances: Tensor,
    search: Search,
    purified: Purified | None,
    tick: Tick = no_tick,
) -> Tensor:
    """Filter all groups of an image that is in the axes of its noise, whose variances are given for each pixel.

    Unless they are purified the weights are the best ones if the pilot is the truth. Of frames, [C, F, H, W], the groups have
    members in the frames before and after: so it is with all that is built on this.
    """
    search = search.limited_to((noisy.shape[-2], noisy.shape[-1]))
    keep = RIDGE if purified is None else Keep(purified.share * _edge(search, noise.correlation_area), purified.times)
    if noisy.ndim == 4:
        return composed.filter_frames(noisy, pilot, noise.comparable(pilot), search, keep, variances, tick)
    groups = native if native.supports(noisy) else composed
    filtered: Tensor = groups.filter_groups(noisy, pilot, noise.comparable(pilot), search, keep, variances, tick)
    return filtered


def removed_power(noisy: Tensor, image: Tensor, side: int) -> Tensor:
    """Return the mean square of what was taken out of an image [C, H, W], in the square of an odd side around each pixel."""
    return functional.avg_pool2d((noisy - image).square(), side, 1, side // 2, count_include_pad=False)


def pixel_variances(noise: ChannelNoise, rotated: Tensor) -> Tensor:
    """Return the variance of the noise at each pixel of an image that is in its axes."""
    of_axes = rotated.new_tensor(noise.sigmas).square()
    return of_axes.view(-1, *[1] * (rotated.ndim - 1)).expand_as(rotated)


def _edge(search: Search, correlation_area: float) -> float:
    """Return how far noise alone spreads the powers of a group's principal directions beyond their mean.

    It is the upper edge of the spectrum of white noise, n sigma² (1 + sqrt(k / n))² (Marchenko & Pastur, 1967), in parts of
    n sigma². A patch of correlated noise holds n / correlation_area independent values, fewer than n, which widens the spectrum.
    """
    return (1 + math.sqrt(search.count * correlation_area / search.patch**2)) ** 2
