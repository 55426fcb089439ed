"""NumPy's files of several arrays by name (.npz)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import MeasurementError
from cgdenoise.measurements.npy import archive_members, read_member
from cgdenoise.measurements.sparse import by_rows
from cgdenoise.measurements.variables import Selection
from cgdenoise.reading import check_affordable
from cgdenoise.reading.npy_header import read_npy_header

_PARTS = ("data", "indices", "indptr", "shape")
"""Of a sparse matrix by rows, as SciPy calls them."""


def read_npz(path: Path, selection: Selection) -> dict[str, Any]:
    """Return the selected arrays of an archive, by role; the parts of a sparse matrix NAME, as `sparse_parts` names them, as one.

    Raises
    ------
    MeasurementError
        As `npy.read_npy`, or if something is not there.
    Exception
        As there.
    """
    with zipfile.ZipFile(path) as archive:  # np.load would take a file of another kind for what it is
        members = archive_members(archive)
        names = sorted({_whole(member) for member in members})

        def is_numeric(name: str) -> bool:
            with archive.open(members.get(name) or members[f"{name}.data"]) as stream:
                return read_npy_header(stream).dtype.kind in "buifc"

        chosen = selection.of(names, is_numeric, "array")
        wanted = [member for name, member in members.items() if _whole(name) in chosen.values()]
        check_affordable(sum(member.file_size for member in wanted))
        return {role: _variable(archive, members, name) for role, name in chosen.items()}


def sparse_parts(name: str, matrix: Any) -> dict[str, NDArray[Any]]:
    """Return a sparse matrix of SciPy as arrays for an archive from which `read_npz` reads it."""
    from scipy.sparse import csr_array

    rows = csr_array(matrix)
    parts = (rows.data, rows.indices, rows.indptr, np.array(rows.shape))
    return {f"{name}.{part}": array for part, array in zip(_PARTS, parts, strict=True)}


def _whole(member: str) -> str:
    """Return the name of the variable that a member is a part of."""
    name, _, part = member.rpartition(".")
    return name if name and part in _PARTS else member


def _variable(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str) -> Any:
    if name in members:
        return read_member(archive, members[name])
    if absent := [part for part in _PARTS if f"{name}.{part}" not in members]:
        raise MeasurementError(f"sparse matrix {name} without {', '.join(absent)}; expected {', '.join(_PARTS)}")
    from scipy.sparse import csr_array

    data, indices, pointers, shape = (read_member(archive, members[f"{name}.{part}"]) for part in _PARTS)
    return by_rows(csr_array((data, indices, pointers), shape=tuple(int(side) for side in shape.ravel())))
