"""NPY: one plain NumPy array; nothing is ever unpickled."""

import io

import numpy as np
from numpy.lib import format as npy_format

from cgdenoise.errors import ImageError
from cgdenoise.reading.npy_header import read_npy_header

from .picture import MAX_CHANNELS, Picture, check_holds, check_shape

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
    stream = io.BytesIO(data)
    try:
        header = read_npy_header(stream)
    except ValueError as error:
        raise ImageError(f"truncated or damaged NPY: {error}, in {len(data)} bytes") from error
    shape, fortran_order, dtype = header
    if dtype.hasobject:
        raise ImageError("NPY of pickled Python objects, which is not opened; expected real numbers")
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise ImageError(f"NPY of dtype {dtype}; expected integers of 8 to 64 bits or floats of 16 to 64")
    _check_shape(shape, dtype.itemsize)
    if (found := len(data) - stream.tell()) != header.size:
        kind = "truncated" if found < header.size else "damaged"
        raise ImageError(f"{kind} NPY: {found} bytes of data; expected {header.size} for shape {shape} of {dtype}")
    flat = np.frombuffer(data, dtype, offset=stream.tell())
    array = flat.reshape(shape, order="F" if fortran_order else "C")
    return Picture((np.array(array, dtype.newbyteorder("="), order="C"),), None, "npy")


def check(picture: Picture) -> None:
    """Raise ImageError unless a .npy file can hold `picture`: one page, no alpha."""
    check_holds(picture, "NPY file", dtypes=(), alpha=False)


def encode(picture: Picture) -> bytes:
    """Encode a picture that passes `check` as .npy: shape and dtype as they are. It holds no metadata."""
    check(picture)
    buffer = io.BytesIO()
    npy_format.write_array(buffer, np.ascontiguousarray(picture.pages[0]), allow_pickle=False)
    return buffer.getvalue()


def _check_shape(shape: tuple[int, ...], itemsize: int) -> None:
    if len(shape) == 3 and shape[0] <= 4 < min(shape[1:]) and 0 not in shape:
        # (3, H, W). A real image of four rows at most and more than four channels is not lost to anybody.
        raise ImageError(f"array of shape {shape}; {_EXPECTED}: it looks like channels first, so move them last")
    if len(shape) == 3 and shape[2] > MAX_CHANNELS:
        raise ImageError(f"array of shape {shape}; {_EXPECTED} with C at most {MAX_CHANNELS}")
    check_shape(shape, itemsize)
