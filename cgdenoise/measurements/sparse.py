"""Sparse matrices from files. SciPy's compiled code trusts their indices, so that wrong ones would end the process."""

from __future__ import annotations

import os
import zipfile
from typing import Any

import numpy as np

from cgdenoise.errors import MeasurementError
from cgdenoise.measurements.npy import archive_members, check_array
from cgdenoise.reading import check_affordable, reading

_POINTER = np.dtype(np.int64).itemsize
"""Bytes of a row's or column's pointer in SciPy's matrices, at most."""


def read_sparse(path: str | os.PathLike[str]) -> Any:
    """Read a matrix that `scipy.sparse.save_npz` has written.

    Parameters
    ----------
    path : path
        Of the .npz file.

    Returns
    -------
    scipy.sparse.csr_array
        [m, n], in the file's dtype.

    Raises
    ------
    MeasurementError
        If it cannot be read, or its indices lie outside of its shape; the message begins with the path.
    """
    from scipy import sparse

    with reading(path, MeasurementError, "a sparse matrix of scipy.sparse.save_npz, or a dense .npy"):
        with zipfile.ZipFile(path) as archive:
            members = archive_members(archive).values()
            check_affordable(sum(member.file_size for member in members))
            for member in members:
                with archive.open(member) as stream:
                    check_array(stream, member.file_size)
        return by_rows(sparse.load_npz(path))


def is_sparse_file(path: str | os.PathLike[str]) -> bool:
    """Tell whether an archive is one of `scipy.sparse.save_npz`; False of what is no archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {"format", "shape"} <= archive_members(archive).keys()
    except Exception:  # it will be told when it is read
        return False


def by_rows(matrix: Any) -> Any:
    """Return a sparse matrix as a csr_array, once its indices are known to be inside.

    Raises
    ------
    ValueError
        If they are not, or it has not two axes.
    MemoryError
        If it has so many rows and columns that their pointers alone fill the memory.
    """
    from scipy import sparse

    if matrix.ndim != 2:
        raise ValueError(f"a sparse array of shape {matrix.shape} instead of a matrix")
    check_affordable(_POINTER * sum(matrix.shape))
    if matrix.format == "dia":
        rows, columns = matrix.shape
        if ((matrix.offsets <= -rows) | (matrix.offsets >= columns)).any():
            raise ValueError(f"diagonals outside of a matrix of shape {matrix.shape}")
    elif matrix.format != "coo":  # whose constructor looks at all indices
        matrix.check_format(full_check=True)
        if (np.diff(matrix.indptr) < 0).any():  # SciPy looks at this only if the last pointer is not 0
            raise ValueError("index pointers that decrease")
        if matrix.format == "bsr" and any(side % block for side, block in zip(matrix.shape, matrix.blocksize, strict=True)):
            raise ValueError(f"blocks of {matrix.blocksize} in a matrix of shape {matrix.shape}")
    return sparse.csr_array(matrix)
