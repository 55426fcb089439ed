"""What a restoration took out of an image, held against the noise that was assumed: the last check before anything is written."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cgdenoise.noise.places import window_sums

Values = NDArray[np.float64]

_SIDE = 8
"""Side of the windows. Noise alone scatters in their power by a sixth, and an edge or a letter fills a good part of one."""

_DEVIATIONS = 6.0
"""Standard deviations above its expectation from which the power of a window is not that of noise."""

_STRUCTURED = 0.01
"""Share of such windows from which they are no accident of the noise's law, which is never exact."""

_LOUD, _QUIET, _UNEVEN = 0.9, 0.1, 16.0
"""The power at the two quantiles over the windows may differ by this factor: clipping halves a window's noise or more, a camera's
law makes a few times of it from dark to light, and strokes on clean paper any number."""

_FAINT = 0.05
"""Part of the noise's power below which nothing was taken out that would matter."""

_TOGETHER = 0.25
"""Share of the neighbours of impulses that are impulses too, above that of all values, from which they are a drawing."""


def objection_to(residual: Values, spread: float, impulses: NDArray[np.bool_]) -> str | None:
    """Tell why what was taken out of an image is not the noise that was assumed.

    Parameters
    ----------
    residual : (H, W, C) array
        Image less restoration, in standard deviations of the noise; NaN where nothing was measured.
    spread : float
        Pixels that share one independent value of the noise; 1 for white noise.
    impulses : (H, W, C) array of bool
        Values that were taken for impulses and filled.

    Returns
    -------
    str or None
        The reason, a part of a sentence; None if it may well be that noise.
    """
    company = max((_company(channel) for channel in np.moveaxis(impulses, 2, 0)), default=0.0)
    if company > _TOGETHER:
        return f"its impulses lie together, as strokes do ({company:.0%} more than by chance)"
    power = _power(residual)
    if not power.size:
        return None
    limit = 1 + _DEVIATIONS * np.sqrt(2 * spread / _SIDE**2)
    share = float((power > limit).mean())
    if share > _STRUCTURED:
        return f"it is stronger than that noise in {share:.1%} of the image, as edges and letters are"
    quiet, loud = np.quantile(power, [_QUIET, _LOUD])
    if loud > _FAINT and loud > _UNEVEN * quiet:
        return "parts of the image have none of it, so that the others have structure"
    return None


def _power(residual: Values) -> Values:
    """Return the mean square of each window of each channel that is known throughout."""
    found = []
    for channel in np.moveaxis(residual, 2, 0):
        height, width = (length - length % _SIDE for length in channel.shape)
        cut = channel[:height, :width].reshape(height // _SIDE, _SIDE, width // _SIDE, _SIDE)
        power = np.square(cut).mean(axis=(1, 3)).ravel()
        found.append(power[np.isfinite(power)])
    return np.concatenate(found)


def _company(marked: NDArray[np.bool_]) -> float:
    """Return by how much the share of marked values among the 8 neighbours of a marked one is above that of all values."""
    if not marked.any():
        return 0.0
    around = window_sums(marked, 3) - marked
    return float(around[marked].mean() / 8 - marked.mean())
