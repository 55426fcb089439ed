"""HDF5: volumes of fastMRI, other data sets, and MATLAB's version 7.3. It needs h5py, which the extra `h5` installs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import MeasurementError
from cgdenoise.measurements.sparse import by_rows
from cgdenoise.measurements.variables import Selection
from cgdenoise.reading import check_affordable

_FASTMRI = "kspace"
"""The data set of a volume of fastMRI."""


def read_hdf5(path: Path, selection: Selection, slice_number: int | None) -> dict[str, Any]:
    """Return the selected data sets, by role; those in groups are called group/name. Of a volume they are one slice's.

    A volume is `kspace` of fastMRI, [slices, coils, H, W] or [slices, H, W] (Zbontar et al., 2018, arXiv 1811.08839), unless the
    user names other measurements; these are one with four axes, or with a slice number. Its Fourier transform is the centred,
    orthonormal one, and its mask says which columns were sampled.

    Parameters
    ----------
    path : Path
        Of the file.
    selection : Selection
        What is wanted.
    slice_number : int or None
        From 0; None takes the middle one.

    Raises
    ------
    MeasurementError
        If there is no such data set or slice, or no h5py; without the path.
    """
    with _opened(path) as file:
        found: list[str] = []
        file.visititems(lambda name, item: found.append(name) if hasattr(item, "shape") else None)
        known = {"y": _FASTMRI} if _FASTMRI in found and "y" not in found else {}
        selected = replace(selection, variables={**known, **selection.variables})
        chosen = selected.of(found, lambda name: _is_numeric(file[name]), "data set")
        return {
            role: _part(name, file[name], slice_number) if role == "y" else _values(name, file[name])
            for role, name in chosen.items()
        }


def read_matlab(path: Path, selection: Selection) -> dict[str, Any]:
    """Return the selected variables of a file of version 7.3, by role, with the axes as in MATLAB."""
    with _opened(path) as file:
        names = [name for name in file if not name.startswith("#")]
        chosen = selection.of(names, lambda name: _is_numeric(file[name]), "variable")
        return {role: _variable(name, file[name]) for role, name in chosen.items()}


def _part(name: str, item: Any, slice_number: int | None) -> NDArray[Any]:
    """Return the slice of a volume, or the whole of what is none."""
    axes = len(item.shape)
    if name == _FASTMRI and axes not in (3, 4):
        raise MeasurementError(f"{name} of shape {item.shape}; expected (slices, coils, H, W) or (slices, H, W)")
    if name != _FASTMRI and axes < 4 and slice_number is None:
        return _values(name, item)
    if axes not in (3, 4):
        raise MeasurementError(f"{name} of shape {item.shape} has no slices; expected three axes or four")
    chosen = item.shape[0] // 2 if slice_number is None else slice_number
    if not 0 <= chosen < item.shape[0]:
        raise MeasurementError(f"slice {chosen}; expected 0 to {item.shape[0] - 1}")
    return _values(name, item, chosen)


def _is_numeric(item: Any) -> bool:
    if not hasattr(item, "shape"):
        return "MATLAB_sparse" in item.attrs
    is_text = item.attrs.get("MATLAB_class", b"") in (b"char", b"cell")
    return not is_text and (item.dtype.kind in "buifc" or item.dtype.names == ("real", "imag"))


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
        raise MeasurementError("HDF5, which needs h5py; install it with: pip install h5py") from error
    path.open("rb").close()  # whether there is a file at all, in the words of the system
    with h5py.File(path, "r") as file:
        yield file
