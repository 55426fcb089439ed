"""Sparse matrices whose indices are wrong: SciPy would read and write beyond its arrays."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from cgdenoise.errors import MeasurementError
from cgdenoise.measurements import read_sparse

MATRIX = np.array([[0.0, 2, 0, 0], [1, 0, 0, 3], [0, 0, 5, 0]])
CSR = sparse.csr_array(MATRIX)
BSR = sparse.bsr_array(np.kron(np.eye(2), np.ones((2, 2))), blocksize=(2, 2))


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia"])
def test_every_format_is_read(tmp_path, form):
    sparse.save_npz(tmp_path / "A.npz", CSR.asformat(form))
    found = read_sparse(tmp_path / "A.npz")
    assert found.format == "csr"
    np.testing.assert_array_equal(found.toarray(), MATRIX)


WRONG = {
    "column too large": (CSR, {"indices": CSR.indices + 2}, "must be < 4"),
    "column below 0": (CSR, {"indices": CSR.indices - 1}, "must be >= 0"),
    "pointers out of order": (CSR, {"indptr": np.array([0, 3, 1, 4])}, "non-decreasing"),
    "pointers out of order, the last one 0": (CSR, {"indptr": np.array([0, 3, 8960, 0])}, "decrease"),
    "too few pointers": (CSR, {"indptr": CSR.indptr[:2]}, "pointer size"),
    "too few values": (CSR, {"data": CSR.data[:2]}, "same size"),
    "too many columns": (CSR, {"shape": (3, 2**61)}, "does not fit in memory"),
    "row too large": (CSR.tocsc(), {"indices": CSR.indices + 2}, "must be < 3"),
    "block too far right": (BSR, {"indices": BSR.indices + 2}, "must be < 2"),
    "block pointers out of order, the last one 0": (BSR, {"indptr": np.array([0, 90, 0])}, "decrease"),
    "half a block": (BSR, {"shape": (5, 5)}, r"blocks of (2, 2) in a matrix of shape (5, 5)"),
    "row of a value": (CSR.tocoo(), {"row": CSR.tocoo().row + 2}, "exceeds"),
    "too many rows": (CSR.tocoo(), {"shape": (2**61, 4)}, "does not fit in memory"),
    "diagonals outside": (CSR.todia(), {"offsets": CSR.todia().offsets + 2**30}, "diagonals outside"),
    "other format": (CSR, {"form": b"dok"}, "dok"),
    "no format": (CSR, {"form": b"nonsense"}, "nonsense"),
}


def save(path, matrix, form=None, **changes):
    """Save a matrix of which some arrays are others."""
    names = {"dia": ("offsets",), "coo": ("row", "col")}.get(matrix.format, ("indices", "indptr"))
    arrays = {name: getattr(matrix, name) for name in (*names, "shape", "data")}
    np.savez(path, format=form or matrix.format.encode(), **arrays | changes)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What is said of each file, by a process of its own, which an index outside would end."""
    folder = tmp_path_factory.mktemp("wrong")
    for name, (matrix, changes, _) in WRONG.items():
        save(folder / f"{name}.npz", matrix, **changes)
    code = (
        "import sys\nfrom cgdenoise.errors import MeasurementError\nfrom cgdenoise.measurements import read_sparse\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n        print(read_sparse(path) @ [1, 1, 1, 1], flush=True)\n"
        "    except MeasurementError as error:\n        print(error, flush=True)\n"
    )
    paths = [str(folder / f"{name}.npz") for name in WRONG]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(zip(WRONG, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("name", WRONG)
def test_inconsistent_ones_are_refused(answers, name):
    assert f"{name}.npz: " in answers[name]
    assert WRONG[name][2] in answers[name]


@pytest.mark.parametrize("content", [b"", b"words", b"PK\x03\x04", None])
def test_what_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "A.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        MeasurementError, match=r"A.npz: cannot be read \(.*\); expected a sparse matrix of scipy.sparse.save_npz"
    ):
        read_sparse(path)


def test_other_archives_are_refused(tmp_path):
    np.savez(tmp_path / "A.npz", data=np.ones(3))
    with pytest.raises(MeasurementError, match="does not contain a sparse"):
        read_sparse(tmp_path / "A.npz")
