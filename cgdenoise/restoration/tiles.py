"""A large image as overlapping tiles: where they lie, and how their restorations are blended."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OVERLAP = 32
"""Pixels that neighbouring tiles share at least. By hand: with half of it tiles of 256 pixels were as good as the whole, too
(`benchmarks/NOTES.md`, "Tiles")."""

_BAND = 64
"""Rows that are given at once, at most. By hand: what becomes of them then takes little memory."""


@dataclass(frozen=True)
class Tile:
    """A part of an image: its number in reading order, and the rows and columns that it covers."""

    index: int
    rows: slice
    columns: slice


@dataclass(frozen=True)
class Tiling:
    """How an image is cut.

    Attributes
    ----------
    height, width : int
        Of the image.
    side : int
        Of a tile, at most.
    overlap : int
        Pixels that neighbours share at least, `block` less than `side` at most.
    block : int
        Tiles begin at multiples of so many pixels, and are as much smaller as that takes: the blocks of JPEG are whole in them.
    """

    height: int
    width: int
    side: int
    overlap: int = OVERLAP
    block: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a tile."""
        return _part(self.height, self.side, self.block), _part(self.width, self.side, self.block)

    @property
    def rows(self) -> list[int]:
        """First row of each row of tiles."""
        return _starts(self.height, self.size[0], self.overlap, self.block)

    @property
    def columns(self) -> list[int]:
        """First column of each column of tiles."""
        return _starts(self.width, self.size[1], self.overlap, self.block)

    @property
    def count(self) -> int:
        """Number of tiles."""
        return len(self.rows) * len(self.columns)

    def tiles(self) -> Iterator[Tile]:
        """Yield the tiles in reading order, all of one size."""
        height, width = self.size
        starts = [(row, column) for row in self.rows for column in self.columns]
        for index, (row, column) in enumerate(starts):
            yield Tile(index, slice(row, row + height), slice(column, column + width))


def blended(
    tiling: Tiling, channels: int, restored: Iterable[NDArray[np.float32]]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Blend tiles to an image, of which never more than a row of tiles is held.

    Where tiles overlap each counts the less, the nearer its own edge is: no seam is left, and what is worst in a tile, its edge,
    counts least.

    Parameters
    ----------
    tiling : Tiling
        Where the tiles lie.
    channels : int
        Of the image.
    restored : iterable of (H, W, C) arrays
        One a tile, in reading order.

    Yields
    ------
    rows : slice
        Of the image, from top to bottom.
    values : (rows, W, C) array
        Blended.
    """
    values = iter(restored)
    tiles, columns, tops = list(tiling.tiles()), len(tiling.columns), [*tiling.rows, tiling.height]
    height, width = tiling.size
    down, across = _ramp(height, tiling.overlap)[:, None, None], _ramp(width, tiling.overlap)[:, None]
    # What a tile counts is a product, of its row and its column: so is what all of them count.
    of_columns = np.zeros((tiling.width, 1))
    for left in tiling.columns:
        of_columns[left : left + width] += across
    total, of_rows = np.zeros((height, tiling.width, channels), np.float32), np.zeros((height, 1, 1))
    for row, (top, below) in enumerate(itertools.pairwise(tops)):
        for tile in tiles[row * columns : (row + 1) * columns]:
            total[:, tile.columns] += down * (across / of_columns[tile.columns]) * next(values)
        of_rows += down
        done = below - top
        for first in range(0, done, _BAND):
            last = min(first + _BAND, done)
            yield slice(top + first, top + last), total[first:last] / of_rows[first:last]
        for held in (total, of_rows):
            held[: height - done] = held[done:].copy()
            held[height - done :] = 0


def _part(length: int, side: int, block: int) -> int:
    """Return how long the parts of a length are: the last one, too, begins at a multiple of a block."""
    return length if length <= side else side - (side - length) % block


def _starts(length: int, part: int, overlap: int, block: int) -> list[int]:
    """Return where parts of a length begin, spread evenly over its blocks."""
    last = (length - part) // block
    steps = math.ceil(last / max(1, (part - overlap) // block))
    return [block * round(number * last / steps) for number in range(steps + 1)] if steps else [0]


def _ramp(length: int, overlap: int) -> NDArray[np.float64]:
    """Return the weights of a tile along an axis: rising over the overlap, 1 amid, and falling."""
    place = np.arange(length) + 0.5
    weights: NDArray[np.float64] = np.minimum(np.minimum(place, length - place) / overlap, 1.0)
    return weights
