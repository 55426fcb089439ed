"""How JPEG has stored an image: recognised from its pixels, whatever file they came in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from cgdenoise.noise.clipping import clipped

Array = NDArray[np.float64]

SIDE = 8
"""Side of the blocks that are transformed."""

TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]])
"""Luminance and two differences of colours, from red, green and blue (ITU-T T.871, "JFIF", less its offset of 128)."""

# fmt: off
_LUMINANCE = np.array([
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
]).reshape(SIDE, SIDE)
_CHROMINANCE = np.full((SIDE, SIDE), 99)
_CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
# fmt: on
"""Steps of quantisation at quality 50 (ITU-T T.81, annex K)."""

_QUALITIES = range(1, 98)
"""Above, the steps are within the rounding of decoded pixels."""

_Rounding = tuple[float, float]

_OF_LUMINANCE, _OF_COLOURS = (0.35, 0.03), (0.7, 0.03)
"""Standard deviation of a decoded coefficient about its multiple, which was rounded, and so were red, green and blue; and the
share of those that lie anywhere, as where colours were clipped. Undoing their interpolation makes that of the colours larger:
nine of ten are within 0.7 to 1.9 of their multiples, and within 1.2 to 5 on a picture with many clipped colours."""

_BLOCKS = 200
"""Blocks that are looked at, evenly over the image, up to twice as many. By hand, for the time."""

_EVIDENCE, _MEAN_EVIDENCE = 50.0, 0.5
"""Logarithm of how much likelier the coefficients are at those steps than anywhere between, in all and each, from which the image
was stored so. On six photographs at qualities 10 to 90 it was 0.9 to 2 each, and -2 to -3 where blocks begin elsewhere."""

_USUAL = 30.0
"""Evidence for colours at half the resolution both ways beforehand: most files have that, and coarse steps tell little."""

_WRONG_COLOURS = -1.6
"""Evidence of each coefficient of the colours below which they were stored in another way: -2 to -3 where the reduction is
wrong, -1.3 and more where it is right (six photographs, qualities 10 to 97)."""

_UNDOINGS = 25
"""Iterations that undo the interpolation of colours: its weakest frequency is a quarter as strong, so 0.1 % of that is left."""

_WHOLE = 1e-2
"""How far the distance of two values may be from a whole number of grey levels, relative to it: scaling rounds."""

_FEWEST = 8
"""Values up to which an image is a drawing. By hand."""


@dataclass(frozen=True)
class Jpeg:
    """Quantisation of an image whose first pixel began a block.

    Attributes
    ----------
    quality : int
        As libjpeg counts it, 1 to 97.
    unit : float
        What one of 255 grey levels is in the image's unit.
    reduced : tuple of int or None
        By how much rows and columns of the colours were reduced, 1 or 2 each; None if there are no colours.
    """

    quality: int
    unit: float
    reduced: tuple[int, int] | None = (2, 2)

    @property
    def luminance(self) -> Array:
        """Steps of its 8×8 coefficients, in grey levels, for an orthonormal DCT."""
        return steps(_LUMINANCE, self.quality)

    @property
    def chrominance(self) -> Array:
        """The same of the colours."""
        return steps(_CHROMINANCE, self.quality)


def steps(table: NDArray[np.int_], quality: int) -> Array:
    """Return the steps of a quality from those of quality 50, as libjpeg does."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((table * scale + 50) // 100, 1, 255).astype(float)


def find_jpeg(image: Array) -> Jpeg | None:
    """Return how an image was stored as JPEG; None if it was not, or not so that its pixels tell.

    Coefficients of the 8×8 blocks then lie at multiples of their steps, up to rounding. Of each quality of libjpeg it is asked
    how much likelier the coefficients are there than anywhere between, those near 0 left out, which smooth images have in any
    case.

    Told are libjpeg's tables, images that were not cropped at their top or left or resized since, and colours at full or half the
    resolution, interpolated as libjpeg does.

    Parameters
    ----------
    image : (H, W, C) array
        Grey, or red, green and blue; in any unit, but of whole grey levels. NaN where missing: then it is not asked.
    """
    unit = _unit(image)
    if unit is None or image.shape[2] not in (1, 3) or min(image.shape[:2]) < 2 * SIDE:
        return None
    planes = image[..., :1] / unit if image.shape[2] == 1 else to_ycc(image / unit)
    cut = clipped(image).astype(float)
    luminance = _sampled(planes[..., 0], cut)
    luminance[:, 0, 0] = 0  # what the unit calls 0 is not known
    evidence = [_evidence(luminance, steps(_LUMINANCE, quality), _OF_LUMINANCE) for quality in _QUALITIES]
    best = int(np.argmax([total for total, _ in evidence]))
    total, mean = evidence[best]
    if total < _EVIDENCE or mean < _MEAN_EVIDENCE:
        return None
    quality = _QUALITIES[best]
    if image.shape[2] == 1:
        return Jpeg(quality, unit, None)
    table = steps(_CHROMINANCE, quality)
    by_reduction = {}
    for reduced in ((2, 2), (1, 2), (2, 1), (1, 1)):
        stored = [stored_colour(planes[..., channel], reduced) for channel in (1, 2)]
        coefficients = np.concatenate([_sampled(plane, reduce(cut, reduced)) for plane in stored])
        by_reduction[reduced] = _evidence(coefficients, table, _OF_COLOURS)
    reduced = max(by_reduction, key=lambda each: by_reduction[each][0] + (_USUAL if each == (2, 2) else 0))
    return Jpeg(quality, unit, reduced) if by_reduction[reduced][1] >= _WRONG_COLOURS else None


def to_ycc(image: Array) -> Array:
    """Return red, green and blue (H, W, 3) as luminance and two differences of colours."""
    planes: Array = image @ TO_YCC.T
    return planes


def blocks_of(plane: Array) -> Array:
    """Return the DCT (N, 8, 8) of the whole blocks of a plane (H, W)."""
    height, width = (length // SIDE for length in plane.shape)
    blocks = plane[: height * SIDE, : width * SIDE].reshape(height, SIDE, width, SIDE).swapaxes(1, 2)
    coefficients: Array = dctn(blocks, axes=(2, 3), norm="ortho")
    return coefficients.reshape(-1, SIDE, SIDE)


def with_blocks(plane: Array, coefficients: Array) -> Array:
    """Return a plane (H, W) whose whole blocks have the given DCT."""
    height, width = (length // SIDE for length in plane.shape)
    blocks = idctn(coefficients.reshape(height, width, SIDE, SIDE), axes=(2, 3), norm="ortho")
    changed = plane.copy()
    changed[: height * SIDE, : width * SIDE] = blocks.swapaxes(1, 2).reshape(height * SIDE, width * SIDE)
    return changed


def reduce(plane: Array, reduced: tuple[int, int]) -> Array:
    """Return the means of neighbouring pixels of a plane (H, W); an odd last one stands for two."""
    for axis, factor in enumerate(reduced):
        if factor == 2:
            plane = np.concatenate([plane, plane.take([-1], axis)], axis) if plane.shape[axis] % 2 else plane
            plane = (plane.take(range(0, plane.shape[axis], 2), axis) + plane.take(range(1, plane.shape[axis], 2), axis)) / 2
    return plane


def enlarge(plane: Array, reduced: tuple[int, int], shape: tuple[int, ...]) -> Array:
    """Interpolate what `reduce` made of a plane of a shape (H, W), as libjpeg does: 3/4 of the nearer value, 1/4 of the next."""
    for axis, factor in enumerate(reduced):
        if factor == 2:
            count = plane.shape[axis]
            before, after = (plane.take(np.clip(np.arange(count) + by, 0, count - 1), axis) for by in (-1, 1))
            pairs = np.stack([0.75 * plane + 0.25 * before, 0.75 * plane + 0.25 * after], axis + 1)
            plane = pairs.reshape(*plane.shape[:axis], 2 * count, *plane.shape[axis + 1 :]).take(range(shape[axis]), axis)
    return plane


def stored_colour(plane: Array, reduced: tuple[int, int]) -> Array:
    """Return the plane that was stored of a colour (H, W), before it was interpolated."""
    means = reduce(plane, reduced)
    stored = means
    for _ in range(_UNDOINGS if 2 in reduced else 0):
        stored = stored + means - reduce(enlarge(stored, reduced, plane.shape), reduced)
    return stored


def _unit(image: Array) -> float | None:
    """Return the step between an image's values; None if they are not some of 256 grey levels."""
    if not np.isfinite(image).all():
        return None
    values = np.unique(image)
    if not _FEWEST < values.size <= 256:
        return None
    gaps = np.diff(values)
    gaps = gaps / gaps.min()
    count = int(np.round(gaps).sum())
    if count > 255 or np.abs(gaps - np.round(gaps)).max() > _WHOLE * gaps.max():
        return None
    return float((values[-1] - values[0]) / count)


def _sampled(plane: Array, cut: Array) -> Array:
    """Return the DCT of at most so many blocks of a plane, in which nothing was cut off."""
    whole: Array = blocks_of(plane)[blocks_of(cut)[:, 0, 0] == 0]
    return whole[:: max(1, len(whole) // _BLOCKS)]


def _evidence(coefficients: Array, table: Array, rounding: _Rounding) -> tuple[float, float]:
    """Return how much likelier coefficients (N, 8, 8) are at multiples of their steps, in all and each (logarithms)."""
    sigma, stray = rounding
    number = np.round(coefficients / table)
    away = coefficients - table * number
    chance = np.broadcast_to(table / (np.sqrt(2 * np.pi) * sigma), away.shape)
    told = (number != 0) & (table > 6 * sigma)
    ratios = np.log((1 - stray) * chance[told] * np.exp(-0.5 * np.square(away[told] / sigma)) + stray)
    return (float(ratios.sum()), float(ratios.mean())) if ratios.size else (0.0, 0.0)
