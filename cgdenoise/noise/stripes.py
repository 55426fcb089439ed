"""Stripes: rows or columns of a detector that have an offset of their own, found and taken away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, idct
from scipy.ndimage import uniform_filter1d

Values = NDArray[np.float64]

# Bounds were chosen on 186 pictures without stripes, along both axes, and five with stripes of 1 to 8 grey levels ("Stripes" in
# `benchmarks/NOTES.md`).

_PARTS = 8
"""Parts of a line that have to agree on its offset. By hand; not measured with others."""

_SHORTEST = 128
"""Pixels a line needs to be told from the image. By hand; not measured with others."""

_EVIDENCE = 0.6
"""Standard errors above nothing that the power common to the parts needs, in parts of the root of the number of lines: 0.5 to 0.8
for Gaussian offsets, 0.4 to 0.67 for lines of text under noise."""

_ALTERNATING = (-0.85, -0.55)
"""Correlation of neighbouring second differences, -2/3 where each line has an offset of its own. Edges and shading of an image
are wider than a line: -0.5 and more. Columns of some cameras, in the mean of 500 shots too, alternate: -0.9 and less."""

_UNEQUAL = 0.2
"""Power in which the parts of a line differ beyond their noise, over that which they share: -0.1 to 0.2 for stripes of a third of
the noise and more, 0.07 to 0.6 for lines of text under noise, 0.7 and more for nearly all lines of other images."""

_OUTLYING = 2.5
"""Standard deviations from which a second difference is an edge's."""

_STRONGEST = 0.1
"""Offsets, in parts of the image's range, that are no detector's: a bar code has 0.36."""

_SMOOTH = 11
"""Frequencies whose mean power tells whether shading is in them. By hand; not measured with others."""

_SCATTER = 1.85
"""That mean over the stripes' power up to which it may be theirs alone: 1 and two standard deviations of a mean of 11 squares."""


@dataclass(frozen=True)
class Stripes:
    """What each line adds to its pixels.

    Attributes
    ----------
    rows : (H, 1, C) array
    columns : (1, W, C) array
        In the image's unit; zeros where no stripes were found.
    """

    rows: Values
    columns: Values

    @property
    def present(self) -> bool:
        """Whether there are any."""
        return bool(self.rows.any() or self.columns.any())

    def taken_from(self, image: Values) -> Values:
        """Return an image (H, W, C) without them."""
        return image - self.rows - self.columns if self.present else image

    @property
    def levels(self) -> tuple[float, float]:
        """Root mean square of the offsets of rows and of columns."""
        return float(np.sqrt(np.square(self.rows).mean())), float(np.sqrt(np.square(self.columns).mean()))


def find_stripes(image: Values) -> Stripes:
    """Find the offsets of rows and columns.

    The median of the second difference across lines is what a line differs from its neighbours by, for most of its pixels. The
    parts of a line that has an offset agree on it, and its neighbours have others. Offsets of low frequency, which pass for
    shading, stay in the image as far as it has more power there than the stripes.

    Parameters
    ----------
    image : (H, W, C) array
        In any unit; NaN where missing.

    Returns
    -------
    Stripes
        Without any for images of less than 128 pixels along a side.
    """
    none = Stripes(np.zeros((image.shape[0], 1, image.shape[2])), np.zeros((1, image.shape[1], image.shape[2])))
    if min(image.shape[:2]) < _SHORTEST:
        return none
    rows = _offsets(image)
    columns = _offsets((image - rows).swapaxes(0, 1)).swapaxes(0, 1)
    return Stripes(rows, columns)


def _offsets(image: Values) -> Values:
    """Return the offsets of the rows, (H, 1, C); zeros where there are none."""
    padded = np.pad(image, ((1, 1), (0, 0), (0, 0)), mode="symmetric")
    difference = image - (padded[:-2] + padded[2:]) / 2
    parts = np.stack([_medians(part) for part in np.array_split(difference, _PARTS, axis=1)])
    power = _power_of_stripes(parts, difference)
    largest = _STRONGEST * (np.nanmax(image) - np.nanmin(image))
    if not 0 < power < largest**2:
        return np.zeros((len(image), 1, image.shape[2]))
    # In the cosines of the whole column, a second difference with mirrored ends is a factor.
    count = len(image)
    factors = 1 - np.cos(np.pi * np.arange(count) / count)
    spectrum = dct(_means(difference), axis=0, norm="ortho")[1:] / factors[1:, None]
    typical = uniform_filter1d(np.square(spectrum).mean(axis=1), _SMOOTH, mode="nearest")
    gain = 1 / (1 + np.maximum(typical / power - _SCATTER, 0))
    kept = np.concatenate([np.zeros((1, image.shape[2])), spectrum * gain[:, None]])
    offsets: Values = idct(kept, axis=0, norm="ortho")
    return offsets[:, None]


def _medians(difference: Values) -> Values:
    """Return the median of each row, (H, C); 0 where nothing was measured."""
    measured: NDArray[np.bool_] = np.asarray(np.isfinite(difference).any(axis=1))
    safe = np.where(measured[:, None], difference, 0.0)
    medians: Values = np.nanmedian(safe, axis=1)
    return medians


def _means(difference: Values) -> Values:
    """Return the mean of each row without its outliers, (H, C): of noise it is one of the rows' means, as medians are not."""
    medians = _medians(difference)
    centred = difference - medians[:, None]
    scale = 1.4826 * np.nanmedian(np.abs(centred))
    inside = np.abs(centred) <= _OUTLYING * scale
    count = np.maximum(inside.sum(axis=1), 1)
    means: Values = medians + np.where(inside, centred, 0.0).sum(axis=1) / count
    return means


def _power_of_stripes(parts: Values, difference: Values) -> float:
    """Return the variance of the offsets that the parts (K, H, C) of the lines' second differences agree on; 0 for none."""
    inner = parts[:, 1:-1]
    total, pairs = inner.sum(axis=0), _PARTS * (_PARTS - 1)

    def common(lag: int) -> Values:
        ahead, behind = slice(lag, None), slice(None, total.shape[0] - lag)
        products = total[ahead] * total[behind] - (inner[:, ahead] * inner[:, behind]).sum(axis=0)
        of_line: Values = products.mean(axis=1) / pairs
        return of_line

    each = common(0)
    power, error = float(each.mean()), float(each.std() / np.sqrt(len(each)))
    if power <= max(_EVIDENCE * np.sqrt(len(each)) * error, 0):
        return 0.0
    alternation = float(common(1).mean()) / power
    differing = float(inner.var(axis=0, ddof=1).mean()) - _variance_of_medians(difference[1:-1])
    if not _ALTERNATING[0] < alternation < _ALTERNATING[1] or differing > _UNEQUAL * power:
        return 0.0
    return power / 1.5


def _variance_of_medians(difference: Values) -> float:
    """Return the variance that noise alone gives the median of a part of a line."""
    length = difference.shape[1] / _PARTS
    deviation = np.abs(difference - _medians(difference)[:, None])
    level = 1.4826 * _medians(deviation)
    return float(np.pi / 2 * np.square(level).mean() / length)
