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
        Pixels that neighbours share at least, below `side`.
    """

    height: int
    width: int
    side: int
    overlap: int = OVERLAP

    @property
    def rows(self) -> list[int]:
        """First row of each row of tiles."""
        return _starts(self.height, self.side, self.overlap)

    @property
    def columns(self) -> list[int]:
        """First column of each column of tiles."""
        return _starts(self.width, self.side, self.overlap)

    @property
    def count(self) -> int:
        """Number of tiles."""
        return len(self.rows) * len(self.columns)

    def tiles(self) -> Iterator[Tile]:
        """Yield the tiles in reading order, all of one size."""
        height, width = min(self.side, self.height), min(self.side, self.width)
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
    height, width = min(tiling.side, tiling.height), min(tiling.side, tiling.width)
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


def _starts(length: int, side: int, overlap: int) -> list[int]:
    """Return where parts of a length begin, spread evenly."""
    if length <= side:
        return [0]
    count = math.ceil((length - overlap) / (side - overlap))
    return [round(number * (length - side) / (count - 1)) for number in range(count)]


def _ramp(length: int, overlap: int) -> NDArray[np.float64]:
    """Return the weights of a tile along an axis: rising over the overlap, 1 amid, and falling."""
    place = np.arange(length) + 0.5
    weights: NDArray[np.float64] = np.minimum(np.minimum(place, length - place) / overlap, 1.0)
    return weights
