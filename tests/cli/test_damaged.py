"""A damaged file beside a sound command: one line that names it, exit code 1, and nothing is written."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy import sparse
from scipy.io import savemat

from cgdenoise.measurements import write_cfl

QUICK = ("--preset", "fast", "--members", "1", "--threads", "1", "--max-iterations", "5", "--device", "cpu")
Y = np.arange(1.0, 9.0)
MATRIX = sparse.csr_array(np.eye(16)[:8])


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def zipped(name, data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def mat(**arrays):
    buffer = io.BytesIO()
    savemat(buffer, arrays)
    return bytearray(buffer.getvalue())


def csr(**changes):
    arrays = {"data": MATRIX.data, "indices": MATRIX.indices, "indptr": MATRIX.indptr, "shape": MATRIX.shape}
    return npz(format=b"csr", **arrays | changes)


def mat_with_rows_beyond(matrix):
    data = mat(y=Y, A=sparse.csc_array(matrix), shape=[4.0, 4.0])
    rows = sparse.csc_array(matrix).indices.astype("<i4").tobytes()
    place = data.index(rows)
    data[place : place + len(rows)] = (2**30 + np.arange(len(rows) // 4, dtype="<i4")).tobytes()
    return bytes(data)


HEADER = b"\x93NUMPY\x01\x00\x10\x00{'descr': ((((((("
CS = ("cs", "--shape", "4,4", "--measurements")
BAD = {
    "tokens": (HEADER, ".npy", (*CS, "{}", "--matrix", "A.npy")),
    "no member": (zipped("y.npy", b"words"), ".npz", (*CS, "{}", "--matrix", "A.npy")),
    "promise of a .npz": (
        zipped("y.npy", npy(Y).replace(b"(8,), }" + b" " * 18, b"(1152921504606846976,), }")),
        ".npz",
        (*CS, "{}", "--matrix", "A.npy"),
    ),
    "row of a .mat": (mat_with_rows_beyond(np.eye(16)[:8]), ".mat", (*CS, "{}")),
    "column of a matrix": (csr(indices=MATRIX.indices + 2**30), ".npz", (*CS, "y.npy", "--matrix", "{}")),
    "pointers of a matrix": (csr(indptr=MATRIX.indptr[::-1].copy()), ".npz", (*CS, "y.npy", "--matrix", "{}")),
    "no archive": (b"PK\x03\x04words", ".npz", (*CS, "y.npy", "--matrix", "{}")),
    "header of a matrix": (HEADER, ".npy", (*CS, "y.npy", "--matrix", "{}")),
    "mask of cs": (HEADER, ".npy", ("cs", "--measurements", "k.npy", "--mask", "{}")),
    "header": (HEADER, ".npy", ("mri", "{}")),
    "no HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(100), ".h5", ("mri", "{}")),
    "no pair": (bytes(100), ".cfl", ("mri", "{}")),
    "maps": (npy(np.ones((2, 4, 4), complex))[:-5], ".npy", ("mri", "k.npy", "--maps", "{}")),
    "mask of mri": (b"\x89PNG\r\n\x1a\n" + bytes(30), ".png", ("mri", "k.npy", "--mask", "{}")),
    "mask": (HEADER, ".npy", ("inpaint", "a.png", "--mask", "{}")),
    "cut mask": (npy(np.eye(4))[:-5], ".npy", ("inpaint", "a.png", "--mask", "{}")),
    "mask.png": (b"\x89PNG\r\n\x1a\n" + bytes(30), ".png", ("inpaint", "a.png", "--mask", "{}")),
    "psf": (HEADER, ".npy", ("deblur", "a.png", "--psf", "{}")),
    "sum of a psf": (npy(np.full((3, 3), 1e308)), ".npy", ("deblur", "a.png", "--psf", "{}")),
    "psf.png": (b"\x89PNG\r\n\x1a\n" + bytes(30), ".png", ("deblur", "a.png", "--psf", "{}")),
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_file_is_one_line(refused, folder, name):
    data, suffix, args = BAD[name]
    np.save(folder / "y.npy", Y)
    np.save(folder / "A.npy", MATRIX.toarray())
    np.save(folder / "k.npy", np.ones((4, 4), complex))
    Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4)).save(folder / "a.png")
    bad = folder / f"bad{suffix}"
    bad.write_bytes(data)
    line = refused(*(bad.name if arg == "{}" else arg for arg in args), *QUICK, names=bad.name)
    assert line.startswith(f"cgdenoise: error: {bad.name}: ")


def test_what_the_mask_lacks_is_not_said_of_the_measurements(refused, folder):
    np.save(folder / "k.npy", np.ones((4, 4), complex))
    line = refused("mri", "k.npy", "--mask", "absent.npy", *QUICK, names="absent.npy")
    assert line.startswith("cgdenoise: error: absent.npy: cannot be read (no such file or directory)")


def test_damaged_half_of_a_pair(refused, folder):
    write_cfl(folder / "k", np.ones((4, 4)))
    (folder / "k.hdr").write_bytes(b"# Dimensions\n" + b"9" * 5000 + b"\n")
    assert refused("mri", "k.cfl", *QUICK, names="k.cfl").startswith("cgdenoise: error: k.cfl: ")
