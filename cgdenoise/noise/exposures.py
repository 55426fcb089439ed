"""The noise of a detector from more than one image: a second exposure of the same scene, or dark frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve

from cgdenoise.errors import NoiseLawError
from cgdenoise.noise.correlation import correlation_length
from cgdenoise.noise.covariance import common_noise
from cgdenoise.noise.impulse import find_impulses
from cgdenoise.noise.law import SECOND_EXPOSURE, NoiseLaw, rows
from cgdenoise.noise.model import NoiseKind
from cgdenoise.noise.poisson import clipped_at

Array = NDArray[np.float64]

# All constants were chosen by hand.

_LEVELS = 32
"""Levels of brightness at most, of as many values each."""

_LEAST_PER_LEVEL = 200
"""Values of a level at least: they tell its variance to 10 %."""

_CLIPPED = 0.02
"""Share of clipped values from which a level is not used, unless all have more."""

_LAGS = 8
"""Distances, from 0 on, at which the autocorrelation is measured: those of `correlation.NoiseCorrelation`."""

_EVIDENCE, _RISE = 4.0, 1.2
"""Slope of the line in standard errors, and variance of the brightest level over that of the darkest, from which noise grows with
brightness. Nothing but noise is in the difference of two exposures, so that less will do than for one image."""

_SHARED_RISE = 2.0
"""The same where the channels share their noise, which no stabiliser keeps: a channel with more noise may be a brighter one."""

_ITERATIONS = 10
"""Of the reweighted fit of the line."""

_MOVED = 1.5
"""Variance in places with detail over that in flat ones of the same brightness, from which the scene has moved."""

_LEAST_VARIANCE = 0.1
"""Part of the mean variance below which none is taken to be, where values are compared relative to it."""

_ANOTHER_SCENE = 0.3
"""Autocorrelation at the largest distance from which a difference is not of noise."""

_HOT = 6.0
"""Standard deviations from the median of a dark frame from which a pixel is hot."""


@dataclass(frozen=True)
class ExposureNoise:
    """What two exposures tell.

    Attributes
    ----------
    law : NoiseLaw
        Of their noise.
    mean, variance : (K,) arrays
        Of the levels of brightness that the line was laid through.
    autocorrelation : (8, 8) array
        At distances down and across, mean over the channels.
    covariance : (C, C) array
        Between the channels.
    """

    law: NoiseLaw
    mean: Array
    variance: Array
    autocorrelation: Array
    covariance: Array


def compare_exposures(first: Array, second: Array, offset: float | None = None) -> ExposureNoise:
    """Measure the noise of two exposures of one scene by their difference, whose variance is twice that of the noise.

    Each value is sorted by the mean of its neighbours, which do not know of its noise; the mean brightness and the mean variance
    of a level are then right however noisy the values are, and a line through them has no regression dilution. A change of the
    light between the exposures, an affine one, is taken out first.

    Parameters
    ----------
    first, second : (H, W, C) arrays
        In the same unit; NaN where missing.
    offset : float, optional
        Value of a pixel that has received no light. The line alone cannot tell it from the Gaussian part of the noise: if it is
        not given it is 0, or where the line crosses 0, if that is above.

    Raises
    ------
    NoiseLawError
        If the exposures are of other shapes, are equal, show another scene or one that has moved, or are too small.
    """
    if first.shape != second.shape:
        raise NoiseLawError(f"shape {second.shape}; expected {first.shape}, as the first exposure has")
    mean, around, half = _sums_and_differences(first, second)
    known = np.isfinite(half) & np.isfinite(around)
    if np.count_nonzero(known) < 4 * _LEAST_PER_LEVEL:
        raise NoiseLawError("too few values that both exposures have; expected a larger image")
    half = _without_drift(half, around, known)
    if not np.square(half[known]).sum() > 0:
        raise NoiseLawError(
            "is the first exposure itself, or differs by a constant; expected a second one, with noise of its own"
        )
    levels = _levels(first, second, mean, around, half, known)
    slope, constant, evidence = _line(*levels)
    # Where it is dark the line may be at 0, and a value would count beyond all others.
    expected = np.maximum(slope * around + constant, _LEAST_VARIANCE * np.square(half[known]).mean())
    autocorrelation = _autocorrelation(np.where(known, half / np.sqrt(expected), 0), known)
    _check_scene(half, mean, slope * mean + constant, expected, known, autocorrelation)
    covariance = _covariance(half, known)
    brightest, darkest = (slope * end + constant for end in (levels[0].max(), levels[0].min()))
    rise = _SHARED_RISE if common_noise(covariance) else _RISE
    grows = slope > 0 and evidence > _EVIDENCE and brightest > rise * max(darkest, 0)
    sigma = math.sqrt(np.trace(covariance) / len(covariance))
    law = _law(grows, slope, constant, offset, sigma, autocorrelation, covariance)
    return ExposureNoise(law, levels[0], levels[1], autocorrelation, covariance)


def _law(
    grows: bool, slope: float, constant: float, offset: float | None, sigma: float, autocorrelation: Array, covariance: Array
) -> NoiseLaw:
    gain = slope if grows else 0.0
    zero = (offset or 0.0) if offset is not None or constant >= 0 or not grows else -constant / slope
    read_sigma = math.sqrt(max(gain * zero + constant, 0)) if grows else 0.0
    correlated = correlation_length(autocorrelation) > 1
    if correlated:
        kind = NoiseKind.CORRELATED
    elif grows:
        kind = NoiseKind.POISSON_GAUSSIAN if read_sigma else NoiseKind.POISSON
    else:
        kind = NoiseKind.GAUSSIAN
    shared = kind is NoiseKind.GAUSSIAN and common_noise(covariance)
    return NoiseLaw(
        kind,
        len(covariance),
        sigma,
        gain,
        zero if grows else 0.0,
        read_sigma,
        rows(covariance) if shared else None,
        rows(autocorrelation) if correlated else None,
        SECOND_EXPOSURE,
    )


def _sums_and_differences(first: Array, second: Array) -> tuple[Array, Array, Array]:
    """Return the mean, that of the eight neighbours, and the difference, divided so that its variance is that of the noise."""
    exposures = [np.where(find_impulses(exposure).mask, np.nan, exposure) for exposure in (first, second)]
    mean = (exposures[0] + exposures[1]) / 2
    ring = np.ones((3, 3, 1))
    ring[1, 1] = 0
    present = np.isfinite(mean)
    count = convolve(present.astype(np.float64), ring, mode="constant")
    total = convolve(np.where(present, mean, 0), ring, mode="constant")
    around = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean, around, (exposures[0] - exposures[1]) / math.sqrt(2)


def _without_drift(half: Array, around: Array, known: NDArray[np.bool_]) -> Array:
    result = half.copy()
    for c in range(half.shape[2]):
        here = known[..., c]
        if here.any():
            x = around[..., c][here] - around[..., c][here].mean()
            y = half[..., c][here]
            slope = (x @ y) / (x @ x) if x @ x > 0 else 0.0
            result[..., c][here] = y - y.mean() - slope * x
    return result


def _levels(
    first: Array, second: Array, mean: Array, around: Array, half: Array, known: NDArray[np.bool_]
) -> tuple[Array, Array, Array]:
    """Return the mean, the variance and the number of values of each level of brightness."""
    clipped = np.zeros(first.shape, dtype=bool)
    for exposure in (first, second):
        values = exposure[np.isfinite(exposure)]
        # No counts are the lowest value by nature, unlike many more than of the next one.
        clipped |= (exposure <= clipped_at(values)) | (exposure >= -clipped_at(-values))
    order = np.argsort(around[known], kind="stable")
    count = max(2, min(_LEVELS, len(order) // _LEAST_PER_LEVEL))
    columns = np.stack([mean[known], np.square(half[known]), clipped[known]])[:, order]
    table = np.array([[*part.mean(axis=1), part.shape[1]] for part in np.array_split(columns, count, axis=1)])
    clear = table[:, 2] <= _CLIPPED
    table = table[clear] if clear.sum() >= 2 else table
    return table[:, 0], table[:, 1], table[:, 3]


def _line(mean: Array, variance: Array, count: Array) -> tuple[float, float, float]:
    """Fit variance = slope * mean + constant; return both, and the slope in its standard errors."""
    design = np.stack([mean, np.ones(len(mean))], axis=1)
    fitted = np.maximum(variance, 1e-3 * variance.mean())
    for _ in range(_ITERATIONS):
        weight = np.sqrt(count / 2) / fitted
        weighted = design * weight[:, None]
        solution = np.linalg.lstsq(weighted, variance * weight, rcond=None)[0]
        fitted = np.maximum(design @ solution, 1e-3 * variance.mean())
    misfit = np.square((variance - fitted) * weight).sum() / max(1, len(mean) - 2)
    error = math.sqrt(np.linalg.pinv(weighted.T @ weighted)[0, 0] * max(1.0, misfit))
    slope, constant = solution.tolist()
    return slope, constant, slope / error if error > 0 else 0.0


def _autocorrelation(noise: Array, known: NDArray[np.bool_]) -> Array:
    """Return the autocorrelation (8, 8) of noise that is 0 where it is not known."""
    axes, shape = (0, 1), [size + _LAGS for size in noise.shape[:2]]

    def products(values: Array) -> Array:
        power = np.square(np.abs(np.fft.rfft2(values, shape, axes))).sum(axis=2)
        total = np.fft.irfft2(power, shape)
        mirrored = np.roll(total[:, ::-1], 1, axis=1)
        return np.asarray((total + mirrored)[:_LAGS, :_LAGS])

    found = products(noise) / np.maximum(products(known.astype(np.float64)), 1)
    return np.asarray(found / found[0, 0])


def _check_scene(
    half: Array, mean: Array, variance: Array, around: Array, known: NDArray[np.bool_], autocorrelation: Array
) -> None:
    """Refuse a difference that holds more than noise; its variance by the line at each value, and about it, given."""
    far = (autocorrelation[0, -1] + autocorrelation[-1, 0]) / 2
    if far > _ANOTHER_SCENE:
        raise NoiseLawError("shows something else than the first exposure; expected the same scene, neither moved nor changed")
    # Detail by the neighbours of a value knows neither of its difference nor of its mean, so that ratios of sums are unbiased.
    filled = np.where(known, mean, 0)
    steps = [np.abs(np.roll(filled, 1, axis) - np.roll(filled, -1, axis)) for axis in (0, 1)]
    order = np.argsort(((steps[0] + steps[1]) / np.sqrt(around))[known], kind="stable")
    squares, lines = np.square(half[known])[order], variance[known][order]
    least = _LEAST_VARIANCE * squares.mean()
    parts = slice(len(order) // 2), slice(-len(order) // 10, None)
    flat, busy = (squares[part].mean() / max(lines[part].mean(), least) for part in parts)
    if busy > _MOVED * flat:
        raise NoiseLawError(
            f"differs {busy / flat:.1f} times as much along edges as elsewhere; expected an exposure in which nothing moved"
        )


def _covariance(half: Array, known: NDArray[np.bool_]) -> Array:
    together = half[known.all(axis=2)]
    if len(together) < 2:
        return np.diag([float(np.square(half[..., c][known[..., c]]).mean()) for c in range(half.shape[2])])
    covariance = together.T @ together / len(together)
    return np.asarray((covariance + covariance.T) / 2)


@dataclass(frozen=True)
class DarkNoise:
    """What frames without any light tell: the value `offset` of no light, and the standard deviation `read_sigma` about it."""

    offset: float
    read_sigma: float


def measure_dark(frames: Sequence[Array]) -> DarkNoise:
    """Measure the pedestal and the read noise in dark frames, hot pixels left out.

    Of several frames the read noise is that from frame to frame, without the fixed pattern; of one, that over the frame.

    Parameters
    ----------
    frames : sequence of (H, W, C) arrays
        NaN where missing.

    Raises
    ------
    NoiseLawError
        If there is light in them: their values are not even.
    """
    stack = np.stack(frames)
    values = np.nanmean(stack, axis=0)
    centre = float(np.nanmedian(values))
    spread = 1.4826 * float(np.nanmedian(np.abs(values - centre)))
    step = np.diff(np.unique(stack[np.isfinite(stack)])).min(initial=math.inf)
    reach = _HOT * max(spread, step if math.isfinite(step) else 0.0)
    cold = np.abs(values - centre) <= reach
    if cold.mean() < 0.9:
        raise NoiseLawError("more than a tenth of the pixels are bright; expected frames without any light")
    offset = float(values[cold].mean())
    if len(frames) > 1:
        return DarkNoise(offset, math.sqrt(float(np.nanmean(np.nanvar(stack, axis=0, ddof=1)[cold]))))
    return DarkNoise(offset, float(values[cold].std()))
