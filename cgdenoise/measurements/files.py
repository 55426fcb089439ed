"""One call for every kind of file: which it is, what must be in it, and whose error it is."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import MeasurementError
from cgdenoise.measurements import bart, hdf5, matlab, npy, npz, text
from cgdenoise.measurements.variables import AS_NAMED, ROLES, SAVED, Selection
from cgdenoise.reading import check_affordable, reading

Contents = Mapping[str, Any]
"""Arrays by their roles (`variables.ROLES`); `A` may be a sparse matrix of SciPy."""

_NAMELESS: dict[str, Callable[[Path], Any]] = {
    ".npy": npy.read_npy,
    ".txt": text.read_text,
    ".csv": text.read_text,
    ".tsv": text.read_text,
    ".dat": text.read_text,
    ".cfl": bart.read_kspace,
    ".hdr": bart.read_kspace,
}
_NAMED: dict[str, Callable[[Path, Selection], Contents]] = {".npz": npz.read_npz, ".mat": matlab.read_mat}
_VOLUMES = (".h5", ".hdf5")
_TEXTS = (".txt", ".csv", ".tsv", ".dat")
_MOST_AXES = 4
"""Axes that an image may have: channels or coils, and two more, or three of a volume."""

SUFFIXES = (*_NAMELESS, *_NAMED, *_VOLUMES)
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
    sigma : float or None
        Noise level in the unit of y.
    noise : array or None
        Samples of the coils without a signal.
    operator : str or None
        Name of the operator that simulated them.
    seed : int
        Of that.
    real : bool
        Whether the image is known to be real, although y is complex.
    """

    y: NDArray[Any]
    mask: NDArray[Any] | None = None
    maps: NDArray[Any] | None = None
    matrix: Any = None
    shape: tuple[int, ...] | None = None
    sigma: float | None = None
    noise: NDArray[Any] | None = None
    operator: str | None = None
    seed: int = 0
    real: bool = False


def read_measurements(
    path: str | os.PathLike[str],
    shape: tuple[int, ...] | None = None,
    slice_number: int | None = None,
    variables: Mapping[str, str] = AS_NAMED,
) -> Measurements:
    """Read a file of measurements. Nothing is ever unpickled.

    Parameters
    ----------
    path : path
        By its suffix one of

        - `.npy`, or text as `text.read_text` takes it (`.txt`, `.csv`, `.tsv`, `.dat`): y;
        - `.npz`: y, and any of mask, maps, A, shape and sigma, and what `cs --save-measurements` adds;
        - `.mat` of any version (7.3 needs h5py): the same names. A vector loses the axis of 1 that MATLAB gives it. The
          columns of A, which there go with x(:) in column-major order, are put into row-major order;
        - `.h5`: one slice of a volume of fastMRI, y [coils, H, W] or [H, W] and mask [W], or the same names (needs h5py);
        - `.cfl` or `.hdr` of BART: y [coils, H, W].

        If nothing is called y, the only array of numbers that is nothing else is it.
    shape : tuple of int or None
        Of the image, instead of the file's.
    slice_number : int or None
        Of a volume, from 0; None takes the middle one.
    variables : mapping of str to str
        From `variables.ROLES` to the names that they have in the file, where these are others.

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
        optional = (*ROLES[1:], *SAVED) if suffix == ".npz" else ROLES[1:]
        contents = _read(path, Selection("y", optional, variables), slice_number)
        return _measurements(contents, shape, column_major=suffix == ".mat")


def _measurements(contents: Contents, shape: tuple[int, ...] | None, *, column_major: bool) -> Measurements:
    y = contents["y"]
    if not y.any():
        raise MeasurementError(f"y of shape {y.shape} is 0 throughout; expected measurements")
    if shape is None and "shape" in contents:
        shape = _shape(contents["shape"])
    matrix = contents.get("A")
    if matrix is not None and column_major:
        matrix = in_row_major_order(matrix, shape)
    return Measurements(
        y if y.dtype.kind in "fc" else y.astype(np.float64),
        contents.get("mask"),
        contents.get("maps"),
        matrix,
        shape,
        _number("sigma", contents["sigma"]) if "sigma" in contents else None,
        contents.get("noise"),
        str(contents["operator"]) if "operator" in contents else None,
        int(_number("seed", contents["seed"])) if "seed" in contents else 0,
        "real" in contents and _number("real", contents["real"]) > 0,
    )


def read_variable(path: str | os.PathLike[str], role: str, variables: Mapping[str, str] = AS_NAMED) -> Any:
    """Read one array, which has a file of its own, or is one variable of it.

    Parameters
    ----------
    path : path
        As `read_measurements` takes it.
    role : str
        What it is: a name by which it may be found, if it is not the only array of the file, or called y.
    variables : mapping of str to str
        As there.

    Returns
    -------
    array, or sparse matrix of SciPy if the role is A
        In the file's dtype. A matrix of a .mat file has its columns in MATLAB's order.

    Raises
    ------
    MeasurementError
        As `read_measurements`.
    """
    path = Path(path)
    with reading(path, MeasurementError, f"a {path.suffix.lower()} file of {role}"):
        chosen = {role: variables[role]} if role in variables else {}
        contents = _read(path, Selection(role, (), chosen), None)
        return contents[role]


def read_named(path: str | os.PathLike[str], needed: str, optional: Sequence[str]) -> Contents:
    """Read arrays by their names: one that has to be there, found as `read_variable` does, and others that may be.

    Parameters
    ----------
    path : path
        As `read_measurements` takes it; an array without a name is the needed one. NaN in that is let through.
    needed, optional : str, sequence of str
        The names.

    Returns
    -------
    mapping of str to array
        What is there, by name.

    Raises
    ------
    MeasurementError
        As `read_measurements`.
    """
    path = Path(path)
    with reading(path, MeasurementError, f"a {path.suffix.lower()} file of {needed}"):
        return _read(path, Selection(needed, tuple(optional)), None, may_lack=needed)


def _read(path: Path, selection: Selection, slice_number: int | None, may_lack: str | None = None) -> Contents:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise MeasurementError(f"suffix {path.suffix!r}; expected one of {', '.join(SUFFIXES)}")
    if slice_number is not None and suffix not in _VOLUMES:
        raise MeasurementError(f"slice {slice_number} of a file without slices; expected one of {', '.join(_VOLUMES)}")
    if suffix in _NAMELESS and selection.variables:
        role, name = next(iter(selection.variables.items()))
        raise MeasurementError(f"one array without a name; found --variable {role}={name}, expected a file of named variables")
    if suffix in _NAMELESS:
        contents: Contents = {selection.needed: _NAMELESS[suffix](path)}
    elif suffix in _NAMED:
        contents = _NAMED[suffix](path, selection)
    else:
        contents = hdf5.read_hdf5(path, selection, slice_number)
    for role, array in contents.items():
        _check(role, array, role == may_lack)
    contents = {role: _native(array) if role != "operator" else array for role, array in contents.items()}
    if suffix in (".mat", *_TEXTS):  # where a vector is a matrix of one row or one column
        contents = {role: array if role == "A" else _without_axis(array) for role, array in contents.items()}
    return contents


def _check(name: str, array: Any, may_lack: bool) -> None:
    if name == "operator" and (array.dtype.kind != "U" or array.ndim):
        raise MeasurementError(f"operator is {array.dtype} of shape {array.shape}; expected its name")
    if name != "operator" and array.dtype.kind not in "buifc":
        raise MeasurementError(f"{name} is of dtype {array.dtype}; expected numbers")
    if 0 in array.shape:
        raise MeasurementError(f"{name} of shape {array.shape} is empty")
    if name != "A" and not isinstance(array, np.ndarray):
        raise MeasurementError(f"{name} of shape {array.shape} is sparse; expected an array")
    values = array if isinstance(array, np.ndarray) else array.data
    if name != "operator" and not may_lack and (wrong := int(np.count_nonzero(~np.isfinite(values)))):
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
        raise MeasurementError(f"shape of {len(sides)} numbers; expected at most {_MOST_AXES}, which are [C, D, H, W]")
    if (sides != np.floor(sides.real)).any() or (sides.real < 1).any():
        raise MeasurementError(f"shape is {sides.tolist()}; expected whole numbers of at least 1")
    shape = tuple(int(side) for side in sides.real)
    check_affordable(math.prod(shape) * np.dtype(np.float64).itemsize)
    return shape


def _number(name: str, array: NDArray[Any]) -> float:
    if array.size != 1 or array.dtype.kind == "c" or array.item() < 0:
        raise MeasurementError(f"{name} is {array.dtype} of shape {array.shape}; expected one number, 0 or above")
    return float(array.item())


def _without_axis(array: Any) -> Any:
    return array.ravel() if isinstance(array, np.ndarray) and array.ndim == 2 and 1 in array.shape else array


def in_row_major_order(matrix: Any, shape: tuple[int, ...] | None) -> Any:
    """Return a matrix of MATLAB, which goes with x(:), for an image as a vector in row-major order.

    Raises
    ------
    MeasurementError
        If the shape of the image is None, or another than the matrix takes.
    """
    if shape is None:
        raise MeasurementError("A without the shape of the image, on which the order of its columns depends; expected shape")
    if matrix.ndim != 2 or matrix.shape[1] != math.prod(shape):
        raise MeasurementError(f"A of shape {matrix.shape}; expected {math.prod(shape)} columns for an image of {shape}")
    columns = np.arange(matrix.shape[1]).reshape(shape, order="F").ravel()
    return matrix[:, columns]
