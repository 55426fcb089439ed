"""The variance of an image's noise at levels of brightness, measured in smooth patches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

Array = NDArray[np.float64]

# A value without another origin was chosen by hand; what half and twice of it do is in `benchmarks/NOTES.md`, "Constants of noise
# estimation".

_PATCH = 8
"""Side of the patches in pixels. With 4 or 16 the worst error of the gain is 22 % instead of 15, and one of six pictures of
counts is missed."""

WHITE: Array = np.ones((_PATCH, _PATCH))
"""Power of white noise in the coefficients of a patch, in parts of its variance."""

_MAX_PATCHES = 60_000
"""Patches at most, for the memory: 31 MB. Larger images are sampled at a wider stride."""

_MIN_STRIDE = 3
"""Pixels from one patch to the next at least. 1 would halve the mean error of the gain, from 6.8 to 3.6 %, for nine times the
patches; 6 doubles it."""

_LEVELS = 14
"""Levels of brightness, of as many patches each. 28 are slightly better (a worst error of 12 % instead of 15); with 7, texture is
taken for Poisson noise twice in 48."""

_SMOOTH_SHARE = 0.25
"""Share of the patches of a level, the smoothest, whose noise is measured. Half of them would halve the error of the gain, but
take texture for Poisson noise twice in 48."""

_MIN_SMOOTH = 24
"""Smooth patches that a level needs: of 28 fine coefficients each, which tell the variance to 5 %, sqrt(2 / (24 * 28))."""

_MAX_CLIPPED = 0.25
"""Share of clipped pixels from which a level is not used: the correction for clipping supposes that the noise is Gaussian."""


@dataclass(frozen=True)
class Scatter:
    """Of some levels of brightness: mean, variance of the noise, its relative standard error, and the share of clipped pixels."""

    mean: Array
    variance: Array
    error: Array
    clipped: Array


def measure(channels: Array, low: float, high: float, levels: int = _LEVELS, power: Array = WHITE) -> Scatter:
    """Measure the noise at levels of brightness, of as many patches each.

    Parameters
    ----------
    channels : (H, W, C) array
        NaN where a value is missing.
    low, high : float
        Where values were clipped; infinite if they were not.
    levels : int
        How many.
    power : (8, 8) array
        Of the noise in each coefficient of a patch, in parts of its variance.
    """
    empty = np.empty(0)
    if min(channels.shape[:2]) < _PATCH:
        return Scatter(empty, empty, empty, empty)
    windows = np.lib.stride_tricks.sliding_window_view(channels, (_PATCH, _PATCH), axis=(0, 1))
    # A fixed stride that bounds the number of patches: no need for more, and no seed to depend on.
    stride = max(_MIN_STRIDE, math.ceil(math.sqrt(channels.size / _MAX_PATCHES)))
    patches = windows[::stride, ::stride].reshape(-1, _PATCH**2)
    patches = patches[np.isfinite(patches).all(axis=1)]
    axis = dct(np.eye(_PATCH), axis=0, norm="ortho")
    coefficients = patches @ np.kron(axis, axis).T  # for so many small patches in half of the time of `dctn`
    order = np.add.outer(np.arange(_PATCH), np.arange(_PATCH)).ravel()
    texture = np.square(coefficients[:, (order > 0) & (order < _PATCH // 2)]).sum(axis=1)
    fine_ones = np.flatnonzero(order >= _PATCH)
    rows = []
    for group in np.array_split(np.argsort(coefficients[:, 0], kind="stable"), levels):
        smooth = group[np.argsort(texture[group], kind="stable")][: max(_MIN_SMOOTH, round(_SMOOTH_SHARE * len(group)))]
        if len(smooth) < _MIN_SMOOTH:
            continue
        fine = np.square(coefficients[np.ix_(smooth, fine_ones)]) / power.ravel()[fine_ones]
        variance = _noise_variance(fine)
        below, above = float(np.mean(patches[smooth] <= low)), float(np.mean(patches[smooth] >= high))
        if variance == 0 or max(below, above) > _MAX_CLIPPED:
            continue
        # The smoother half has less texture: the difference to it measures what is left in the whole.
        texture_error = 1 - _noise_variance(fine[: len(fine) // 2]) / variance
        # Of overlapping patches only so many count as independent; that, and 1 % that no variance is better than, are by hand.
        independent = len(smooth) * fine.shape[1] * min(1.0, 2 * stride**2 / _PATCH**2)
        (raised, kept_below), (lowered, kept_above) = _clipped_normal(below), _clipped_normal(above)
        variance /= kept_below * kept_above
        mean = coefficients[smooth, 0].mean() / _PATCH + math.sqrt(variance) * (lowered - raised)
        rows.append((mean, variance, math.hypot(0.01, math.sqrt(2 / independent), texture_error), max(below, above)))
    return Scatter(*np.array(rows).reshape(-1, 4).T)


def _noise_variance(squares: Array) -> float:
    """Return the mean of the largest set of least coefficients that is not skewed by texture; squares given, [patches, n].

    The rule is that of Chen, Zhu and Heng (ICCV 2015, Algorithm 1), who apply it to the eigenvalues of a covariance.
    """
    powers = np.sort(squares.mean(axis=0))
    for count in range(len(powers), 1, -1):
        if powers[:count].mean() <= np.median(powers[:count]):
            return float(powers[:count].mean())
    return float(powers[0])


def _clipped_normal(share: float) -> tuple[float, float]:
    """Return by how much clipping a share of a normal variable at one end shifts its mean inwards, and what variance it leaves.

    In units of the standard deviation and the variance before clipping.
    """
    if share == 0:
        return 0.0, 1.0
    normal = NormalDist()
    bound = -normal.inv_cdf(share)
    shift = normal.pdf(bound) - bound * share
    square = (bound**2 + 1) * (1 - share) + bound * normal.pdf(bound)
    return shift, square - (bound + shift) ** 2
