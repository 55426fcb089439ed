"""What a restoration took out of an image, held against the noise that was assumed: the last check before anything is written."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cgdenoise.noise.places import blocks, window_sums

Values = NDArray[np.float64]

_SIDE = 8
"""Side of the windows. The power of white noise in one scatters by sqrt(2 / 64), a sixth, and an edge or a letter fills a good
part of it. By hand; not measured with others."""

_DEVIATIONS = 6.0
"""Standard deviations above its expectation from which the power of a window is not that of noise. White noise exceeds 6 in one
of a million windows, 3 in 0.4 % (chi-square with 64 degrees of freedom), too near to `_STRUCTURED`."""

_STRUCTURED = 0.01
"""Share of such windows from which they are no accident of the noise's law, which is never exact. By hand; not measured."""

_QUIET, _LOUD, _UNEVEN = 0.1, 0.9, 55.0
"""In the tenth of the windows where the image varies least, noise is what varies: there the power may be less, by this factor,
than at the upper quantile over all windows. Clipping halves it or more; where a microscope's noise was taken for white it was up
to 48 times less in the dark, where text was taken for noise 62 or more, and 55 lies between. The quantiles are by hand, and not
measured with others."""

_UNEVEN_COARSE = 24.0
"""The same for coarse noise: 2.3 to 17 in 133 crops of cameras, telephones and microscopes, 51 where text was taken for it."""

_UNEVEN_WITHIN, _EVIDENT_WITHIN = 8.3, 16.0
"""The same within one brightness, as cameras make coarse noise of noise that depends on it. Of 143 crops with real coarse noise
that came so far it was 1.9 to 8.0 in 133; of 37 without noise 8.6 or more in 16, 2.3 to 7.3 in 21 (`benchmarks/NOTES.md`,
"Correlated noise"). The second is for noise that is beyond doubt: 9.7 and 12.6 in a whole picture of a camera and a scanned one,
which were left as they were, and 2.8 to 5.7 in the like of the first; by hand."""

_RANGES = 5
"""Ranges of brightness, of as many windows each; by hand, and not measured with others."""

_NONE = 1e-12
"""Power, in that of the noise, that stands for none: 0 cannot be divided by."""

_LEAST = 0.45
"""Power at the upper quantile below which it is no white noise: that can be told from an image somewhere. It was 0.8 and more for
white and for Poisson noise (20 pictures of real, 30 of added noise), and 0.03 to 0.45 where the texture of photographs passed for
it (`benchmarks/NOTES.md`, "Texture")."""

_TOGETHER = 0.17
"""Share of the neighbours of impulses that are impulses too, above that of all values, from which they are a drawing. It was at
most 0.13 for impulses that were found on text, plots and photographs, and 0.19 or more for letters of 14 pixels and up; 0.17 lies
between."""


def objection_to(
    residual: Values,
    image: Values,
    correlation_area: float,
    impulses: NDArray[np.bool_],
    may_be_texture: bool,
    is_evident: bool = False,
) -> str | None:
    """Tell why the residual of a restoration is not the noise that was assumed.

    Parameters
    ----------
    residual : (H, W, C) array
        Image less restoration, in standard deviations of the noise; NaN where nothing was measured.
    image : (H, W, C) array
        The image, in any unit.
    correlation_area : float
        Pixels to one independent value of the noise; 1 for white noise.
    impulses : (H, W, C) array of bool
        Values that were taken for impulses and filled.
    may_be_texture : bool
        Whether the noise is as weak as the texture of clean photographs that passes for noise.
    is_evident : bool
        Whether coarse noise is beyond doubt.

    Returns
    -------
    str or None
        The reason, a part of a sentence; None if it may well be that noise.
    """
    clustering = max((_clustering(channel) for channel in np.moveaxis(impulses, 2, 0)), default=0.0)
    if clustering > _TOGETHER:
        return f"its impulses lie together, as strokes do ({clustering:.0%} more than by chance)"
    windows = blocks(residual, _SIDE)
    known = np.isfinite(windows).all(axis=1)
    if not known.any():
        return None
    power, variance = np.square(windows[known]).mean(axis=1), blocks(image, _SIDE)[known].var(axis=1)
    limit = 1 + _DEVIATIONS * np.sqrt(2 * correlation_area / _SIDE**2)
    share = float((power > limit).mean())
    if share > _STRUCTURED:
        return f"it is stronger than that noise in {share:.1%} of the image, as edges and letters are"
    loud = float(np.quantile(power, _LOUD))
    unevenness = loud / max(float(power[variance <= np.quantile(variance, _QUIET)].mean()), _NONE)
    if correlation_area > 1:
        within = _EVIDENT_WITHIN if is_evident else _UNEVEN_WITHIN
        brightness = blocks(image, _SIDE)[known].mean(axis=1)
        uneven = unevenness > _UNEVEN_COARSE or _unevenness_within(power, brightness) > within
    else:
        uneven = unevenness > _UNEVEN
    if uneven:
        return "the quiet parts of the image have none of it, so that the others have structure"
    if may_be_texture and correlation_area <= 1 and loud < _LEAST:
        return "so little can be told from the image that it is texture"
    return None


def _unevenness_within(power: Values, brightness: Values) -> float:
    """Return how many times as much power the loud windows have as the quiet ones of their brightness, in the middle range."""
    bounds = np.quantile(brightness, np.arange(1, _RANGES) / _RANGES)
    of_range = np.digitize(brightness, bounds)
    ratios = []
    for number in np.unique(of_range):
        quiet, loud = np.quantile(power[of_range == number], (_QUIET, _LOUD))
        ratios.append(loud / max(quiet, _NONE))
    return float(np.median(ratios))


def _clustering(marked: NDArray[np.bool_]) -> float:
    """Return by how much the share of marked values among the 8 neighbours of a marked one is above that of all values."""
    if not marked.any():
        return 0.0
    around = window_sums(marked, 3) - marked
    return float(around[marked].mean() / 8 - marked.mean())
