"""MATLAB's files: to version 7 with SciPy, and version 7.3, which is HDF5, with h5py."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cgdenoise.errors import MeasurementError
from cgdenoise.measurements import hdf5

_MAGIC_7_3 = b"MATLAB 7.3 MAT-file"


def read_mat(path: Path, keys: Iterable[str]) -> dict[str, Any]:
    """Return those of the named variables that a file holds; sparse ones as sparse matrices of SciPy, in any version.

    A matrix with one row or one column becomes a vector, unless it is sparse or is called A.

    Raises
    ------
    MeasurementError
        If it lacks y, is damaged, or needs h5py and there is none; without the path.
    """
    with path.open("rb") as file:
        is_hdf5 = file.read(len(_MAGIC_7_3)) == _MAGIC_7_3
    found = hdf5.read_matlab(path, keys) if is_hdf5 else _read_old(path, keys)
    return {name: _without_column(array) if name != "A" else array for name, array in found.items()}


def _read_old(path: Path, keys: Iterable[str]) -> dict[str, Any]:
    from scipy.io import loadmat, whosmat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of variables that are not read
            names = [name for name, _, _ in whosmat(path)]
            if "y" not in names:
                raise MeasurementError(f"no variable y; found {', '.join(names) or 'nothing'}")
            found = loadmat(path, variable_names=[key for key in keys if key in names])
    except MeasurementError:
        raise
    except Exception as error:  # SciPy's reader raises whatever a damaged file makes it run into
        raise MeasurementError(f"not a .mat file that can be read: {type(error).__name__}: {error}") from error
    return {name: array for name, array in found.items() if not name.startswith("__")}


def _without_column(array: Any) -> Any:
    return array.ravel() if isinstance(array, np.ndarray) and array.ndim == 2 and 1 in array.shape else array
