"""NPY: one plain NumPy array; nothing is ever unpickled."""

import io
import math
import warnings

import numpy as np
from numpy.lib import format as npy_format

from cgdenoise.errors import ImageError

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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "was created on Python 2": true, and of no consequence
            version = npy_format.read_magic(stream)
            readers = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
            if version not in readers:
                raise ImageError(f"NPY version {version[0]}.{version[1]}; expected 1.0 or 2.0")
            shape, fortran_order, dtype = readers[version](stream)
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"truncated or damaged NPY: unreadable header in {len(data)} bytes") from error
    if dtype.hasobject:
        raise ImageError("NPY of pickled Python objects, which is not opened; expected real numbers")
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise ImageError(f"NPY of dtype {dtype}; expected integers of 8 to 64 bits or floats of 16 to 64")
    _check_shape(shape, dtype.itemsize)
    found, expected = len(data) - stream.tell(), math.prod(shape) * dtype.itemsize
    if found != expected:
        kind = "truncated" if found < expected else "damaged"
        raise ImageError(f"{kind} NPY: {found} bytes of data; expected {expected} for shape {shape} of {dtype}")
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
    if any(not isinstance(side, int) or side < 0 for side in shape):
        raise ImageError(f"damaged NPY: shape {shape}; {_EXPECTED}")
    if len(shape) == 3 and shape[0] <= 4 < min(shape[1:]) and 0 not in shape:
        # (3, H, W). A real image of four rows at most and more than four channels is not lost to anybody.
        raise ImageError(f"array of shape {shape}; {_EXPECTED}: it looks like channels first, so move them last")
    if len(shape) == 3 and shape[2] > MAX_CHANNELS:
        raise ImageError(f"array of shape {shape}; {_EXPECTED} with C at most {MAX_CHANNELS}")
    check_shape(shape, itemsize)
