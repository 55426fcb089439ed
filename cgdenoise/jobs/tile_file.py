"""Restored tiles of a large image on disk, beside the output that they will be: a run that is killed goes on from them."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError
from cgdenoise.fitlog.records import Record
from cgdenoise.reading import about

_NAME = "cgdenoise tiles"
_MARK = f'{{"{_NAME}": '.encode()
"""How such a file begins: another one is nobody's to replace."""

_LONGEST = 1 << 20
"""Bytes of the first line that are looked at, at most. By hand."""

_HEAD = struct.Struct("<QIIII")
"""Before the bytes of a tile: its number, height, width, channels, and the checksum of the bytes."""


def left_by(path: str | os.PathLike[str]) -> Record | None:
    """Return what decided the tiles of a file, as `TileFile` was given it; None if there is no such file."""
    try:
        with open(path, "rb") as file:
            found = json.loads(file.readline(_LONGEST))[_NAME]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None


class TileFile:
    """Tiles of one page, kept in a file as `restoration.tiled.Kept` has it.

    Each is on the disk before the next is begun. One that was cut off by a kill, and whatever follows it, does not count.

    Parameters
    ----------
    path : str or Path
        Of the file, which is made if need be.
    made_by : dict
        All that decides the tiles, of things that JSON has. A file of other tiles is begun anew.

    Raises
    ------
    ImageError
        If the file cannot be read or written, or is of another kind.
    """

    def __init__(self, path: str | os.PathLike[str], made_by: Record) -> None:
        self._path = Path(path)
        self._key = _MARK + json.dumps(made_by, sort_keys=True).encode() + b"}\n"
        self._places: dict[int, tuple[int, tuple[int, int, int]]] = {}
        with self._answered(), open(self._path, "a+b") as file:
            self._end = self._read(file)

    def __contains__(self, index: int) -> bool:
        """Tell whether there is a tile of that number."""
        return index in self._places

    def find(self, index: int) -> NDArray[np.float32] | None:
        """Return a tile (H, W, C), None if there is none of that number."""
        if index not in self._places:
            return None
        place, shape = self._places[index]
        with self._answered(), open(self._path, "rb") as file:
            file.seek(place)
            return np.fromfile(file, np.float32, int(np.prod(shape))).reshape(shape)

    def add(self, index: int, values: NDArray[np.float32]) -> None:
        """Add a tile (H, W, C); it is on the disk when this returns."""
        data = np.ascontiguousarray(values, np.float32).tobytes()
        height, width, channels = values.shape
        with self._answered(), open(self._path, "r+b") as file:
            file.seek(self._end)
            file.truncate()
            file.write(_HEAD.pack(index, height, width, channels, zlib.crc32(data)) + data)
            file.flush()
            os.fsync(file.fileno())
            self._places[index] = self._end + _HEAD.size, (height, width, channels)
            self._end = file.tell()

    def _read(self, file: BinaryIO) -> int:
        """Find the tiles that are whole, and return where the last of them ends."""
        file.seek(0)
        if (begins := file.read(len(_MARK))) and begins != _MARK:
            raise ImageError("exists, and is no file of tiles; expected another name for the output")
        file.seek(0)
        if file.readline(len(self._key) + 1) != self._key:
            file.truncate(0)
            file.write(self._key)
            return len(self._key)
        end = file.tell()
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            index, height, width, channels, checksum = _HEAD.unpack(head)
            data = file.read(4 * height * width * channels)
            if len(data) < 4 * height * width * channels or zlib.crc32(data) != checksum:
                break
            self._places[index] = end + _HEAD.size, (height, width, channels)
            end = file.tell()
        return end

    @contextlib.contextmanager
    def _answered(self) -> Iterator[None]:
        with about(self._path):
            try:
                yield
            except OSError as error:
                raise ImageError(f"cannot be written ({error.strerror}); expected room for the tiles of a large image") from error
