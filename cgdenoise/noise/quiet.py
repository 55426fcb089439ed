"""The most that white noise can be, by the quietest parts of an image: what a claim about its level may not contradict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from cgdenoise.noise.clipping import clipped_ends
from cgdenoise.noise.places import blocks

Values = NDArray[np.float64]

_SIDE = 5
"""Side of the windows: white noise has 24 degrees of freedom in one, and some fit between the letters of small print. By hand;
not measured with others, as `_EXPECTED` belongs to it."""

_EXPECTED = {0.05: 0.755, 0.1: 0.797}
"""Standard deviation of a window, at the quantile, for white noise of standard deviation 1 (simulated, 300² values)."""

_APART = 6.0
"""Standard deviations by which the two values of a drawing are apart, at least. The halves of a uniform distribution are 3.5
apart, those of a normal one 2.2 (computed); 6 is by hand."""

_ROUNDING = 0.3
"""Standard deviation of rounding, in steps between values: 1 / sqrt(12), rounded up. Flat places do not show noise below it."""

_FEW_VALUES = 32
"""Values that an image may have and its step be that of a drawing. By hand; 16 and 64 change no level of structured.py's
pictures."""


def quietest_level(image: Values, quantile: float) -> float:
    """Return the standard deviation of an image in its quietest windows, scaled so that white noise gives its level.

    Where an image is clipped, the deviations to the other side count: those of white paper are half of a normal distribution. An
    image of two values, however dense its pattern, is measured by its deviations from these.

    Parameters
    ----------
    image : (H, W, C) array
        NaN where missing.
    quantile : 0.05 or 0.1
        Share of the windows that are quieter.

    Returns
    -------
    float
        Standard deviation in the image's unit, the mean over the channels. Infinite where every window has a missing value.
    """
    channels = np.moveaxis(image, 2, 0)
    return float(np.mean([min(_of_windows(channel, quantile), _of_two_values(channel)) for channel in channels]))


def quietest_of_coarse(autocorrelation: Values, quantile: float) -> float:
    """Return what `quietest_level` gives of coarse noise of standard deviation 1, by expectation.

    Neighbours share it, so a window shows a part of it, and the windows scatter more than those of white noise: as a chi-square
    with fewer degrees of freedom, which have the first two moments of the window's variance (Satterthwaite, Biometrics 1946).

    Parameters
    ----------
    autocorrelation : (8, 8) array
        At distances of 0 to 7 pixels down and across, the same in all four directions.
    quantile : 0.05 or 0.1
        Share of the windows that are quieter.

    Returns
    -------
    float
        1 for white noise, less for coarse noise; up to an eighth too low where the correlation is longer than a window.
    """
    count = _SIDE**2
    down, across = np.divmod(np.arange(count), _SIDE)
    covariance = autocorrelation[np.abs(down[:, None] - down), np.abs(across[:, None] - across)]
    centred = np.eye(count) - 1 / count
    deviations = centred @ covariance @ centred
    power = max(float(np.trace(deviations)), 0.0)
    freedom = power**2 / float(np.square(deviations).sum())
    white = count - 1
    return float(np.sqrt(power / white) * _chi(freedom, quantile) / _chi(white, quantile))


def _chi(freedom: float, quantile: float) -> float:
    """Return a quantile of a standard deviation that was measured with some degrees of freedom; the true one is 1."""
    return float(np.sqrt(chdtri(freedom, 1 - quantile) / freedom))


def rounding_level(image: Values) -> float:
    """Return the standard deviation of rounding to the steps between an image's values; 0 for a drawing, which has few."""
    distinct = np.unique(image[np.isfinite(image)])
    return _ROUNDING * float(np.diff(distinct).min()) if distinct.size > _FEW_VALUES else 0.0


def _of_windows(channel: Values, quantile: float) -> float:
    windows = blocks(channel[..., None], _SIDE)
    windows = windows[np.isfinite(windows).all(axis=1)]
    if not len(windows):
        return float("inf")
    return float(np.quantile(_one_sided(windows, channel), quantile)) / _EXPECTED[quantile]


def _of_two_values(channel: Values) -> float:
    """Return how far a channel of two values, with noise, deviates from them; infinite if it has more than two."""
    values = channel[np.isfinite(channel)]
    if not values.size:
        return float("inf")
    middle = (values.min() + values.max()) / 2
    halves = [part for part in (values[values <= middle], values[values > middle]) if part.size]
    deviations = [float(_one_sided(part[None], channel)[0]) for part in halves]
    level = float(np.sqrt(sum(part.size * d**2 for part, d in zip(halves, deviations, strict=True)) / values.size))
    apart = abs(float(np.median(halves[0])) - float(np.median(halves[-1])))
    return level if apart > _APART * level else float("inf")


def _one_sided(windows: Values, channel: Values) -> Values:
    """Return the standard deviation about the median of each window (N, n), by the side that was not clipped."""
    deviations = windows - np.median(windows, axis=1, keepdims=True)
    below, above = (2 * np.square(part).mean(axis=1) for part in (np.minimum(deviations, 0), np.maximum(deviations, 0)))
    low, high = ((windows == end).any(axis=1) for end in clipped_ends(channel))
    variance: Values = np.where(low & ~high, above, np.where(high & ~low, below, (below + above) / 2))
    return np.sqrt(variance)
