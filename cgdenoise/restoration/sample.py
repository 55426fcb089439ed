"""A sample of a large image: windows from all over it, put together."""

from __future__ import annotations

import numpy as np

from cgdenoise.restoration.units import Array

_ACROSS = 3
"""Windows along a side of the sample, by hand: a window is then as large as the patches of a noise estimate and the groups of
similar patches want, and there are nine different places."""

BLOCK = 16
"""Windows begin and end at multiples of so many pixels: the blocks of JPEG, with colours at half the resolution, are whole."""

_SMALL = 4 * BLOCK
"""Windows up to which they are too small to be cut for that. By hand; tiles of 256 pixels have larger ones."""

_CANDIDATES = 4
"""Places to each window, along a side, by hand: some may have nothing in them, as the corners of a mosaic."""


def sample_of(image: Array, side: int) -> Array:
    """Return windows of an image, evenly spread over where it has something to see, beside and below each other.

    Parameters
    ----------
    image : (H, W, C) array
        Large.
    side : int
        Of the sample, about.

    Returns
    -------
    (H', W', C) masked array
        A copy; of the image's dtype.
    """
    longest = side // _ACROSS
    longest -= longest % BLOCK if longest > _SMALL else 0
    height, width = (min(length, longest) for length in image.shape[:2])
    rows = min(_ACROSS, image.shape[0] // height)
    columns = min(_ACROSS**2 // rows, image.shape[1] // width)
    tops = _places(image.shape[0], height, min(_CANDIDATES * rows, image.shape[0] // height))
    lefts = _places(image.shape[1], width, min(_CANDIDATES * columns, image.shape[1] // width))
    windows = [image[top : top + height, left : left + width] for top in tops for left in lefts]
    telling = [window for window in windows if _tells(window)]
    telling = telling if len(telling) >= rows * columns else windows
    chosen = [telling[number] for number in np.linspace(0, len(telling) - 1, rows * columns).round().astype(int)]
    lines = [_joined(chosen[row * columns : (row + 1) * columns], axis=1) for row in range(rows)]
    return _joined(lines, axis=0)


def _joined(parts: list[Array], axis: int) -> Array:
    joined: Array = np.ma.concatenate(parts, axis)  # type: ignore[no-untyped-call]
    return joined


def _places(length: int, window: int, count: int) -> list[int]:
    places = [round(place) for place in np.linspace(0, length - window, count)]
    return places if window % BLOCK else [place // BLOCK * BLOCK for place in places]


def _tells(window: Array) -> bool:
    """Tell whether a window has something in it: half of its values at least, and not all the same."""
    known = np.ma.masked_invalid(window).compressed()
    return bool(known.size >= window.size / 2 and known.min() < known.max())
