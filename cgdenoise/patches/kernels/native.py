"""The compiled functions of groups.c, bound; absent where the package was installed without a C compiler."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from cgdenoise.native.build import GROUPS, GROUPS_AVX2, GROUPS_AVX512
from cgdenoise.native.library import load
from cgdenoise.patches.matching import Search, references
from cgdenoise.progress import Tick

_POINTER, _INT, _FLOAT = ctypes.c_void_p, ctypes.c_int, ctypes.c_float
_GROUPS, _TILES = [_POINTER] * 3 + [_INT] * 6, [_POINTER] + [_INT] * 3
_SIGNATURES = {
    "filter_tiles": [*_GROUPS, *[_POINTER] * 5, _INT, _INT, _FLOAT, *_TILES],
    "complete_tiles": [*_GROUPS, *[_POINTER] * 4, _INT, _FLOAT, _POINTER, *_TILES],
}

_SUITED = {"AVX512": (GROUPS_AVX512, GROUPS_AVX2), "AVX2": (GROUPS_AVX2,)}
"""The libraries for certain processors, the fastest first, by what torch calls a processor's abilities."""

_AT_A_TIME = 32
"""Tiles of a call, so that whoever waits hears of it several times a second: a tile of 8x8 references takes 5 ms in colour."""


@dataclass(frozen=True)
class Keep:
    """How much is kept of a principal direction of a group with p times the power that noise has: p / (p + edge), purified.

    Attributes
    ----------
    edge : float
        Power at which half is kept.
    purified : int
        How often a share s becomes 3 s² - 2 s³, which takes those beside 1/2 towards 0 and 1 (McWeeny, Rev. Mod. Phys. 32, 1960):
        weak directions go and strong ones stay whole, without a decomposition.
    """

    edge: float
    purified: int


RIDGE = Keep(1, 0)
"""What has the least expected error if the pilot is the truth."""


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled library for this processor, or None if it was not built or, with a warning, if it cannot be used."""
    found = (load(library, _SIGNATURES) for library in (*_SUITED.get(torch.backends.cpu.get_cpu_capability(), ()), GROUPS))
    return next((library for library in found if library), None)


def supports(image: Tensor) -> bool:
    """Tell whether the compiled functions take such images; of a CUDA device they do, by way of the CPU.

    Two cores with the compiled functions need half the time that torch's take on an H200 (`benchmarks/NOTES.md`, "A GPU beside
    many cores").
    """
    return image.device.type in ("cpu", "cuda") and image.dtype == torch.float32 and library() is not None


def filter_groups(
    noisy: Tensor, pilot: Tensor, guide: Tensor, search: Search, keep: Keep, variances: Tensor, tick: Tick
) -> Tensor:
    """Filter all groups of an image and average the overlapping estimates, on as many threads as torch uses.

    Parameters
    ----------
    noisy, pilot : Tensor
        What to filter and what to take the weights from, [C, H, W], float32 and on one device as all others.
    guide : Tensor
        To compare patches in, [K, H, W].
    search : Search
        Limited to the image's size.
    keep : Keep
        What the weights keep.
    variances : Tensor
        Of the noise at each pixel, [C, H, W]; a group's is their mean over the middles of its patches.
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
    numbers = (len(noisy), keep.purified, keep.edge)
    return _averaged(_loaded().filter_tiles, guide, search, (noisy, pilot, variances), numbers, tick)


def complete_groups(
    y: Tensor, known: Tensor, pilot: Tensor, search: Search, completed: int, variance: float, unshown: Tensor, tick: Tick
) -> Tensor:
    """Complete the patches of all groups of an image and average the overlapping estimates, on as many threads as torch uses.

    Parameters
    ----------
    y, known : Tensor
        Values, and 1 where they are known and 0 where they are not, [C, H, W], float32 and on one device as all others.
    pilot : Tensor
        To compare patches in, and to take their distributions from, [C, H, W].
    search : Search
        Limited to the image's size.
    completed : int
        Patches of a group that are completed, the nearest ones; all of them make its distribution.
    variance : float
        Of the noise in `y`.
    unshown : Tensor
        Covariance of a patch's values beside what its group shows, [n, n] for n = C patch², channel by channel, on the CPU; of
        one variance.
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
    unshown = unshown.contiguous()
    numbers = (min(completed, search.count), variance, unshown.data_ptr())
    return _averaged(_loaded().complete_tiles, pilot, search, (y, known), numbers, tick)


def _loaded() -> ctypes.CDLL:
    """Return the library, which `supports` has found."""
    loaded = library()
    assert loaded is not None
    return loaded


def _averaged(
    function: Callable[..., int], guide: Tensor, search: Search, images: Sequence[Tensor], numbers: Sequence[float], tick: Tick
) -> Tensor:
    """Call a compiled function for all tiles of an image, and average what it adds up.

    It is given how the groups are formed, images and numbers of its own, and the tiles; the result is of the first image's shape.
    """
    device = guide.device
    guide, images = guide.cpu().contiguous(), [image.cpu().contiguous() for image in images]
    sums, weights = torch.zeros_like(images[0]), torch.zeros_like(images[0])
    arguments = [*(image.data_ptr() for image in (*images, sums, weights)), *numbers]
    size = (guide.shape[1], guide.shape[2])
    rows, columns = (references(length, search).int() for length in size)
    side = max(1, -(-(search.window + search.patch - 2) // search.step))
    pixels = size[0] * size[1] / (len(rows) * len(columns))
    groups = [guide.data_ptr(), rows.data_ptr(), columns.data_ptr(), len(guide), *size]
    groups += [search.patch, search.count, search.window // 2]
    for tiles in _apart(len(rows), len(columns), side):
        for part in torch.split(tiles, _AT_A_TIME):
            if function(*groups, *arguments, part.data_ptr(), len(part), side, torch.get_num_threads()):
                raise MemoryError("no memory for the work space of the groups")
            tick(pixels * int(((part[:, 1] - part[:, 0]) * (part[:, 3] - part[:, 2])).sum()))
    return (sums / weights).to(device)


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
