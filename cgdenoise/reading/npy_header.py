"""The header of a .npy file: what it promises, before anything is read."""

from __future__ import annotations

import math
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy_format


class NpyHeader(NamedTuple):
    """Shape, order of the axes and dtype of the array that follows."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_npy_header(stream: IO[bytes]) -> NpyHeader:
    """Read a header from the start of a stream, and leave the stream where the array begins.

    Raises
    ------
    ValueError
        If it is damaged, truncated, or of another version than 1.0 and 2.0; later ones only name the fields of records.
    """
    readers = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
    try:
        version = npy_format.read_magic(stream)
        if version in readers:
            header = NpyHeader(*readers[version](stream))
    except Exception as error:
        # NumPy parses the header as Python, and raises whatever its tokenizer, its parser and the dtype do.
        raise ValueError("no .npy header that can be read") from error
    if version not in readers:
        raise ValueError(f".npy version {version[0]}.{version[1]} instead of 1.0 or 2.0")
    if any(not isinstance(side, int) or side < 0 for side in header.shape):
        raise ValueError(f"the shape {header.shape} in a .npy header")
    return header
