"""MATLAB's files: to version 7 with SciPy, and version 7.3, which is HDF5, with h5py."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from cgdenoise.errors import MeasurementError
from cgdenoise.measurements import hdf5
from cgdenoise.measurements.sparse import by_rows
from cgdenoise.measurements.variables import Selection
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


def read_mat(path: Path, selection: Selection) -> dict[str, Any]:
    """Return the selected variables, by role; sparse ones as csr_array of SciPy, from any version.

    Raises
    ------
    MeasurementError
        If something is not there, the file is truncated, or it needs h5py and there is none; without the path.
    Exception
        Whatever else a damaged file makes the libraries raise; it is left to `read_measurements`.
    """
    with path.open("rb") as file:
        is_hdf5 = file.read(len(_MAGIC_7_3)) == _MAGIC_7_3
    return hdf5.read_matlab(path, selection) if is_hdf5 else _read_old(path, selection)


def _read_old(path: Path, selection: Selection) -> dict[str, Any]:
    from scipy.io import loadmat, whosmat

    check_affordable(path.stat().st_size)
    content = io.BytesIO(_sound(path.read_bytes()))
    kinds = {name: kind for name, _, kind in whosmat(content)}
    chosen = selection.of(list(kinds), lambda name: kinds[name] in _NUMERIC, "variable")
    for name in chosen.values():
        if kinds[name] not in _NUMERIC:
            raise MeasurementError(f"{name} is of class {kinds[name]}; expected numbers")
    arrays = loadmat(content, variable_names=list(chosen.values()))
    return {
        role: arrays[name] if isinstance(arrays[name], np.ndarray) else by_rows(arrays[name]) for role, name in chosen.items()
    }


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
