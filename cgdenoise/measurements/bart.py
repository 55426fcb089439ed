"""BART's pairs of files: NAME.hdr with the dimensions in text, NAME.cfl with complex64 numbers, the first axis fastest.

An array has 16 axes: read-out, two phase encodings, coils, sets of maps, and others (https://mrirecon.github.io/bart).
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import MeasurementError
from cgdenoise.reading import check_affordable, reading

_AXES, _DTYPE = 16, np.dtype("<c8")
"""What every file of BART has."""


def read_cfl(path: str | os.PathLike[str]) -> NDArray[np.complex64]:
    """Return an array with BART's axes in BART's order, all that the header states.

    Parameters
    ----------
    path : path
        Of either file.

    Raises
    ------
    MeasurementError
        If one of the two cannot be opened, the header is damaged, or the data have not the size it states. The message begins
        with the path.
    """
    with reading(path, MeasurementError, "a pair of files of BART, .hdr and .cfl"):
        header, data = _pair(path)
        if absent := [part.name for part in (header, data) if not part.exists()]:
            raise MeasurementError(f"no such file: {', '.join(absent)}; expected .hdr and .cfl side by side")
        shape = _dimensions(header.read_text(encoding="utf-8", errors="replace"), header.name)
        size, expected = data.stat().st_size, math.prod(shape) * _DTYPE.itemsize
        if size != expected:
            kind = "truncated" if size < expected else "damaged"
            raise MeasurementError(f"{kind} {data.name}: {size} bytes; expected {expected} for the dimensions {list(shape)}")
        check_affordable(expected)
        return np.fromfile(data, _DTYPE).astype(np.complex64, copy=False).reshape(shape, order="F")


def write_cfl(path: str | os.PathLike[str], array: NDArray[Any]) -> None:
    """Write an array with BART's axes in BART's order, at most 16, as complex64. Existing files are overwritten.

    Raises
    ------
    MeasurementError
        If it has more axes.
    """
    header, data = encode_cfl(array)
    for place, content in zip(_pair(path), (header, data), strict=True):
        place.write_bytes(content)


def encode_cfl(array: NDArray[Any]) -> tuple[bytes, bytes]:
    """Return the contents of the two files, .hdr and .cfl, of `write_cfl`, which has the parameter and the error."""
    if array.ndim > _AXES:
        raise MeasurementError(f"array of {array.ndim} axes; expected at most {_AXES}")
    shape = array.shape + (1,) * (_AXES - array.ndim)
    header = "# Dimensions\n" + " ".join(map(str, shape)) + "\n"
    return header.encode(), array.astype(_DTYPE).tobytes(order="F")


def read_kspace(path: Path) -> NDArray[np.complex64]:
    """Return the samples of a plane, [coils, H, W]: H and W are the two spatial axes that are left of BART's three.

    Maps have the same layout, so that this reads them too.

    Parameters
    ----------
    path : Path
        Of either file.

    Raises
    ------
    MeasurementError
        As `read_cfl`, and if the array has more than a plane and coils.
    """
    array = read_cfl(path)
    shape = array.shape + (1,) * (_AXES - array.ndim)
    single = [axis for axis in range(3) if shape[axis] == 1]
    if not single or math.prod(shape[4:]) != 1:
        raise MeasurementError(f"dimensions {list(array.shape)}; expected two spatial axes, coils on axis 3, and 1 elsewhere")
    volume = array.reshape(shape[:4], order="F")
    return np.ascontiguousarray(np.moveaxis(np.squeeze(volume, single[-1]), 2, 0))


def _pair(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Return the header's path and the data's. A suffix other than theirs belongs to the name."""
    name = os.fspath(path)
    name = name[:-4] if name.lower().endswith((".cfl", ".hdr")) else name
    return Path(f"{name}.hdr"), Path(f"{name}.cfl")


def _dimensions(header: str, name: str) -> tuple[int, ...]:
    lines = [line.strip() for line in header.splitlines()]
    if "# Dimensions" not in lines[:-1]:
        raise MeasurementError(f"damaged {name}: no line '# Dimensions' with a line of numbers after it")
    words = lines[lines.index("# Dimensions") + 1].split()
    if not words or len(words) > _AXES or not all(word.isdecimal() and int(word) > 0 for word in words):
        raise MeasurementError(f"damaged {name}: dimensions {' '.join(words)!r}; expected 1 to {_AXES} whole numbers above 0")
    return tuple(int(word) for word in words)
