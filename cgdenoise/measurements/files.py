"""One call for every kind of file: which it is, what must be in it, and whose error it is."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import MeasurementError
from cgdenoise.measurements import bart, hdf5, matlab, npy
from cgdenoise.reading import check_affordable, reading

Contents = Mapping[str, Any]
"""Arrays by their names; `A` may be a sparse matrix of SciPy."""

_KEYS = ("y", "mask", "maps", "A", "shape")
_Reader = Callable[[Path, Iterable[str]], Contents]
_READERS: dict[str, _Reader] = {
    ".npy": npy.read_npy,
    ".npz": npy.read_npz,
    ".mat": matlab.read_mat,
    ".cfl": bart.read_kspace,
    ".hdr": bart.read_kspace,
}

_VOLUMES = (".h5", ".hdf5")
_MOST_AXES = 3
"""Axes that an image may have: channels or coils, and two more."""

SUFFIXES = (*_READERS, *_VOLUMES)
"""The suffixes of the files that can be read."""


@dataclass(frozen=True)
class Measurements:
    """What a file holds, in the file's own units; None for what it does not.

    Attributes
    ----------
    y : array
        The measurements: floating point or complex, finite, not empty and not all 0. Integers of a file become float64.
        Numbers of more than 64 bits, here and below, become numbers of 64; complex ones of 128.
    mask : array or None
        What was measured: numbers or bools, finite.
    maps : array or None
        Coil sensitivities.
    matrix : array, sparse matrix of SciPy, or None
        [m, n], for an image as a vector in row-major order, whatever the order of the file.
    shape : tuple of int or None
        Of the image.
    """

    y: NDArray[Any]
    mask: NDArray[Any] | None = None
    maps: NDArray[Any] | None = None
    matrix: Any = None
    shape: tuple[int, ...] | None = None


def read_measurements(
    path: str | os.PathLike[str], shape: tuple[int, ...] | None = None, slice_number: int | None = None
) -> Measurements:
    """Read a file of measurements. Nothing is ever unpickled.

    Parameters
    ----------
    path : path
        By its suffix one of

        - `.npy`: y;
        - `.npz`: y, and any of mask, maps, A and shape;
        - `.mat` of any version (7.3 needs h5py): the same names. A vector loses the axis of 1 that MATLAB gives it. The
          columns of A, which there go with x(:) in column-major order, are put into row-major order;
        - `.h5`: one slice of a volume of fastMRI: y [coils, H, W] or [H, W], and mask [1, W] (needs h5py);
        - `.cfl` or `.hdr` of BART: y [coils, H, W].
    shape : tuple of int or None
        Of the image, instead of the file's.
    slice_number : int or None
        Of a volume, from 0; None takes the middle one.

    Returns
    -------
    Measurements

    Raises
    ------
    MeasurementError
        If the file cannot be read or lacks y, or if an array in it is empty, pickled, not numeric, not finite, or all 0; if a
        matrix has indices outside of its shape; if the machine has not the memory that the file promises to fill. The message
        begins with the path.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    with reading(path, MeasurementError, f"a {suffix} file of measurements"):
        if suffix not in SUFFIXES:
            raise MeasurementError(f"suffix {path.suffix!r}; expected one of {', '.join(SUFFIXES)}")
        if slice_number is not None and suffix not in _VOLUMES:
            raise MeasurementError(f"slice {slice_number} of a file without slices; expected one of {', '.join(_VOLUMES)}")
        contents = hdf5.read_fastmri(path, slice_number) if suffix in _VOLUMES else _READERS[suffix](path, _KEYS)
        return _measurements(contents, shape, column_major=suffix == ".mat")


def _measurements(contents: Contents, shape: tuple[int, ...] | None, *, column_major: bool) -> Measurements:
    for name, array in contents.items():
        _check(name, array)
    contents = {name: _native(array) for name, array in contents.items()}
    y = contents["y"]
    if not y.any():
        raise MeasurementError(f"y of shape {y.shape} is 0 throughout; expected measurements")
    if shape is None and "shape" in contents:
        shape = _shape(contents["shape"])
    matrix = contents.get("A")
    if matrix is not None and column_major:
        matrix = _in_row_major_order(matrix, shape)
    y = y if y.dtype.kind in "fc" else y.astype(np.float64)
    return Measurements(y, contents.get("mask"), contents.get("maps"), matrix, shape)


def _check(name: str, array: Any) -> None:
    if array.dtype.kind not in "buifc":
        raise MeasurementError(f"{name} is of dtype {array.dtype}; expected numbers")
    if 0 in array.shape:
        raise MeasurementError(f"{name} of shape {array.shape} is empty")
    if name != "A" and not isinstance(array, np.ndarray):
        raise MeasurementError(f"{name} of shape {array.shape} is sparse; expected an array")
    values = array if isinstance(array, np.ndarray) else array.data
    if wrong := int(np.count_nonzero(~np.isfinite(values))):
        raise MeasurementError(f"{name} of shape {array.shape} has {wrong} values that are NaN or infinite; expected none")


def _native(array: Any) -> Any:
    """Return an array, dense or sparse, with numbers that torch knows: in this machine's byte order, of at most 64 bits."""
    wide = {"f": np.float64, "c": np.complex128}.get(array.dtype.kind)
    if wide is not None and array.dtype.itemsize > np.dtype(wide).itemsize:
        return array.astype(wide)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _shape(array: NDArray[Any]) -> tuple[int, ...]:
    sides = array.ravel()
    if len(sides) > _MOST_AXES:
        raise MeasurementError(f"shape of {len(sides)} numbers; expected at most {_MOST_AXES}, which are [C, H, W]")
    if (sides != np.floor(sides.real)).any() or (sides.real < 1).any():
        raise MeasurementError(f"shape is {sides.tolist()}; expected whole numbers of at least 1")
    shape = tuple(int(side) for side in sides.real)
    check_affordable(math.prod(shape) * np.dtype(np.float64).itemsize)
    return shape


def _in_row_major_order(matrix: Any, shape: tuple[int, ...] | None) -> Any:
    if shape is None:
        raise MeasurementError("A without the shape of the image, on which the order of its columns depends; expected shape")
    if matrix.ndim != 2 or matrix.shape[1] != math.prod(shape):
        raise MeasurementError(f"A of shape {matrix.shape}; expected {math.prod(shape)} columns for an image of {shape}")
    columns = np.arange(matrix.shape[1]).reshape(shape, order="F").ravel()
    return matrix[:, columns]
