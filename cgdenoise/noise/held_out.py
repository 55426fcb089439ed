"""The level of noise by a fit that never saw some of the pixels: what it misses of those is their noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STRATA = 8
"""Ranges of brightness, of as many pixels each, whose noise is measured apart; by hand, and not measured with others."""

_FEWEST = 30
"""Held-out values that a range needs to count: they tell its level within a sixth. By hand; not measured with others."""

_MEDIAN = 0.455
"""Median of the square of a standard normal variable."""


def held_out_level(residual: NDArray[np.float64], image: NDArray[np.float64], held_out: NDArray[np.bool_]) -> float | None:
    """Estimate the standard deviation of noise from what a fit left of the pixels that it was not shown.

    Texture and edges are missed by a fit, too, but only in places: the median square of each range of brightness leaves them
    out, and the mean over the ranges follows noise that grows with brightness. On 13 crops with real, correlated noise of
    cameras and a telephone it was 0.74 to 1.9 times the true level, 1.1 in the middle ("Correlated noise" in
    `benchmarks/NOTES.md`).

    Parameters
    ----------
    residual : (H, W, C) array
        Image less fit, in any unit; NaN where nothing was measured.
    image : (H, W, C) array
        The fit, whose brightness sorts the pixels.
    held_out : (H, W, C) array of bool
        Which values the fit was not shown. It should not have been shown many that share their noise either: it would know it.

    Returns
    -------
    float or None
        In the unit of `residual`, over all channels; None if too few values were held out.
    """
    brightness = image.mean(axis=2)
    bounds = np.quantile(brightness, np.arange(1, _STRATA) / _STRATA)
    stratum = np.digitize(brightness, bounds)
    told = held_out & np.isfinite(residual)
    variances, shares = [], []
    for number in range(_STRATA):
        inside = stratum == number
        squares = np.square(residual[told & inside[..., None]])
        if len(squares) >= _FEWEST:
            variances.append(float(np.median(squares)) / _MEDIAN)
            shares.append(float(inside.mean()))
    return float(np.sqrt(np.average(variances, weights=shares))) if variances else None
