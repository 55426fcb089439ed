"""What the pages of a file are to each other: times, depths and channels, by the letters that microscopists give to axes."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass

from cgdenoise.errors import ImageError

LETTERS = "TZCSYX"
"""Time, depth, channel, samples of a pixel (which is another word for channels), rows, columns."""

_OF_IMAGEJ = (("T", "frames"), ("Z", "slices"), ("C", "channels"))


@dataclass(frozen=True)
class Stack:
    """The axes over which a file's pages run, the last of them fastest.

    Attributes
    ----------
    axes : str
        Letters, of T, Z and C.
    shape : tuple of int
        As many numbers.
    """

    axes: str
    shape: tuple[int, ...]


def check_axes(axes: str, ndim: int | None = None) -> str:
    """Return the letters of axes in capitals.

    Parameters
    ----------
    axes
        As the user has written them.
    ndim
        How many the array has; None for any number.

    Raises
    ------
    ImageError
        If they do not name the axes of an array with images in it.
    """
    axes = axes.upper()
    known = set(axes) <= set(LETTERS) and len(set(axes)) == len(axes) and not {"C", "S"} <= set(axes)
    if not known or not {"Y", "X"} <= set(axes):
        raise ImageError(f"axes {axes!r}; expected Y and X, and T, Z, C each at most once, as in TZCYX or YXC")
    if axes.index("X") < axes.index("Y"):
        raise ImageError(f"axes {axes!r}; expected Y before X")
    if ndim is not None and len(axes) != ndim:
        raise ImageError(f"axes {axes!r} for an array of {ndim} axes; expected as many")
    return axes


def described(text: str, pages: int) -> Stack | None:
    """Return what a TIFF's description says of its pages; None if it says nothing, or not of so many."""
    if text.startswith("ImageJ="):
        counts = [(axis, re.search(rf"^{name}=(\d{{1,6}})\s*$", text, re.MULTILINE)) for axis, name in _OF_IMAGEJ]
        found = [(axis, int(count[1])) for axis, count in counts if count and int(count[1]) > 1]
    elif pixels := re.search(r"<(?:\w+:)?Pixels\b[^>]*>", text):
        order = re.search(r'\bDimensionOrder="XY([CZT]{3})"', pixels[0])
        sizes = {axis: re.search(rf'\bSize{axis}="(\d{{1,6}})"', pixels[0]) for axis in "TZC"}
        slowest_first = order[1][::-1] if order else ""
        found = [(axis, int(size[1])) for axis in slowest_first if (size := sizes[axis]) and int(size[1]) > 1]
    else:
        found = _of_tifffile(text)
    fits = bool(found) and math.prod(size for _, size in found) == pages
    return Stack("".join(axis for axis, _ in found), tuple(size for _, size in found)) if fits else None


def labelled(stack: Stack | None, pages: int, channels: int, axes: str) -> Stack | None:
    """Return what a user says of a file's pages, in which only the sizes of the axes may be missing.

    Parameters
    ----------
    stack
        What the file says itself.
    pages, channels
        How many pages there are, and channels in each.
    axes
        What the user says.

    Raises
    ------
    ImageError
        If the file has other axes.
    """
    axes = check_axes(axes)
    leading = "".join(axis for axis in axes if axis not in "YXS")
    if channels > 1 and axes[-1] in "CS":
        leading = leading.replace("C", "")
    shape = stack.shape if stack is not None and len(stack.shape) == len(leading) else (pages,)
    if len(leading) != len(shape) and not (pages == 1 and not leading):
        problem = f"axes {axes!r} for {pages} page{'s' * (pages > 1)}"
        raise ImageError(f"{problem}; expected sizes in the metadata of OME or ImageJ, or one axis of pages, as in TYX")
    return Stack(leading, shape) if leading else None


def _of_tifffile(text: str) -> list[tuple[str, int]]:
    try:
        said = json.loads(text)
        axes, shape = str(said["axes"]), [int(size) for size in said["shape"]]
    except (KeyError, RecursionError, TypeError, ValueError):
        return []
    return [(axis, size) for axis, size in zip(axes, shape, strict=False) if axis in "TZC" and size > 1]
