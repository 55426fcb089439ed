"""NPY: one plain NumPy array; nothing is ever unpickled."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy_format

from cgdenoise.errors import ImageError
from cgdenoise.reading.npy_header import NpyHeader, read_npy_header
from cgdenoise.reading.on_disk import Folder, RowsOnDisk, let_go

from .picture import LARGE, MAX_CHANNELS, MOST_CHANNELS, SAY_AXES, Array, Metadata, Picture, check_holds, check_shape
from .stack import Stack, check_axes

_BLOCK = 1 << 24
"""Bytes that are read at once, a multiple of every dtype's. By hand."""

_TURNED = 1024
"""Rows, and columns, that are brought into order at once. By hand."""

_EXPECTED = "expected (H, W) or (H, W, C)"


@dataclass(frozen=True)
class NpyAxes:
    """Where the axes of pages, and those of a page, are in the array that they came from, and its shape."""

    order: tuple[int, ...]
    shape: tuple[int, ...]

    def array(self, pages: Sequence[Array]) -> Array:
        """Return the array of pages."""
        outer_first = np.stack(pages).reshape([self.shape[axis] for axis in self.order])
        return outer_first.transpose(np.argsort(self.order))


def decode(data: bytes, axes: str | None = None) -> Picture:
    """Decode a .npy file of real numbers.

    Parameters
    ----------
    data
        The whole file.
    axes
        What the array's axes are, of any number, as in "TZCYX"; all but Y and X, and a last one of channels, run over pages.

    Returns
    -------
    Picture
        Pages (H, W) or (H, W, C); integers of 8 to 64 bits or floats of 16 to 64, in native byte order and C order. Without axes
        one page as in the file, C at most 16, where a C of 1 is kept.

    Raises
    ------
    ImageError
        If the array has another shape or dtype, or the file is damaged or truncated.
    """
    return _decode(io.BytesIO(data), len(data), None, axes)


def unpack(file: BinaryIO, size: int, folder: Folder, axes: str | None = None) -> Picture:
    """Decode an open file of a known size as `decode` does; a large one into a file in a folder, block by block."""
    return _decode(file, size, folder, axes)


def _decode(stream: BinaryIO, size: int, folder: Folder | None, axes: str | None) -> Picture:
    try:
        header = read_npy_header(stream)
    except ValueError as error:
        raise ImageError(f"truncated or damaged NPY: {error}, in {size} bytes") from error
    shape, fortran_order, dtype = header
    if dtype.hasobject:
        raise ImageError("NPY of pickled Python objects, which is not opened; expected real numbers")
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise ImageError(f"NPY of dtype {dtype}; expected integers of 8 to 64 bits or floats of 16 to 64")
    if axes is None:
        _check_shape(shape, dtype.itemsize)
    else:
        axes = check_axes(axes, len(shape))
    if (found := size - stream.tell()) != header.size:
        kind = "truncated" if found < header.size else "damaged"
        raise ImageError(f"{kind} NPY: {found} bytes of data; expected {header.size} for shape {shape} of {dtype}")
    if folder is None or header.size <= LARGE:
        flat = np.frombuffer(stream.read(), dtype)
        array = flat.reshape(shape, order="F" if fortran_order else "C")
        array = np.array(array, dtype.newbyteorder("="), order="C")
    else:
        array = _on_disk(stream, header, folder)
    return Picture((array,), None, "npy") if axes is None else _pages(array, axes)


def _pages(array: Array, axes: str) -> Picture:
    """Return an array of known axes as pages."""
    inner = [axes.index("Y"), axes.index("X"), *([len(axes) - 1] if axes[-1] in "CS" else [])]
    outer = [axis for axis in range(len(axes)) if axis not in inner]
    shape = tuple(array.shape[axis] for axis in outer)
    pages = array.transpose(outer + inner).reshape(-1, *(array.shape[axis] for axis in inner))
    check_shape(pages.shape[1:], array.itemsize, len(pages), channels=MOST_CHANNELS)
    stack = Stack("".join(axes[axis] for axis in outer), shape) if outer else None
    kept = NpyAxes(tuple(outer + inner), array.shape)
    return Picture(tuple(pages), None, "npy", Metadata(verbatim=kept), stack)


def _on_disk(stream: BinaryIO, header: NpyHeader, folder: Folder) -> Array:
    """Return the array that follows a header, which is put on the disk in C order."""
    stored = header.shape[::-1] if header.fortran_order else header.shape
    rows = RowsOnDisk(folder, header.dtype.newbyteorder("="))
    while block := stream.read(_BLOCK):
        rows.append(np.frombuffer(block, header.dtype))
    (array,) = rows.arrays([stored])
    if not header.fortran_order:
        return array
    array, turned = array.transpose(), RowsOnDisk(folder, array.dtype)
    for top in range(0, len(array), _TURNED):
        band = np.empty((min(_TURNED, len(array) - top), *array.shape[1:]), array.dtype)
        for left in range(0, band.shape[1], _TURNED):
            band[:, left : left + _TURNED] = array[top : top + _TURNED, left : left + _TURNED]
            let_go(array)
        turned.append(band)
    return turned.arrays([header.shape])[0]


def check(picture: Picture) -> None:
    """Raise ImageError unless a .npy file can hold `picture`: one page or an array's, no alpha."""
    if not isinstance(picture.metadata.verbatim, NpyAxes):
        check_holds(picture, "NPY file", dtypes=(), alpha=False)


def encode(picture: Picture) -> bytes:
    """Encode a picture that passes `check` as .npy: shape and dtype as they are. It holds no metadata."""
    buffer = io.BytesIO()
    write(picture, buffer)
    return buffer.getvalue()


def write(picture: Picture, file: BinaryIO) -> None:
    """Write what `encode` returns to an open file, some rows at a time."""
    check(picture)
    kept, pages = picture.metadata.verbatim, picture.pages
    if isinstance(kept, NpyAxes) and kept.order != tuple(range(len(kept.shape))):
        pages = (kept.array(pages),)
    shape = kept.shape if isinstance(kept, NpyAxes) else pages[0].shape
    header = {"descr": npy_format.dtype_to_descr(picture.dtype), "fortran_order": False, "shape": shape}
    npy_format.write_array_header_1_0(file, header)
    for page in pages:
        for top in range(0, len(page), _TURNED):
            file.write(np.ascontiguousarray(page[top : top + _TURNED]).data)
            let_go(page)


def _check_shape(shape: tuple[int, ...], itemsize: int) -> None:
    if len(shape) == 3 and shape[0] <= 4 < min(shape[1:]) and 0 not in shape:
        # (3, H, W). A real image of four rows at most and more than four channels is not lost to anybody.
        raise ImageError(
            f"array of shape {shape}; {_EXPECTED}: it looks like channels first, so move them last, or say --axes CYX"
        )
    if len(shape) == 3 and shape[2] > MAX_CHANNELS:
        raise ImageError(f"array of shape {shape}; {_EXPECTED} with C at most {MAX_CHANNELS}{SAY_AXES}")
    if len(shape) > 3:
        raise ImageError(f"array of shape {shape}; {_EXPECTED}{SAY_AXES}")
    check_shape(shape, itemsize)
