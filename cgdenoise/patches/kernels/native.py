"""The compiled functions of groups.c, bound; absent where the package was installed without a C compiler."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from enum import IntEnum
from functools import cache

import torch
from torch import Tensor

from cgdenoise.native.build import GROUPS, GROUPS_AVX2
from cgdenoise.native.library import load
from cgdenoise.patches.matching import Search, references
from cgdenoise.progress import Tick

_POINTER, _INT, _FLOAT = ctypes.c_void_p, ctypes.c_int, ctypes.c_float
_SIGNATURES = {"filter_tiles": [_POINTER] * 9 + [_INT] * 10 + [_FLOAT, _INT]}

_AT_A_TIME = 32
"""Tiles of a call, so that whoever waits hears of it several times a second: a tile of 8x8 references takes 5 ms in colour."""


class Method(IntEnum):
    """How the weights of a group are found, by its number in filter.h."""

    RIDGE = 0
    PROJECTION = 1


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled library for this processor, or None if it was not built or, with a warning, if it cannot be used."""
    has_avx2 = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    return (load(GROUPS_AVX2, _SIGNATURES) if has_avx2 else None) or load(GROUPS, _SIGNATURES)


def supports(image: Tensor) -> bool:
    """Tell whether the compiled functions take such images."""
    return image.device.type == "cpu" and image.dtype == torch.float32 and library() is not None


def filter_groups(
    noisy: Tensor, pilot: Tensor, guide: Tensor, search: Search, method: Method, variances: Tensor, edge: float, tick: Tick
) -> Tensor:
    """Filter all groups of an image and average the overlapping estimates, on as many threads as torch uses.

    Parameters
    ----------
    noisy, pilot : Tensor
        What to filter and what to take the weights from, [C, H, W], float32 and on the CPU as all others.
    guide : Tensor
        To compare patches in, [K, H, W].
    search : Search
        Limited to the image's size.
    method : Method
        How to find the weights.
    variances : Tensor
        Of the noise in each channel, [C].
    edge : float
        Least power of a direction that is kept, in parts of the noise's in a patch; for `Method.PROJECTION`.
    tick : callable
        Called several times a second.

    Returns
    -------
    Tensor
        [C, H, W].

    Raises
    ------
    MemoryError
        If the work space could not be allocated.
    """
    size = (noisy.shape[1], noisy.shape[2])
    noisy, pilot, guide, variances = (tensor.contiguous() for tensor in (noisy, pilot, guide, variances))
    rows, columns = (references(length, search).int() for length in size)
    side = max(1, -(-(search.window + search.patch - 2) // search.step))
    sums, counts = torch.zeros_like(noisy), torch.zeros_like(noisy)
    pixels = size[0] * size[1] / (len(rows) * len(columns))
    loaded = library()
    assert loaded is not None
    arrays = [tensor.data_ptr() for tensor in (guide, noisy, pilot, variances, sums, counts, rows, columns)]
    sizes = [len(guide), len(noisy), *size, search.patch, search.count, search.window // 2, method]
    for tiles in _apart(len(rows), len(columns), side):
        for first in range(0, len(tiles), _AT_A_TIME):
            part = tiles[first : first + _AT_A_TIME]
            if loaded.filter_tiles(*arrays, part.data_ptr(), *sizes, len(part), side, edge, torch.get_num_threads()):
                raise MemoryError("no memory for the work space of the groups")
            tick(pixels * int(((part[:, 1] - part[:, 0]) * (part[:, 3] - part[:, 2])).sum()))
    return sums / counts


def _apart(rows: int, columns: int, side: int) -> Iterator[Tensor]:
    """Yield the tiles of so many rows and columns of references, in up to four parts [N, 4] of which no two tiles overlap.

    Every second tile along each axis is left out: patches reach no farther than from the next tile but one to this one's border.
    """
    for top in (0, side):
        for left in (0, side):
            found = [
                (row, min(row + side, rows), column, min(column + side, columns))
                for row in range(top, rows, 2 * side)
                for column in range(left, columns, 2 * side)
            ]
            if found:
                yield torch.tensor(found, dtype=torch.int32)
