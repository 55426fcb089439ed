"""NumPy's own files of one array, and what an archive of them (.npz) has inside."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import MeasurementError
from cgdenoise.reading import check_affordable
from cgdenoise.reading.npy_header import read_npy_header


def read_npy(path: Path) -> NDArray[Any]:
    """Return the array of a .npy file.

    Raises
    ------
    MeasurementError
        If it has not the size that its header states, or holds pickled objects; without the path.
    Exception
        Whatever else a damaged file makes the libraries raise; it is left to `read_measurements`.
    """
    with path.open("rb") as file:
        return _array(file, path.stat().st_size)


def archive_members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members of an archive that are .npy files, by their names without the suffix."""
    return {member.filename.removesuffix(".npy"): member for member in archive.infolist() if member.filename.endswith(".npy")}


def check_array(stream: IO[bytes], size: int) -> None:
    """Check what the header of a .npy file of so many bytes promises; the stream is at its start.

    Raises
    ------
    MeasurementError
        If the array is not all there, or holds pickled objects.
    ValueError, MemoryError
        As `read_npy_header` and `check_affordable`.
    """
    header = read_npy_header(stream)
    if header.dtype.hasobject:
        raise MeasurementError("pickled Python objects, which are never opened; expected numbers")
    if (found := size - stream.tell()) != header.size:
        kind = "truncated" if found < header.size else "damaged"
        promised = f"{header.size} for shape {header.shape} of {header.dtype}"
        raise MeasurementError(f"{kind} .npy: {found} bytes of data; expected {promised}")
    check_affordable(header.size)


def _array(stream: IO[bytes], size: int) -> NDArray[Any]:
    check_array(stream, size)
    stream.seek(0)
    array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Return the array of a member of an archive, which yields no more bytes than its directory states."""
    with archive.open(member) as stream:
        return _array(stream, member.file_size)
