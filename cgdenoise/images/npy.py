"""NPY: one plain NumPy array; nothing is ever unpickled."""

import io
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy_format

from cgdenoise.errors import ImageError
from cgdenoise.reading.npy_header import NpyHeader, read_npy_header
from cgdenoise.reading.on_disk import Folder, RowsOnDisk, let_go

from .picture import LARGE, MAX_CHANNELS, Array, Picture, check_holds, check_shape

_BLOCK = 1 << 24
"""Bytes that are read at once, a multiple of every dtype's. By hand."""

_TURNED = 1024
"""Rows, and columns, that are brought into order at once. By hand."""

_EXPECTED = "expected (H, W) or (H, W, C)"


def decode(data: bytes) -> Picture:
    """Decode a .npy file of real numbers.

    Parameters
    ----------
    data
        The whole file.

    Returns
    -------
    Picture
        One page, (H, W) or (H, W, C) as in the file, C at most 16; integers of 8 to 64 bits or floats of 16 to 64,
        in native byte order and C order. A C of 1 is kept.

    Raises
    ------
    ImageError
        If the array has another shape or dtype, or the file is damaged or truncated.
    """
    return _decode(io.BytesIO(data), len(data), None)


def unpack(file: BinaryIO, size: int, folder: Folder) -> Picture:
    """Decode an open file of a known size as `decode` does; a large one into a file in a folder, block by block."""
    return _decode(file, size, folder)


def _decode(stream: BinaryIO, size: int, folder: Folder | None) -> Picture:
    try:
        header = read_npy_header(stream)
    except ValueError as error:
        raise ImageError(f"truncated or damaged NPY: {error}, in {size} bytes") from error
    shape, fortran_order, dtype = header
    if dtype.hasobject:
        raise ImageError("NPY of pickled Python objects, which is not opened; expected real numbers")
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise ImageError(f"NPY of dtype {dtype}; expected integers of 8 to 64 bits or floats of 16 to 64")
    _check_shape(shape, dtype.itemsize)
    if (found := size - stream.tell()) != header.size:
        kind = "truncated" if found < header.size else "damaged"
        raise ImageError(f"{kind} NPY: {found} bytes of data; expected {header.size} for shape {shape} of {dtype}")
    if folder is None or header.size <= LARGE:
        flat = np.frombuffer(stream.read(), dtype)
        array = flat.reshape(shape, order="F" if fortran_order else "C")
        array = np.array(array, dtype.newbyteorder("="), order="C")
    else:
        array = _on_disk(stream, header, folder)
    return Picture((array,), None, "npy")


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
    """Raise ImageError unless a .npy file can hold `picture`: one page, no alpha."""
    check_holds(picture, "NPY file", dtypes=(), alpha=False)


def encode(picture: Picture) -> bytes:
    """Encode a picture that passes `check` as .npy: shape and dtype as they are. It holds no metadata."""
    buffer = io.BytesIO()
    write(picture, buffer)
    return buffer.getvalue()


def write(picture: Picture, file: BinaryIO) -> None:
    """Write what `encode` returns to an open file, some rows at a time."""
    check(picture)
    page = picture.pages[0]
    npy_format.write_array_header_1_0(
        file, {"descr": npy_format.dtype_to_descr(page.dtype), "fortran_order": False, "shape": page.shape}
    )
    for top in range(0, len(page), _TURNED):
        file.write(np.ascontiguousarray(page[top : top + _TURNED]).data)
        let_go(page)


def _check_shape(shape: tuple[int, ...], itemsize: int) -> None:
    if len(shape) == 3 and shape[0] <= 4 < min(shape[1:]) and 0 not in shape:
        # (3, H, W). A real image of four rows at most and more than four channels is not lost to anybody.
        raise ImageError(f"array of shape {shape}; {_EXPECTED}: it looks like channels first, so move them last")
    if len(shape) == 3 and shape[2] > MAX_CHANNELS:
        raise ImageError(f"array of shape {shape}; {_EXPECTED} with C at most {MAX_CHANNELS}")
    check_shape(shape, itemsize)
