import io
import struct

import numpy as np
import pytest

from cgdenoise.errors import ImageError
from cgdenoise.images import Picture, decode, encode, npy


def saved(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 16), (1, 1)])
def test_round_trip(pixels, dtype, shape):
    array = pixels(dtype, shape)
    found = decode(saved(array), "x")
    assert found.container == "npy"
    assert found.pages[0].dtype == array.dtype
    assert np.array_equal(found.pages[0], array)
    again = np.load(io.BytesIO(encode(found, "npy", "x")))
    assert again.dtype == array.dtype
    assert np.array_equal(again, array)


def test_byte_and_axis_order_are_normalised(pixels):
    array = pixels("f4", (5, 7, 3))
    found = decode(saved(np.asfortranarray(array.astype(">f4"))), "x").pages[0]
    assert np.array_equal(found, array)
    assert found.dtype.isnative
    assert found.flags.c_contiguous
    assert found.flags.writeable


def test_nan_and_infinity_pass():
    array = np.array([[np.nan, np.inf]], np.float32)
    assert np.array_equal(decode(saved(array), "x").pages[0], array, equal_nan=True)


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2), bool), "dtype bool"),
        (np.zeros((2, 2), complex), "dtype complex128"),
        (np.zeros((2, 2), "U3"), "dtype <U3"),
        (np.zeros((2, 2), [("a", "f4")]), "dtype"),
        (np.array([[Trap()]]), "pickled Python objects"),
        (np.zeros(4), r"shape \(4,\); expected \(H, W\) or \(H, W, C\)"),
        (np.zeros((1, 2, 2, 3)), r"shape \(1, 2, 2, 3\); expected \(H, W\) or \(H, W, C\)"),
        (np.float32(1), r"shape \(\)"),
        (np.zeros((3, 20, 30)), "looks like channels first"),
        (np.zeros((20, 30, 17)), "C at most 16"),
        (np.zeros((0, 3)), "no pixels"),
    ],
)
def test_other_arrays_are_refused(array, message):
    with pytest.raises(ImageError, match=f"^a.npy: .*{message}"):
        decode(saved(array), "a.npy")


def test_a_short_or_long_file_is_refused():
    data = saved(np.zeros((4, 5)))
    for length in range(6, len(data)):
        with pytest.raises(ImageError, match="truncated"):
            decode(data[:length], "x")
    with pytest.raises(ImageError, match="161 bytes of data; expected 160"):
        decode(data + b"\0", "x")


@pytest.mark.parametrize("shape", ["(10000, 10000)", "(10**9, 10**9)", "(-1, 5)", "(1000000000000, 1000000000000)"])
def test_a_header_allocates_nothing(shape):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    with pytest.raises(ImageError):
        decode(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(8), "x")


def test_archives_and_pickles_are_refused_by_name():
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros((2, 2)))
    with pytest.raises(ImageError, match=r"ZIP archive \(as .npz"):
        decode(buffer.getvalue(), "a.npz")
    with pytest.raises(ImageError, match="pickle"):
        decode(b"\x80\x04\x95\0\0", "a.npy")


def test_check_refuses_what_would_be_lost(picture):
    with pytest.raises(ImageError, match="alpha"):
        npy.check(picture(alpha=True))
    page = np.zeros((2, 2))
    with pytest.raises(ImageError, match="2 pages"):
        npy.check(Picture((page, page), None, "tiff"))
