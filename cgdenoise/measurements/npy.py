"""NumPy's own files: one array (.npy), or several by name (.npz)."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import MeasurementError

Arrays = dict[str, NDArray[Any]]


def read_npy(path: Path, keys: Iterable[str]) -> Arrays:
    """Return the array as y. Parameters, result and errors as in `read_npz`."""
    with path.open("rb") as file:
        try:
            return {"y": np.lib.format.read_array(file, allow_pickle=False)}
        except (ValueError, EOFError, MemoryError) as error:
            raise MeasurementError(f"not a .npy file that can be read: {_told(error)}") from error


def read_npz(path: Path, keys: Iterable[str]) -> Arrays:
    """Return those of the named arrays that an archive holds.

    Raises
    ------
    MeasurementError
        If it lacks y, is damaged, or holds pickled objects; without the path.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # np.load would take a file of another kind for what it is
            names = {name.removesuffix(".npy") for name in archive.namelist()}
        if "y" not in names:
            raise MeasurementError(f"no array y; found {', '.join(sorted(names)) or 'nothing'}")
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in keys if key in names}
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, MemoryError) as error:
        raise MeasurementError(f"not a .npz file that can be read: {_told(error)}") from error


def _told(error: Exception) -> str:
    if "pickle" in str(error).lower():
        return "pickled Python objects, which are never opened; expected numbers"
    return str(error).split("\n", 1)[0]
