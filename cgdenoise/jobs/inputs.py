"""What belongs to measurements: masks, point-spread functions, plain arrays; from files and from the words of an option."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError, MeasurementError, OperatorError, OptionError
from cgdenoise.images import read_image
from cgdenoise.measurements import AS_NAMED, SUFFIXES, in_row_major_order, is_sparse_file, read_sparse, read_variable
from cgdenoise.operators import box_psf, disk_psf, gaussian_psf, motion_psf
from cgdenoise.reading import about, reading

Array = NDArray[Any]

_PSFS: dict[str, tuple[Callable[..., NDArray[np.float64]], int]] = {
    "gaussian": (gaussian_psf, 1),
    "motion": (motion_psf, 2),
    "disk": (disk_psf, 1),
    "box": (box_psf, 1),
}
"""Point-spread functions that have a name, and how many numbers each takes."""

PSF_WORDS = "gaussian:SIGMA, motion:LENGTH,ANGLE, disk:RADIUS or box:SIDE"
"""How they are asked for."""

_WIDEST = 2000
"""Pixels of a named point-spread function's first number, above which a typing error is likelier than a blur. By hand."""


def read_array(path: str | os.PathLike[str], role: str = "y", variables: Mapping[str, str] = AS_NAMED) -> Array:
    """Return an array in the file's dtype: of an image its first page, else what `read_variable` finds.

    Parameters
    ----------
    path : path
        Of the file.
    role, variables
        As `read_variable` takes them.

    Raises
    ------
    ImageError, MeasurementError
        If it cannot be read; the message begins with the path.
    """
    if Path(path).suffix.lower() in SUFFIXES:
        array: Array = read_variable(path, role, variables)
        return array
    return read_image(path).pages[0]


def read_whole(path: str | os.PathLike[str], role: str) -> Array:
    """Return an array as `read_array` does, but of a picture of several pages all of them, as a volume (D, H, W, C).

    Raises
    ------
    ImageError, MeasurementError
        If it cannot be read, or its pages are of several shapes; the message begins with the path.
    """
    if Path(path).suffix.lower() in SUFFIXES:
        return read_array(path, role)
    pages = read_image(path).pages
    with about(path):
        return pages[0] if len(pages) == 1 else volume_of(pages)


def volume_of(pages: Sequence[Array]) -> Array:
    """Return pages as a volume, (D, H, W, C).

    Raises
    ------
    ImageError
        If they are not of one shape.
    """
    if len({page.shape for page in pages}) > 1:
        raise ImageError(f"pages of {' and '.join(str(page.shape) for page in pages[:2])}; expected one shape for a volume")
    stacked = np.stack(pages)
    return stacked[..., None] if stacked.ndim == 3 else stacked


def read_mask(
    path: str | os.PathLike[str], shape: tuple[int, int], invert: bool = False, variables: Mapping[str, str] = AS_NAMED
) -> NDArray[np.bool_]:
    """Return where something was measured: where a picture is white, or an array not 0.

    Parameters
    ----------
    path : path
        Of an image or an array, (H, W), (H, W, C) with equal channels, (W,) or (1, W) for whole columns.
    shape : (int, int)
        H and W.
    invert : bool
        Take the others.
    variables : mapping of str to str
        As `read_variable` takes them.

    Raises
    ------
    ImageError, MeasurementError
        If it cannot be read, is of another size, or says that nothing was measured.
    """
    with reading(path, MeasurementError, "a mask"):
        array = read_array(path, "mask", variables)
    return fit_mask(os.fspath(path), array, shape, invert)


def fit_mask(name: str, array: Array, shape: tuple[int, int], invert: bool = False) -> NDArray[np.bool_]:
    """Return where something was measured, as `read_mask`, by an array that has been read from the file of that name."""
    with reading(name, MeasurementError, "a mask"):
        values = array[..., 0] if array.ndim == 3 else array
        if array.ndim == 3 and (array != values[..., None]).any():
            raise ImageError("a coloured picture; expected a mask in black and white")
        if array.ndim > 3 or values.dtype.kind not in "buif" or not np.isfinite(values).all():
            raise MeasurementError(f"{array.dtype} of shape {array.shape}; expected a real, finite mask")
        if values.shape not in (shape, (shape[1],), (1, shape[1])):
            raise MeasurementError(f"a mask of shape {values.shape}; expected {shape}")
        # A picture that was resized or compressed has greys along its edges; halfway, by hand, is where the edge was.
        keep = np.broadcast_to((values > values.max() / 2) ^ invert, shape).copy()
        if not keep.any():
            raise MeasurementError("a mask that keeps nothing; expected some measured values")
        return keep


def fit_volume_mask(name: str, array: Array, shape: tuple[int, int, int], invert: bool = False) -> NDArray[np.bool_]:
    """Return where a volume (D, H, W) was measured, by a mask of its shape or one for all planes, as `fit_mask` takes it."""
    depth, height, width = shape
    if array.shape not in (shape, (*shape, 1)):
        return np.broadcast_to(fit_mask(name, array, (height, width), invert), shape).copy()
    return fit_mask(name, array.reshape(depth * height, width), (depth * height, width), invert).reshape(shape)


def read_psf(text: str) -> NDArray[np.float64]:
    """Return a point-spread function, [h, w].

    Parameters
    ----------
    text : str
        `gaussian:SIGMA`, `motion:LENGTH,ANGLE`, `disk:RADIUS`, `box:SIDE` (pixels; degrees anticlockwise), or the path of a
        picture or an array.

    Raises
    ------
    OptionError
        If the words or numbers are others.
    ImageError, MeasurementError
        If a file cannot be read as one.
    """
    kind, colon, values = text.partition(":")
    if colon and kind in _PSFS and not os.path.exists(text):
        make, count = _PSFS[kind]
        try:
            numbers = [float(value) for value in values.split(",")]
            if len(numbers) != count:
                raise OperatorError(f"{len(numbers)} numbers instead of {count}")
            if numbers[0] > _WIDEST:
                raise OperatorError(f"{numbers[0]:g} pixels are more than {_WIDEST}")
            return make(*numbers)
        except (ValueError, OperatorError) as error:
            raise OptionError(f"--psf {text}: {error}; expected {PSF_WORDS}") from error
    with reading(text, ImageError, "a point-spread function"):
        array = read_array(text, "psf")
        if array.ndim != 2 or array.dtype.kind not in "uif":
            raise ImageError(f"{array.dtype} of shape {array.shape}; expected a real PSF of shape (h, w)")
        psf = array.astype(np.float64)
        if not np.isfinite(total := psf.sum()) or total <= 0:
            raise ImageError(f"a PSF with the sum {total:g}; expected finite values and a sum above 0")
        return psf


def read_matrix(path: str | os.PathLike[str], shape: tuple[int, ...], variables: Mapping[str, str] = AS_NAMED) -> Any:
    """Return a matrix, dense or sparse, for an image as a vector in row-major order.

    Parameters
    ----------
    path : path
        Of an .npz that `scipy.sparse.save_npz` has written, or of what `read_variable` takes. Columns of MATLAB's go with x(:).
    shape : tuple of int
        Of the image.
    variables : mapping of str to str
        As `read_variable` takes them.

    Raises
    ------
    ImageError, MeasurementError
        If it cannot be read; the message begins with the path.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".npz" and "A" not in variables and is_sparse_file(path):
        return read_sparse(path)
    matrix = read_array(path, "A", variables)
    with about(path):
        return in_row_major_order(matrix, shape) if suffix == ".mat" else matrix
