"""Where impulses can be told from the image: blocks whose typical values lie far from an extreme, and lonely values in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Chosen by hand with those of `impulse`, where nothing else is said: half and twice are measured there too, but for `BLOCK` and
# `_WINDOWS`.

BLOCK = 7
"""Side of the blocks: small enough to have one typical value on most of a photograph, with values enough for a quartile."""

_GAUSSIAN_IQR = 1.349
"""Interquartile range of the normal distribution, in standard deviations (computed)."""

_LEAST_REACH = 0.15
"""Share of the image's range by which a block's typical value must clear an extreme, however little the block varies."""

_NEAR = 0.75
"""Position, 0 at the extreme and 1 at the block's centre, below which a neighbour is near the extreme: the rims of antialiased
strokes and the flanks of stars are, noise up to a quarter of the distance is not."""

_COARSE = 0.1
"""Share of the range above which a step between values is that of a drawing, and says nothing of how accurate they are."""

MIN_COUNT = 10
"""Impulses that have to be seen: their number is then known within a third, 1 / sqrt(10)."""

MIN_COVER = 0.01
"""Share of the blocks that have to be far from the extreme."""

FEW_VALUES = 10
"""Values that an image may have and be a drawing, or counts of single photons."""

_CELLS = 4
"""The image is cut into so many parts each way to see whether hits are even."""

_UNEVEN = 50.0
"""Chi-square of the hits in 16 parts from which they are not even: 16 plus six standard deviations of sqrt(32); chance exceeds it
once in 80,000 times."""

_WINDOWS = ((3, 0.1), (5, 0.02), (7, 0.0))
"""Neighbourhoods, and the rate from which each will do. In text of 8 to 40 pixels up to 0.005 of the places without ink in 3 or 5
pixels were a dot, none in 7."""


@dataclass(frozen=True)
class Rate:
    """How often values hit at free places: `value` is `hits` / `places`."""

    hits: int
    places: int

    @property
    def value(self) -> float:
        """0 without any place."""
        return self.hits / max(self.places, 1)


@dataclass(frozen=True)
class Places:
    """The values of an image that lie in blocks whose typical value, the centre, is far from an extreme.

    Attributes
    ----------
    chosen : (H, W, C) array of bool
        Which.
    position : (H, W, C) array
        Between the extreme, 0, and the centre of the value's block, 1; NaN for values that were not chosen.
    away : (H, W, C) array
        Distance of the centre from the extreme; NaN in blocks that were not chosen.
    cover : float
        Share of the image's blocks.
    reach : float
        Mean distance from centre to extreme, as a share of the image's range.
    """

    chosen: Mask
    position: Values
    away: Values
    cover: float
    reach: float

    def rate(self, hits: Mask) -> Rate:
        """Return how often values (H, W, C) hit where no neighbour is near the extreme.

        Impulses do not know of each other, so they are as frequent there as anywhere. The strokes of letters and plots are
        connected: where no neighbour is ink there is hardly any.
        """
        return Rate(int((hits & self._free).sum()), int(self._free.sum()))

    def is_even(self, hits: Mask) -> bool:
        """Tell whether hits (H, W, C) come at one rate in all parts of the image."""
        rate, squares = self.rate(hits).value, 0.0
        for rows in np.array_split(np.arange(hits.shape[0]), _CELLS):
            for columns in np.array_split(np.arange(hits.shape[1]), _CELLS):
                free = self._free[rows[:, None], columns]
                expected = rate * free.sum()
                observed = (hits[rows[:, None], columns] & free).sum()
                squares += float((observed - expected) ** 2 / max(expected * (1 - rate), 1))
        return squares < _UNEVEN

    @cached_property
    def _free(self) -> Mask:
        """Where no neighbour is near the extreme.

        Dots and full stops are alone among their nearest neighbours; so the rarer it is that a value near the extreme is, the
        larger the neighbourhood that has to be free.
        """
        near = self.chosen & (self.position < _NEAR)
        occupied = ~self.chosen | near
        free = self.chosen
        for size, least in _WINDOWS:
            counts = np.stack([window_sums(part, size) for part in np.moveaxis(occupied, 2, 0)], axis=2)
            free = self.chosen & (counts == occupied)
            if (near & free).sum() > least * free.sum():
                break
        return free


def find_places(image: Values, distinct: Values, plain: Mask, extreme: float, distance: float, least: int) -> Places:
    """Choose the blocks by the median and the standard deviation of their plain values.

    Parameters
    ----------
    image : (H, W, C) array
        NaN where missing.
    distinct : (K,) array
        Its values in ascending order, two at least.
    plain : (H, W, C) array of bool
        Values that are surely no impulses. Where a block has fewer than `least`, as in drawings of two values, all count.
    extreme : float
    distance : float
        Of centre and extreme, in standard deviations of the block.
    least : int
        Values that a block needs.
    """
    everything, selected = _blocks(image), _blocks(np.where(plain, image, np.nan))
    few = np.isfinite(selected).sum(axis=1) < least
    selected[few] = everything[few]
    centre = quantile(selected.T, 0.5)
    deviation = (quantile(selected.T, 0.75) - quantile(selected.T, 0.25)) / _GAUSSIAN_IQR
    span = distinct[-1] - distinct[0]
    step = min(np.diff(distinct).min(), _COARSE * span)
    limit = np.maximum(distance * (deviation + step / 2), _LEAST_REACH * span)
    chosen = (np.isfinite(selected).sum(axis=1) >= least) & (np.abs(centre - extreme) > limit)
    distances = np.where(chosen, np.abs(centre - extreme), np.nan)
    away = _pixels(distances, image.shape)
    position = np.abs(image - extreme) / away
    reach = float(distances[chosen].mean() / span) if chosen.any() else 0.0
    return Places(np.isfinite(position), position, away, float(chosen.mean()), reach)


def window_sums(part: Mask, size: int) -> NDArray[np.int64]:
    """Return how many are True in the window of an odd size around each place of (H, W)."""
    running = np.pad(part.astype(np.int64), (size // 2 + 1, size // 2)).cumsum(axis=0)
    rows = running[size:] - running[:-size]
    running = rows.cumsum(axis=1)
    sums: NDArray[np.int64] = running[:, size:] - running[:, :-size]
    return sums


def neighbours(channel: Values, radius: int) -> Values:
    """Return the neighbours of each value of a (H, W) channel in reading order, (n, H, W); NaN beyond the border."""
    height, width = channel.shape
    padded = np.pad(channel, radius, constant_values=np.nan)
    side = range(2 * radius + 1)
    offsets = [(i, j) for i in side for j in side if (i, j) != (radius, radius)]
    return np.stack([padded[i : i + height, j : j + width] for i, j in offsets])


def quantile(values: Values, level: float) -> Values:
    """Return a quantile along the first axis of the values that are not NaN, NaN where there are none.

    Between two values it is their mean, so that the mirrored level of the negative image is the negative.
    """
    rank = np.maximum(np.isfinite(values).sum(axis=0, keepdims=True) - 1, 0) * level
    ordered = np.sort(values, axis=0)
    below, above = (np.take_along_axis(ordered, r.astype(np.intp), axis=0) for r in (np.floor(rank), np.ceil(rank)))
    middle: Values = (below[0] + above[0]) / 2
    return middle


def blocks(image: Values, side: int) -> Values:
    """Cut (H, W, C) into whole blocks of a side, channel by channel in reading order, (N, side²); the rest is left out."""
    rows, columns = image.shape[0] // side, image.shape[1] // side
    cut = image[: rows * side, : columns * side].reshape(rows, side, columns, side, image.shape[2])
    return cut.transpose(4, 0, 2, 1, 3).reshape(-1, side**2)


def _blocks(image: Values) -> Values:
    """Cut (H, W, C) into the blocks of all channels, (N, 49); NaN fills up those at the border."""
    return blocks(
        np.pad(image, ((0, -image.shape[0] % BLOCK), (0, -image.shape[1] % BLOCK), (0, 0)), constant_values=np.nan), BLOCK
    )


def _pixels(of_block: Values, shape: tuple[int, ...]) -> Values:
    """Give every value of an image (H, W, C) what its block has, the inverse of `_blocks`."""
    rows, columns = -(-shape[0] // BLOCK), -(-shape[1] // BLOCK)
    grid = of_block.reshape(shape[2], rows, columns).transpose(1, 2, 0)
    return grid.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)[: shape[0], : shape[1]]
