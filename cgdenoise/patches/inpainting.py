"""Filling missing pixels from groups of similar patches: each patch is completed by what is known of it.

The patches of a group are taken as draws from one normal distribution, whose mean and covariance come from the last image, and a
patch becomes its expectation given its known pixels (Yu, Sapiro & Mallat, "Solving Inverse Problems With Piecewise Linear
Estimators", IEEE TIP 2012, arXiv 1006.3056; one distribution for each group of similar patches: Aguerrebere et al., IEEE TCI
2017, arXiv 1606.03027).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import torch
from torch import Tensor

from cgdenoise.patches import composed
from cgdenoise.patches.kernels import native
from cgdenoise.patches.matching import Search
from cgdenoise.patches.planes import Shares, by_planes, equal_shares
from cgdenoise.progress import Tick, no_tick

# The figures behind these are in `benchmarks/NOTES.md`, "Missing pixels".


@dataclass(frozen=True)
class _Course:
    """How missing pixels are filled.

    Attributes
    ----------
    values : int
        Of a patch, all channels together: the work grows with their cube.
    most : int
        Patches of a group at most, of which there are one and a half as many as values, and at least 60.
    window : int
        Where they are searched, as in `Search`.
    steps : float
        References along the side of a patch.
    completed : int
        Patches of a group, the nearest to its reference, that are completed; all of them make its distribution.
    uncertain : tuple of float
        Standard deviation of what a group does not show (`_unshown`), in parts of the image's range of about 1, in each pass.
        Each pass knows the patches better by what the last one made of them.
    """

    values: int
    most: int
    window: int
    steps: float
    completed: int
    uncertain: tuple[float, ...]

    def search(self, channels: int) -> Search:
        """Return how to form the groups of images of so many channels."""
        patch = max(2, round(math.sqrt(self.values / channels)))
        count = max(60, min(self.most, 3 * channels * patch**2 // 2))
        return Search(patch, count, self.window, step=math.ceil(patch / self.steps))


_DENSE = _Course(values=40, most=100, window=37, steps=3, completed=24, uncertain=4 * (0.01,))
"""A few dozen values describe a patch: in grey that is patches of 6; those of 5 and 7 are within 0.1 dB of it, 8 is 0.2 dB worse.
A step of 2 pixels gains 0.1 over one of 4, for four times the work. 12 completed patches lose 0.1 dB, up to 0.2; 36 gain -0.04 to
0.07. 2 passes lose 1.3 dB, 8 gain 0.03. An uncertainty of 0.005 and one of 0.02 change -0.4 to +0.1 dB."""

_OF_PIXELS = replace(_DENSE, values=75, most=75, steps=2)
"""The same where a pixel's channels are all known or all missing: patches of 5 in colour. They gain 0.19 dB over those of 4 with
half missing, 0.32 with 70 % and 0.19 with noise (means of five and of four pictures of 128²), in less time. Where single values
are missing, of which the others of their pixel tell, they lose 1.1."""

SPARSE, _IF_SPARSE = (
    0.3,
    _Course(
        values=100, most=140, window=61, steps=1.7, completed=40, uncertain=(0.1, 0.084, 0.071, 0.06, 0.05, 0.042, 0.036, 0.03)
    ),
)
"""Share of known values below which another course holds: a patch should know ten. With 90 % missing, patches of 10 are better
than those of 8 and 12 by up to 0.2 dB; with 80 % they are 0.1 dB worse than those of 6, with 60 % 0.8 dB. What a group of a first
image shows is to be trusted less, and more neighbours are to be heard: against the numbers of `_DENSE` 0.2 to 0.7 dB."""

_SMOOTH, _REACH, _TOGETHER = 0.5, 1.0, 0.5
"""Of what a group does not show: the part of its variance that is smooth, the pixels over which that falls to 1 / e, and the part
of it that channels share. Against all white: 0.35 and 0.19 dB where 30 and 60 % of single values of colours are missing, 0.26 for
90 % of whole pixels; in grey 0.01 to 0.07, up to 0.9 where a picture is smooth, -0.05 at least. Twice and four times the reach
and more of it gain more where it is smooth and lose 0.1 to 0.2 on texture (`benchmarks/NOTES.md`, "Missing pixels")."""

_CHANNELS = 4
"""Channels at most that are completed together, by hand, in runs of about as many each. They tell of one another where one is
missing and another is known: with colours by themselves 30 % of random values missing gave 3 to 9 dB less."""

_MOMENTUM = 0.5
"""Part of a pass's change by which the next begins further on. Of 0, 0.5, 0.75 the middle one is the best or within 0.05 dB."""


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
    course = _course(known)
    parts = math.ceil(len(y) / _CHANNELS)
    for uncertain in course.uncertain:
        complete = partial(_completed, course=course, variance=sigma**2, uncertain=uncertain, tick=tick)
        begin = image + _MOMENTUM * change
        runs = zip(*(channels.tensor_split(parts) for channels in (values, known, begin)), strict=True)
        filled = torch.cat([by_planes(complete, planes, *run) for run in runs])
        if not sigma:
            filled = torch.where(known > 0, y, filled)
        image, change = filled, filled - image
    return image


def _course(known: Tensor) -> _Course:
    """Return how to fill what is missing of an image, of which values are known."""
    if float(known.mean()) < SPARSE:
        return _IF_SPARSE
    return _OF_PIXELS if len(known) > 1 and bool((known == known[:1]).all()) else _DENSE


def pixels_filled(shape: tuple[int, ...]) -> int:
    """Return the pixels that `fill_missing` tells of in all, at most, for an image [C, H, W] or a volume [C, D, H, W].

    Each takes half more time than one that is filtered (`patches.ridge`): 0.45 to 0.29 s for 256x256 in colour, on one core.
    """
    passes = max(len(course.uncertain) for course in (_DENSE, _IF_SPARSE))
    return passes * math.ceil(shape[0] / _CHANNELS) * len(equal_shares(shape)) * math.prod(shape[1:])


def _completed(y: Tensor, known: Tensor, pilot: Tensor, course: _Course, variance: float, uncertain: float, tick: Tick) -> Tensor:
    """Complete the patches of all groups and average where they overlap."""
    search = course.search(len(y)).limited_to((y.shape[1], y.shape[2]))
    complete = native.complete_groups if native.supports(y) else composed.complete_groups
    unshown = uncertain**2 * _unshown(len(y), search.patch)
    return complete(y, known, pilot, search, course.completed, variance, unshown, tick)


@lru_cache(maxsize=8)
def _unshown(channels: int, patch: int) -> Tensor:
    """Return the correlation of what a patch's values have beside what its group shows, [C patch², C patch²].

    What is wrong with a patch at one pixel is mostly wrong about it, too: the same as in kriging, where a mean that is known is
    corrected by the known values nearby (Matheron, "Principles of geostatistics", Economic Geology 1963).
    """
    rows, columns = (axis.flatten().float() for axis in torch.meshgrid(*2 * (torch.arange(patch),), indexing="ij"))
    apart = torch.hypot(rows[:, None] - rows, columns[:, None] - columns)
    shared = _TOGETHER + (1 - _TOGETHER) * torch.eye(channels)
    smooth = torch.kron(shared, torch.exp(-apart / _REACH))
    return (1 - _SMOOTH) * torch.eye(len(smooth)) + _SMOOTH * smooth
