"""Filling missing pixels from groups of similar patches: each patch is completed by what is known of it.

The patches of a group are taken as draws from one normal distribution, whose mean and covariance come from the last image, and a
patch becomes its expectation given its known pixels (Yu, Sapiro & Mallat, "Solving Inverse Problems With Piecewise Linear
Estimators", IEEE TIP 2012, arXiv 1006.3056; one distribution for each group of similar patches: Aguerrebere et al., IEEE TCI
2017, arXiv 1606.03027).
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from cgdenoise.patches import composed
from cgdenoise.patches.kernels import native
from cgdenoise.patches.matching import Search
from cgdenoise.patches.planes import Shares, by_planes, equal_shares
from cgdenoise.progress import Tick, no_tick

# The figures behind these are in `benchmarks/NOTES.md`, "Missing pixels".

_VALUES = 40
"""Values of a patch, all channels together: a few dozen describe it, and the work grows with their cube. In grey that is patches
of 6; those of 5 and 7 are within 0.1 dB of it, 8 is 0.2 dB worse."""

_VALUES_IF_SPARSE, _SPARSE = 100, 0.3
"""The same, and the share of known values below which it holds: a patch should know ten. With 90 % missing, patches of 10 are
better than those of 8 and 12 by up to 0.2 dB; with 80 % they are 0.1 dB worse than those of 6, with 60 % 0.8 dB."""

_CHANNELS = 4
"""Channels at most that are completed together, by hand. They tell of one another where one is missing and another is known: with
colours by themselves 30 % of random values missing gave 3 to 9 dB less."""

_COMPLETED = 24
"""Patches of a group, the nearest to its reference, that are completed; all of them make its distribution. 12 lose 0.1 dB, up to
0.2; 36 gain -0.04 to 0.07 for a third more time."""

_PASSES, _MOMENTUM = 4, 0.5
"""Each pass knows the patches better by what the last one made of them, and begins further on by this part of its change. 2
passes lose 1.3 dB, 8 gain 0.03 (half missing, from the nearest neighbours). Of momenta of 0, 0.5 and 0.75 the middle one is the
best or within 0.05 dB."""

_UNCERTAIN = 0.01
"""Standard deviation of what the group's covariance does not show, in parts of the image's range of about 1. The best of 0.003,
0.01, 0.015 and 0.02, or within 0.05 dB of it."""


def fill_missing(
    y: Tensor, known: Tensor, start: Tensor, sigma: float, tick: Tick = no_tick, shares: Shares | None = None
) -> Tensor:
    """Fill the missing pixels of an image, and remove white noise from the known ones.

    Parameters
    ----------
    y : Tensor
        [C, H, W], or a volume [C, D, H, W], which is filled `by_planes`; finite where it is known.
    known : Tensor
        1 where a value is known and 0 where it is missing, of `y`'s shape and dtype. A pixel's channels need not go together.
    start : Tensor
        A first image, of that shape, finite, with a range of about 1.
    sigma : float
        Standard deviation of the noise, in the image's unit. 0: known values stay as they are.
    tick : callable
        Called after each tile; see `pixels_filled`.
    shares : mapping of int to float, optional
        Of the planes of a volume; equal ones if not given.

    Returns
    -------
    Tensor
        Of `y`'s shape.
    """
    values = torch.where(known > 0, y, 0)
    planes = equal_shares(tuple(y.shape)) if shares is None else shares
    image, change = start, torch.zeros_like(start)
    complete = partial(_completed, variance=sigma**2, tick=tick)
    for _ in range(_PASSES):
        begin = image + _MOMENTUM * change
        runs = [slice(first, first + _CHANNELS) for first in range(0, len(y), _CHANNELS)]
        filled = torch.cat([by_planes(complete, planes, values[run], known[run], begin[run]) for run in runs])
        if not sigma:
            filled = torch.where(known > 0, y, filled)
        image, change = filled, filled - image
    return image


def pixels_filled(shape: tuple[int, ...]) -> int:
    """Return the pixels that `fill_missing` tells of in all, for an image [C, H, W] or a volume [C, D, H, W].

    Each takes half more time than one that is filtered (`patches.ridge`): 0.45 to 0.29 s for 256x256 in colour, on one core.
    """
    return _PASSES * math.ceil(shape[0] / _CHANNELS) * len(equal_shares(shape)) * math.prod(shape[1:])


def _search(channels: int, share: float) -> Search:
    """Return how to form the groups, for so many channels of which this share is known."""
    values = _VALUES if share >= _SPARSE else _VALUES_IF_SPARSE
    patch = max(2, round(math.sqrt(values / channels)))
    # A distribution wants more patches than they have values; 60 of them and the window are those of `ridge`, by and large. The
    # bounds and the step are by hand, and were not measured with others.
    return Search(patch, count=max(60, min(100, 3 * channels * patch**2 // 2)), window=37, step=(patch + 2) // 2)


def _completed(y: Tensor, known: Tensor, pilot: Tensor, variance: float, tick: Tick) -> Tensor:
    """Complete the patches of all groups and average where they overlap."""
    search = _search(len(y), float(known.mean())).limited_to((y.shape[1], y.shape[2]))
    complete = native.complete_groups if native.supports(y) else composed.complete_groups
    return complete(y, known, pilot, search, _COMPLETED, variance, _UNCERTAIN**2, tick)
