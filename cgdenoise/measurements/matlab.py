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
    found = hdf5.read_matlab(path, keys) if is_hdf5 else _read_old(path, keys)
    return {name: _without_column(array) if name != "A" else array for name, array in found.items()}


def _read_old(path: Path, keys: Iterable[str]) -> dict[str, Any]:
    from scipy.io import loadmat, whosmat

    check_affordable(path.stat().st_size)
    content = io.BytesIO(_inflated(path.read_bytes()))
    names = [name for name, _, _ in whosmat(content)]
    if "y" not in names:
        raise MeasurementError(f"no variable y; found {', '.join(names) or 'nothing'}")
    found = loadmat(content, variable_names=[key for key in keys if key in names])
    arrays = {name: array for name, array in found.items() if not name.startswith("__")}
    return {name: array if isinstance(array, np.ndarray) else by_rows(array) for name, array in arrays.items()}


def _inflated(data: bytes) -> bytes:
    """Return a file of version 5 to 7 with its elements uncompressed. No more comes out than they promise, and memory holds.

    A file has a header of 128 bytes and then elements: a type and a size of 32 bits each, and their data ("MAT-File Format",
    The MathWorks). A compressed one holds another element, which states its own size.
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
            stream = zlib.decompressobj()
            tag = stream.decompress(element[_TAG:], _TAG)
            promised = struct.unpack(f"{order}2I", tag)[1]
            total += promised
            check_affordable(total)
            content = stream.decompress(stream.unconsumed_tail, max(promised, 1))[:promised]
            if len(content) < promised:
                raise MeasurementError(f"truncated .mat: {len(content)} bytes of a variable; expected {promised}")
            stream.decompress(stream.unconsumed_tail, 1)  # the checksum comes after the data
            element = tag + content
        parts.append(element)
    return b"".join(parts)


def _without_column(array: Any) -> Any:
    return array.ravel() if isinstance(array, np.ndarray) and array.ndim == 2 and 1 in array.shape else array
