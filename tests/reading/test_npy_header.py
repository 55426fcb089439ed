"""The header of a .npy file, sound and damaged."""

import io
import struct

import numpy as np
import pytest

from cgdenoise.reading.npy_header import read_npy_header


def written(text, version=(1, 0)):
    body = text.encode()
    length = struct.pack("<H" if version == (1, 0) else "<I", len(body))
    return io.BytesIO(b"\x93NUMPY" + bytes(version) + length + body + bytes(100))


@pytest.mark.parametrize(("array", "size"), [(np.zeros((3, 4)), 96), (np.zeros((2, 3, 0), "u2"), 0), (np.float32(1), 4)])
def test_what_numpy_writes(array, size):
    stream = io.BytesIO()
    np.save(stream, array)
    stream.seek(0)
    header = read_npy_header(stream)
    assert (header.shape, header.dtype, header.size) == (array.shape, array.dtype, size)
    assert len(stream.getvalue()) - stream.tell() == size


def test_version_2():
    header = read_npy_header(written("{'descr': '<f8', 'fortran_order': True, 'shape': (3,)}", (2, 0)))
    assert header == ((3,), True, np.dtype("<f8"))


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': ((((((((",
        "{'descr': '<f8', 'fortran_order': False, 'shape': 3}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-3,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3.5,)}",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f8', 'shape': (3,)}",
        "[1, 2]",
        "-" * 9000 + "1",
        "__import__('os')",
        "",
    ],
)
def test_damaged_ones(text):
    with pytest.raises(ValueError, match=r"\.npy header"):
        read_npy_header(written(text))


@pytest.mark.parametrize(("data", "told"), [(b"", "no .npy header"), (b"\x93NUMPY\x03\x00" + bytes(50), "version 3.0")])
def test_other_files(data, told):
    with pytest.raises(ValueError, match=told):
        read_npy_header(io.BytesIO(data))
