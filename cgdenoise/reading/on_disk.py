"""Arrays on disk: the rows of a page that would fill the memory, in a file that has no name."""

from __future__ import annotations

import itertools
import math
import mmap
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError

Array = NDArray[Any]
Folder = str | os.PathLike[str]


class RowsOnDisk:
    """Arrays of one dtype that are written once, one after the other and each from its first row to its last, and then read.

    The file has no name in the folder, or loses it with the process: nothing is left of it, however that ends.

    Parameters
    ----------
    folder : str or Path
        Where there is room for it: of a file system that outlives the memory.
    dtype : dtype
        Of the arrays.
    """

    def __init__(self, folder: Folder, dtype: np.dtype[Any]) -> None:
        self._folder, self._dtype = Path(folder), dtype
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=self._folder, prefix=".cgdenoise-", suffix=".tmp")  # noqa: SIM115
        except OSError as error:
            raise self._lacking(error) from error

    def append(self, rows: Array) -> None:
        """Write the next rows.

        Raises
        ------
        ImageError
            If there is no room for them.
        """
        try:
            self._file.write(np.ascontiguousarray(rows, self._dtype).data)
        except OSError as error:
            raise self._lacking(error) from error

    def arrays(self, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        """Return the arrays that have been written, of these shapes; what is looked at of them is in memory until `let_go`."""
        ends = list(itertools.accumulate(map(math.prod, shapes), initial=0))
        try:
            self._file.flush()
            flat = np.memmap(self._file, self._dtype, "r", shape=(ends[-1],))
        except OSError as error:
            raise self._lacking(error) from error
        return [flat[start:end].reshape(shape) for (start, end), shape in zip(itertools.pairwise(ends), shapes, strict=True)]

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def _lacking(self, error: OSError) -> ImageError:
        return ImageError(f"cannot be written ({error.strerror}); expected room for the rows of a large image", str(self._folder))


def is_on_disk(array: Array) -> bool:
    """Tell whether an array is `RowsOnDisk`, or a part of it."""
    return _mapping(array) is not None


def let_go(array: Array) -> None:
    """Give back the memory that an array on disk, of which this one is or is a part, has taken by being looked at."""
    mapping = _mapping(array)
    if mapping is not None and hasattr(mapping, "madvise"):  # Windows trims it by itself
        mapping.madvise(mmap.MADV_DONTNEED)


def _mapping(array: object) -> mmap.mmap | None:
    while isinstance(array, np.ndarray):
        array = array.base
    return array if isinstance(array, mmap.mmap) else None
