"""Noise that an image had before it was stored as JPEG: what quantisation has left of it tells how strong it was."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from cgdenoise.noise.clipping import clipped
from cgdenoise.noise.jpeg import SIDE, TO_YCC, Jpeg, blocks_of, find_jpeg, reduce, stored_colour, to_ycc

Array = NDArray[np.float64]

_FLAT, _MIN_BLOCKS = 0.1, 30
"""Share of the blocks, those with the least power at low frequencies, that the level is measured in; how many at least. By hand:
0.03 gives the same, 0.3 up to a third more on texture (14 photographs)."""

_LEVELS = np.geomspace(0.3, 40.0, 98)
"""Standard deviations of noise in luminance that are tried, in grey levels: 5 % apart, as near as its estimate comes."""

_LIKELY = 2.0
"""Logarithm of the likelihood below its maximum within which a level may be the true one: two standard errors."""

_CERTAIN = 1.5
"""Largest of these levels over the least, from which they are only a bound: where nearly nothing is left it is 2 and more. By
hand."""

_WHITE = 1.5
"""Level at middle frequencies over that at high ones up to which noise was white before it was stored: 0.9 to 1.5 for white
noise of 5 to 25 on twelve of fourteen photographs, 1.3 to 2.2 on fine texture, 2.1 to 3.8 for a camera's noise (quality 97)."""

_HIDDEN, _GROWTH = 1.4, 0.6
"""Noise that the rounding of luminance hides: times the power of the mean of its nine first steps. Of clean photographs at
quality 90, 50 and 15 it is best at 0.8 to 1.2, 0.5 and 0.3 of that mean (`benchmarks/NOTES.md`, "JPEG")."""

_COLOURS = 2.0
"""Noise that the rounding of colours hides, over that of luminance: their steps are twice as large, and a reduced one is the mean
of four pixels, which would make it 3. That is up to 0.4 dB better without noise, but worse on fine texture and with noise of 10
of 255 (`benchmarks/NOTES.md`, "JPEG")."""

_RANGE = 60
"""Steps up to which quantised noise is summed."""

_U, _V = np.indices((SIDE, SIDE))
_MIDDLE = (_U + _V >= 3) & (_U + _V < 5)
_LOW = (_U + _V >= 1) & (_U + _V < 3)
_HIGH, _FINE = _U + _V >= 5, _U + _V >= 3


@dataclass(frozen=True)
class StoredNoise:
    """White noise of an image that was then stored as JPEG; of one level in red, green and blue, if there are colours.

    Attributes
    ----------
    jpeg : Jpeg
        How it was stored.
    sigma : float
        Standard deviation of the noise in luminance before, in grey levels of 255; where rounding hides it, what it may be at
        most.
    is_white : bool
        Whether high and middle frequencies have as much of it; else texture or coarse noise is in what was measured.
    believed_coarse : float
        Level of noise that was coarse before, over `level`, up to which that is believed.
    """

    jpeg: Jpeg
    sigma: float
    is_white: bool = True
    believed_coarse: float = 0.0

    @property
    def hidden(self) -> float:
        """Standard deviation in luminance of the noise that rounding hides: without noise, too, it is assumed to be there."""
        return float(_HIDDEN * self.jpeg.luminance[:3, :3].mean() ** _GROWTH)

    @property
    def level(self) -> float:
        """Standard deviation of the noise that is assumed before in each channel of the image, in grey levels of 255."""
        return self.sigmas[0] if self.jpeg.reduced is None else self.sigmas[0] / float(np.linalg.norm(TO_YCC[0]))

    @property
    def most_coarse(self) -> float:
        """Level of noise that was coarse before, in each channel of the image and its unit, up to which that is believed."""
        return self.believed_coarse * self.level * self.jpeg.unit

    @property
    def sigmas(self) -> tuple[float, ...]:
        """Standard deviation in luminance and in each colour that is assumed before, in grey levels.

        At least as much as rounding hides: of an image without noise that removes the seams of blocks.
        """
        return self._of_planes(max(self.sigma, _COLOURS * self.hidden))

    @property
    def left(self) -> tuple[float, ...]:
        """Standard deviation of what is left of that where the image is flat, with the rounding of the coefficients."""
        return self._left_of(self.sigmas)

    def _of_planes(self, colours: float) -> tuple[float, ...]:
        """Return the level in luminance, and those of the colours that belong to another in luminance."""
        luminance = max(self.sigma, self.hidden)
        if self.jpeg.reduced is None:
            return (luminance,)
        parts = np.linalg.norm(TO_YCC, axis=1)
        return (luminance, *(colours * parts[1:] / parts[0]).tolist())

    def _left_of(self, sigmas: tuple[float, ...]) -> tuple[float, ...]:
        luminance, *colours = sigmas
        if self.jpeg.reduced is None:
            return (_left(luminance, self.jpeg.luminance),)
        mean = float(np.prod(self.jpeg.reduced)) ** -0.5
        return (_left(luminance, self.jpeg.luminance), *(_left(mean * sigma, self.jpeg.chrominance) for sigma in colours))

    @property
    def covariance(self) -> Array:
        """Of what is left of white noise, between the image's channels, (C, C), in its unit."""
        left = self._left_of(self._of_planes(max(self.sigma, self.hidden)))
        back = np.linalg.inv(TO_YCC) if self.jpeg.reduced else np.eye(1)
        covariance: Array = self.jpeg.unit**2 * (back * np.square(left)) @ back.T
        return covariance

    def in_unit(self, factor: float) -> StoredNoise:
        """Return the same of the image in units that are so many of today's."""
        return replace(self, jpeg=replace(self.jpeg, unit=self.jpeg.unit / factor))


def find_stored_noise(image: Array) -> StoredNoise | None:
    """Return the noise that an image had before it was stored as JPEG; None if it was not.

    Each coefficient of a flat block is noise that was rounded to a multiple of a known step. How often which multiple occurs
    tells the noise's level, also where it was mostly rounded to 0 and what is left of it is far weaker. The likeliest level is
    asked of low, middle and high frequencies of luminance and of those of the colours, and the least of them is taken, as
    texture has no power that is everywhere the same. Each coefficient is asked in blocks that are flat by other ones, of the
    opposite parity, as in `noise_correlation`.

    Parameters
    ----------
    image : (H, W, C) array
        NaN where missing.
    """
    jpeg = find_jpeg(image)
    if jpeg is None:
        return None
    cut = clipped(image).astype(float)
    if jpeg.reduced is None:
        blocks = _whole_blocks(image[..., 0] / jpeg.unit, cut)
        colours = np.zeros(len(_LEVELS))
    else:
        luminance, *others = np.moveaxis(to_ycc(image / jpeg.unit), 2, 0)
        blocks, cut = _whole_blocks(luminance, cut), reduce(cut, jpeg.reduced)
        stored = [_whole_blocks(stored_colour(plane, jpeg.reduced), cut) for plane in others]
        colours = np.sum([_likelihood(of_colour, jpeg.chrominance, _FINE) for of_colour in stored], axis=0)
    low, middle, high = (_likelihood(blocks, jpeg.luminance, part) for part in (_LOW, _MIDDLE, _HIGH))
    is_white = _likeliest(middle) <= _WHITE * _likeliest(high)
    levels = [_likeliest(likelihood) for likelihood in (low, middle, high)]
    return StoredNoise(jpeg, min(*levels, _likeliest(colours) / _of_colours(jpeg)), is_white)


def _of_colours(jpeg: Jpeg) -> float:
    """Return the noise that is stored of a colour, in parts of that of luminance."""
    luminance, *colours = np.linalg.norm(TO_YCC, axis=1)
    return float(np.mean(colours) / luminance / np.prod(jpeg.reduced or 1) ** 0.5)


def _whole_blocks(plane: Array, cut: Array) -> Array:
    """Return the coefficients of the blocks of a plane in which nothing was cut off; if they are too few, of all."""
    blocks, whole = blocks_of(plane), blocks_of(cut)[:, 0, 0] == 0
    return blocks[whole] if whole.sum() >= _MIN_BLOCKS else blocks


def _likelihood(blocks: Array, table: Array, part: NDArray[np.bool_]) -> Array:
    """Return the logarithm of the likelihood of each of `_LEVELS` by a part of the coefficients (N, 8, 8) of flat blocks."""
    odd = (_U + _V) % 2 == 1
    low = (np.maximum(_U, _V) < SIDE // 2) & (_U + _V > 0)
    count = min(len(blocks), max(_MIN_BLOCKS, round(_FLAT * len(blocks))))
    total = np.zeros(len(_LEVELS))
    for measured in (odd, ~odd):
        texture = np.square(blocks[:, low & ~measured]).sum(axis=1)
        flat = blocks[np.argsort(texture, kind="stable")[:count]]
        for u, v in np.argwhere(measured & part):
            number = np.abs(np.round(flat[:, u, v] / table[u, v])).astype(int)
            values, counts = np.unique(number, return_counts=True)
            total += counts @ np.log(_shares(values, table[u, v]))
    return total


def _shares(numbers: NDArray[np.int_], step: float) -> Array:
    """Return the share of noise of each of `_LEVELS` that is rounded to these multiples of a step, either sign: (N, levels)."""
    upper, lower = ((numbers[:, None] + half) * step / _LEVELS for half in (0.5, -0.5))
    share: Array = np.where(numbers[:, None] == 0, ndtr(upper) - ndtr(-upper), 2 * (ndtr(-lower) - ndtr(-upper)))
    shares: Array = np.maximum(share, 1e-12)
    return shares


def _likeliest(likelihood: Array) -> float:
    """Return the level of the greatest likelihood; if others that are not near it are as likely, the largest of them."""
    likely = _LEVELS[likelihood > likelihood.max() - _LIKELY]
    return float(likely[-1] if likely[-1] > _CERTAIN * likely[0] else _LEVELS[np.argmax(likelihood)])


def _left(sigma: float, table: Array) -> float:
    """Return the standard deviation over 8×8 coefficients of noise that was rounded to multiples of their steps."""
    if not sigma:
        return 0.0
    number = np.arange(1, _RANGE)[:, None, None]
    upper, lower = ((number + half) * table / sigma for half in (0.5, -0.5))
    power = (np.square(number * table) * 2 * (ndtr(-lower) - ndtr(-upper))).sum(axis=0)
    power[0, 0] = sigma**2 + table[0, 0] ** 2 / 12  # a mean lies anywhere between multiples
    return float(np.sqrt(power.mean()))
