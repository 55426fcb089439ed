"""MATLAB's files: to version 7 with SciPy, and version 7.3, which is HDF5, with h5py."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cgdenoise.errors import MeasurementError
from cgdenoise.measurements import hdf5
from cgdenoise.measurements.sparse import by_rows
from cgdenoise.reading import check_affordable

_MAGIC_7_3 = b"MATLAB 7.3 MAT-file"
_HEADER, _TAG, _COMPRESSED = 128, 8, 15
"""Bytes of the header and of an element's tag, and the type of a compressed element. These numbers and the next two are those of
"MAT-File Format" (The MathWorks)."""

_CLASSES = range(5, 16)
"""Classes of numeric variables: sparse, double, single, and eight kinds of integers."""

_TYPES = (*range(1, 8), 9, 12, 13)
"""Types of numbers: integers of 8 to 32 bits, single, double, and integers of 64 bits."""

_NUMERIC = ("double", "single", "sparse", "logical", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))


def read_mat(path: Path, keys: Iterable[str]) -> dict[str, Any]:
    """Return those of the named variables that a file holds; sparse ones as csr_array of SciPy, from any version.

    A matrix with one row or one column becomes a vector, unless it is sparse or is called A.

    Raises
    ------
    MeasurementError
        If it lacks y, is truncated, or needs h5py and there is none; without the path.
    Exception
        Whatever else a damaged file makes the libraries raise; it is left to `read_measurements`.
    """
    with path.open("rb") as file:
        is_hdf5 = file.read(len(_MAGIC_7_3)) == _MAGIC_7_3
    variables = hdf5.read_matlab(path, keys) if is_hdf5 else _read_old(path, keys)
    return {name: _without_column(array) if name != "A" else array for name, array in variables.items()}


def _read_old(path: Path, keys: Iterable[str]) -> dict[str, Any]:
    from scipy.io import loadmat, whosmat

    check_affordable(path.stat().st_size)
    content = io.BytesIO(_sound(path.read_bytes()))
    kinds = {name: kind for name, _, kind in whosmat(content)}
    if "y" not in kinds:
        raise MeasurementError(f"no variable y; found {', '.join(kinds) or 'nothing'}")
    wanted = [key for key in keys if key in kinds]
    for key in wanted:
        if kinds[key] not in _NUMERIC:
            raise MeasurementError(f"{key} is of class {kinds[key]}; expected numbers")
    arrays = loadmat(content, variable_names=wanted)
    return {key: arrays[key] if isinstance(arrays[key], np.ndarray) else by_rows(arrays[key]) for key in wanted}


def _sound(data: bytes) -> bytes:
    """Return a file of version 5 to 7 with its elements uncompressed and checked; one of version 4 as it is.

    A file has a header of 128 bytes and then elements: a type and a size of 32 bits each, and their data ("MAT-File Format",
    The MathWorks). A compressed one holds another element, which states its own size: no more comes out than that.
    """
    if 0 in data[:4]:
        return data  # version 4, which compresses nothing
    order = "<" if data[126:128] == b"IM" else ">"
    parts, position, total = [data[:_HEADER]], _HEADER, len(data)
    while position + _TAG <= len(data):
        kind, size = struct.unpack_from(f"{order}2I", data, position)
        element = data[position : position + _TAG + size]
        position += _TAG + size
        if kind == _COMPRESSED:
            element = _inflated(element[_TAG:], order, total)
            total += len(element)
        _check_types(element[_TAG:], order)
        parts.append(element)
    return b"".join(parts)


def _inflated(packed: bytes, order: str, total: int) -> bytes:
    """Return the element that is packed in another one, if it is as large as it states and fits beside `total` bytes."""
    stream = zlib.decompressobj()
    tag = stream.decompress(packed, _TAG)
    promised = struct.unpack(f"{order}2I", tag)[1]
    check_affordable(total + promised)
    # One byte more than promised, for the checksum comes after the data.
    content = stream.decompress(stream.unconsumed_tail, promised + 1)
    if len(content) != promised:
        size = f"{len(content)} bytes" if len(content) < promised else "more"
        raise MeasurementError(f"damaged .mat: {size} of a variable; expected {promised} bytes")
    return tag + content


def _check_types(variable: bytes, order: str) -> None:
    """Check the parts of a numeric variable. SciPy looks their types up in a table, and reads on behind its end."""
    if len(variable) < 2 * _TAG or struct.unpack_from(f"{order}I", variable, _TAG)[0] & 0xFF not in _CLASSES:
        return
    position = 0
    while position + _TAG <= len(variable):
        kind, size = struct.unpack_from(f"{order}2I", variable, position)
        room, following = len(variable) - position - _TAG, position + _TAG + -(-size // 8) * 8
        if kind >> 16:  # type and size of 16 bits each, and the data in the other half of the tag
            kind, size, room, following = kind & 0xFFFF, kind >> 16, _TAG // 2, position + _TAG
        if kind not in _TYPES or size > room:
            raise MeasurementError(f"damaged .mat: {size} bytes of type {kind}; expected numbers of at most {room} bytes")
        position = following


def _without_column(array: Any) -> Any:
    return array.ravel() if isinstance(array, np.ndarray) and array.ndim == 2 and 1 in array.shape else array
