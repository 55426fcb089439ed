"""HDF5: volumes of fastMRI and MATLAB's version 7.3. It needs h5py, which `cgdenoise[h5]` installs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import MeasurementError
from cgdenoise.measurements.sparse import by_rows
from cgdenoise.reading import check_affordable


def read_fastmri(path: Path, slice_number: int | None) -> dict[str, NDArray[Any]]:
    """Return one slice of a volume of fastMRI (Zbontar et al., 2018, arXiv 1811.08839).

    Parameters
    ----------
    path : Path
        With the data set `kspace`, [slices, coils, H, W] or [slices, H, W] complex, and perhaps `mask`, [W].
    slice_number : int or None
        From 0; None takes the middle one.

    Returns
    -------
    dict
        y, [coils, H, W] or [H, W], and mask, [1, W], if there is one. The Fourier transform is the centred, orthonormal one.

    Raises
    ------
    MeasurementError
        If there is no such data set or slice, or no h5py; without the path.
    """
    with _opened(path) as file:
        if "kspace" not in file:
            raise MeasurementError(f"no data set kspace; found {', '.join(sorted(file)) or 'nothing'}")
        kspace = file["kspace"]
        shape: tuple[int, ...] = getattr(kspace, "shape", ())
        if len(shape) not in (3, 4):
            raise MeasurementError(f"kspace of shape {shape}; expected (slices, coils, H, W) or (slices, H, W)")
        chosen = shape[0] // 2 if slice_number is None else slice_number
        if not 0 <= chosen < shape[0]:
            raise MeasurementError(f"slice {chosen}; expected 0 to {shape[0] - 1}")
        arrays = {"y": _values("kspace", kspace, chosen)}
        if "mask" in file:
            arrays["mask"] = _values("mask", file["mask"]).reshape(1, -1)
    return arrays


def read_matlab(path: Path, keys: Iterable[str]) -> dict[str, Any]:
    """Return those of the named variables that a file of version 7.3 holds, with the axes as in MATLAB."""
    with _opened(path) as file:
        if "y" not in file:
            names = [name for name in file if not name.startswith("#")]
            raise MeasurementError(f"no variable y; found {', '.join(names) or 'nothing'}")
        return {key: _variable(key, file[key]) for key in keys if key in file}


def _variable(name: str, item: Any) -> Any:
    if "MATLAB_sparse" in item.attrs:
        from scipy.sparse import csc_array

        pointers = _values(f"jc of {name}", item["jc"]).astype(np.int64)
        values = _values(f"data of {name}", item["data"]) if "data" in item else np.zeros(0)
        rows = _values(f"ir of {name}", item["ir"]).astype(np.int64) if "ir" in item else np.zeros(0, np.int64)
        return by_rows(csc_array((values, rows, pointers), shape=(int(item.attrs["MATLAB_sparse"]), len(pointers) - 1)))
    if item.attrs.get("MATLAB_empty", 0):
        return np.zeros(0)
    return _values(name, item).T  # HDF5 is row-major: it has MATLAB's axes the other way round


def _values(name: str, item: Any, number: int | None = None) -> NDArray[Any]:
    """Read a data set, or one part along its first axis, with complex numbers for MATLAB's pairs."""
    if not hasattr(item, "shape"):
        raise MeasurementError(f"{name} is a structure; expected an array")
    paired = item.dtype.names == ("real", "imag")
    if not paired and item.dtype.kind not in "buifc":
        raise MeasurementError(f"{name} is of dtype {item.dtype}; expected numbers")
    shape = item.shape if number is None else item.shape[1:]
    check_affordable(math.prod(shape) * item.dtype.itemsize)  # parts that were never written take no room in a file
    array: NDArray[Any] = np.asarray(item[()] if number is None else item[number])
    return array["real"] + 1j * array["imag"] if paired else array


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import h5py
    except ImportError as error:
        raise MeasurementError("HDF5, which needs h5py; install it with: pip install 'cgdenoise[h5]'") from error
    path.open("rb").close()  # whether there is a file at all, in the words of the system
    with h5py.File(path, "r") as file:
        yield file
