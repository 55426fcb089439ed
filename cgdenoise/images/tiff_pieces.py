"""Pages that lie on the disk as the tiles or strips that tifffile writes, of which a row is in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cgdenoise.reading.on_disk import let_go

from . import ifd
from .picture import Array, join_alpha

_SIDE = 256
"""Of a tile, and rows of a strip: as many other programs have it."""


@dataclass(frozen=True)
class Pieces:
    """A page and its alpha; tiles are cut of what is to be compressed, for tifffile compresses no strips that it is given."""

    page: Array
    alpha: Array | None
    planar: bool
    compressed: bool

    def options(self, shape: tuple[int, ...], order: ifd.Order) -> dict[str, Any]:
        """Return the options of `TiffWriter.write` that say so, for a page of a stored shape and byte order."""
        cut = {"tile": (_SIDE, _SIDE)} if self.compressed else {"rowsperstrip": _SIDE}
        return {
            "data": self._tiles() if self.compressed else self._strips(order),
            "shape": shape,
            "dtype": self.page.dtype,
            **cut,
        }

    def _bands(self) -> Iterator[Array]:
        """Yield rows (rows, W, samples); of planes, those of one after the other."""
        count = join_alpha(self.page[:1], None if self.alpha is None else self.alpha[:1]).shape[2]
        for part in range(count) if self.planar else [slice(None)]:
            for top in range(0, len(self.page), _SIDE):
                rows = slice(top, top + _SIDE)
                samples = join_alpha(self.page[rows], None if self.alpha is None else self.alpha[rows])
                let_go(self.page)
                yield samples[..., part].reshape(*samples.shape[:2], -1)

    def _strips(self, order: ifd.Order) -> Iterator[bytes]:
        return (band.astype(band.dtype.newbyteorder(order)).tobytes() for band in self._bands())

    def _tiles(self) -> Iterator[Array]:
        for band in self._bands():
            for left in range(0, band.shape[1], _SIDE):
                part = band[:, left : left + _SIDE]
                tile = np.zeros((_SIDE, _SIDE, band.shape[2]), band.dtype)
                tile[: part.shape[0], : part.shape[1]] = part
                yield tile if band.shape[2] > 1 else tile[..., 0]
