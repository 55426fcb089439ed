"""Filling missing pixels from groups of similar patches: each patch is completed by what is known of it.

The patches of a group are taken as draws from one normal distribution, whose mean and covariance come from the last image, and a
patch becomes its expectation given its known pixels (Yu, Sapiro & Mallat, "Solving Inverse Problems With Piecewise Linear
Estimators", IEEE TIP 2012, arXiv 1006.3056; one distribution for each group of similar patches: Aguerrebere et al., IEEE TCI
2017, arXiv 1606.03027).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from cgdenoise.patches.matching import Search, overlapped
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

_COMPLETED = 12
"""Patches of a group, the nearest to its reference, that are completed; all of them make its distribution. To complete all takes
several times as long, for 0.1 or 0.2 dB."""

_PASSES, _MOMENTUM = 4, 0.5
"""Each pass knows the patches better by what the last one made of them, and begins further on by this part of its change. 2
passes lose 1.3 dB, 8 gain 0.03 (half missing, from the nearest neighbours). Of momenta of 0, 0.5 and 0.75 the middle one is the
best or within 0.05 dB."""

_UNCERTAIN = 0.01
"""Standard deviation of what the group's covariance does not show, in parts of the image's range of about 1. The best of 0.003,
0.01, 0.015 and 0.02, or within 0.05 dB of it."""

_TILE = 16
"""References along each side of a tile. The systems of its patches fill about 200 MB at most."""

_COST = 4
"""Time to complete a pixel's patches, in that of a filter (`patches.ridge`): 4.4 s to 1.2 s for 256x256 pixels in colour."""

_ROUNDING = 1e-6
"""Added to the variance of known pixels, in parts of their own: without noise, equal pixels would make a system singular. Eight
times the rounding of float32."""


def fill_missing(y: Tensor, known: Tensor, start: Tensor, sigma: float, tick: Tick = no_tick) -> Tensor:
    """Fill the missing pixels of an image, and remove white noise from the known ones.

    Parameters
    ----------
    y : Tensor
        [C, H, W]; finite where it is known.
    known : Tensor
        1 where a value is known and 0 where it is missing, [C, H, W], in `y`'s dtype. A pixel's channels need not go together.
    start : Tensor
        A first image, [C, H, W], finite, with a range of about 1.
    sigma : float
        Standard deviation of the noise, in the image's unit. 0: known values stay as they are.
    tick : callable
        Called after each tile; see `pixels_filled`.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    values = torch.where(known > 0, y, 0)
    image, change = start, torch.zeros_like(start)
    for _ in range(_PASSES):
        begin = image + _MOMENTUM * change
        runs = [slice(first, first + _CHANNELS) for first in range(0, len(y), _CHANNELS)]
        filled = torch.cat([_completed(values[run], known[run], begin[run], sigma**2, tick) for run in runs])
        if not sigma:
            filled = torch.where(known > 0, y, filled)
        image, change = filled, filled - image
    return image


def pixels_filled(shape: tuple[int, ...]) -> int:
    """Return the pixels that `fill_missing` tells of in all, for an image [C, H, W]."""
    return _COST * _PASSES * math.ceil(shape[0] / _CHANNELS) * shape[1] * shape[2]


def _search(channels: int, share: float) -> Search:
    """Return how to form the groups, for so many channels of which this share is known."""
    values = _VALUES if share >= _SPARSE else _VALUES_IF_SPARSE
    patch = max(2, round(math.sqrt(values / channels)))
    # A distribution wants more patches than they have values; 60 of them and the window are those of `ridge`, by and large. The
    # bounds and the step are by hand, and were not measured with others.
    return Search(patch, count=max(60, min(100, 3 * channels * patch**2 // 2)), window=37, step=(patch + 2) // 2)


def _completed(y: Tensor, known: Tensor, pilot: Tensor, variance: float, tick: Tick) -> Tensor:
    """Complete the patches of all groups and average where they overlap."""

    def tell(pixels: float) -> None:
        tick(_COST * pixels)

    search = _search(len(y), float(known.mean())).limited_to((y.shape[1], y.shape[2]))

    def estimate(area: tuple[slice, ...], members: Tensor) -> tuple[Tensor, Tensor]:
        return _complete_area(y[area], known[area], pilot[area], members, search.patch, variance)

    return overlapped(y, pilot, search, _TILE, estimate, tell)


def _complete_area(
    y: Tensor, known: Tensor, pilot: Tensor, members: Tensor, patch: int, variance: float
) -> tuple[Tensor, Tensor]:
    """Return the sum of each pixel's weighted estimates and that of their weights, both [C, H, W].

    Parameters
    ----------
    y, known, pilot : Tensor
        [C, H, W]; y is 0 where a value is missing.
    members : Tensor
        Groups, [N, k], by the patches' numbers in the area.
    patch, variance
        Side of a patch, and that of the noise.
    """
    of_pilot, of_y, is_known = (functional.unfold(image[None], patch)[0].mT.contiguous() for image in (pilot, y, known))
    groups = of_pilot[members]
    mean = groups.mean(1, keepdim=True)
    deviations = groups - mean
    covariance = deviations.mT @ deviations / groups.shape[1]
    covariance.diagonal(dim1=1, dim2=2).add_(_UNCERTAIN**2)

    chosen = members[:, :_COMPLETED]
    estimates, variances = _expectation(of_y[chosen], is_known[chosen], mean, covariance, variance)
    # An estimate counts by the inverse of its variance, to which the covariance's own uncertainty adds.
    weights = 1 / (variances + _UNCERTAIN**2)
    index = chosen.flatten()
    # index_add_ runs in the order of the index: the same sums each time.
    sums = torch.zeros_like(of_y).index_add_(0, index, (estimates * weights).flatten(0, 1))
    counts = torch.zeros_like(of_y).index_add_(0, index, weights.flatten(0, 1))
    return tuple(functional.fold(x.mT[None], y.shape[1:], patch)[0] for x in (sums, counts))  # type: ignore[return-value]


def _expectation(y: Tensor, known: Tensor, mean: Tensor, covariance: Tensor, variance: float) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance of each pixel of a normal patch, given some of them with noise.

    mean + C K' (K C K' + variance I)^-1 (y - K mean), where K takes the known pixels.

    Parameters
    ----------
    y, known : Tensor
        [B, k, n], for k patches of each distribution; y is 0 where it is not known.
    mean, covariance : Tensor
        [B, 1, n] and [B, n, n].
    variance : float
        Of the noise.
    """
    b, k, n = y.shape
    # Only as many rows as the patch with most known pixels has; what others have less counts for nothing.
    most = max(1, int(known.sum(2).max()))
    order = known.argsort(dim=2, descending=True, stable=True)[..., :most]
    valid = known.gather(2, order)
    rows = covariance.gather(1, order.reshape(b, -1, 1).expand(-1, -1, n)).view(b, k, most, n) * valid[..., None]
    system = rows.gather(3, order[:, :, None].expand(-1, -1, most, -1)) * valid[:, :, None]
    diagonal = system.diagonal(dim1=2, dim2=3)
    diagonal.mul_(1 + _ROUNDING).add_(variance * valid + (1 - valid))
    factor = torch.linalg.cholesky_ex(system).L
    misfit = (y - known * mean).gather(2, order)
    solved = torch.linalg.solve_triangular(factor, torch.cat([rows, misfit[..., None]], 3), upper=False)
    whitened_rows, whitened_misfit = solved[..., :n], solved[..., n:]
    variances = covariance.diagonal(dim1=1, dim2=2)[:, None] - whitened_rows.square().sum(2)
    return mean + (whitened_rows * whitened_misfit).sum(2), variances.clamp(min=0)
