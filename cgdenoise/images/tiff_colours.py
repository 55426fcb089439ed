"""What the samples of a TIFF page mean: colours of a palette, alpha."""

from __future__ import annotations

from typing import Any

import numpy as np

from cgdenoise.errors import ImageError

from .picture import PALETTE_LOST, Array
from .tiff_encode import LOSSLESS

RGB, PALETTE, YCBCR = 2, 3, 6
"""Photometric interpretations of TIFF 6.0."""


def alpha_kind(page: Any) -> int | None:
    """Return the ExtraSamples value of the last sample if that is alpha (0: unspecified, 1: associated, 2, or unknown: not)."""
    extras, colour = [int(extra) for extra in page.extrasamples], page.photometric in (RGB, YCBCR)
    if any(extras[:-1]) or (colour and page.samplesperpixel not in (3, 4)):
        raise ImageError(f"TIFF with {page.samplesperpixel} samples a pixel, extra ones {extras}; expected grey or RGB")
    if extras and extras[-1] and page.samplesperpixel > 1:
        return min(extras[-1], 2)
    # A fourth sample that nobody declared is alpha in all likelihood; as data beside RGB it would have no meaning.
    return 0 if colour and page.samplesperpixel == 4 else None


def is_imagej(page: Any) -> bool:
    """Tell whether ImageJ wrote the page's description."""
    return str(page.description).startswith("ImageJ=")


def is_tint(page: Any) -> bool:
    """Tell whether a palette only tints grey values."""
    # A palette of another shape could not be written again.
    whole = page.dtype == np.uint8 and page.samplesperpixel == 1 and np.shape(page.colormap) == (3, 256)
    return page.photometric == PALETTE and is_imagej(page) and whole


def table_of(page: Any) -> Array | None:
    """Return the colours of a palette, (3, n); None of a page without one, or where it only tints."""
    if page.photometric != PALETTE or is_tint(page):
        return None
    colours = page.colormap
    if colours is None or page.dtype.kind != "u":
        raise ImageError("damaged TIFF: palette does not fit the pixels")
    if alpha_kind(page) is not None:
        raise ImageError("TIFF with a palette and alpha; expected one or the other")
    # 8-bit colours are written as 257 times their value; then, and only then, 8 bits hold them without loss.
    table: Array = colours if (colours % 257).any() else (colours // 257).astype(np.uint8)
    return table


def coloured(page: Any, samples: Array) -> Array:
    """Look the colours of samples up, if the page has a palette; else return them as they are."""
    table = table_of(page)
    if table is None:
        return samples
    if samples.ndim > 2 or samples.max() >= table.shape[1]:
        raise ImageError("damaged TIFF: palette does not fit the pixels")
    return np.ascontiguousarray(table.T[samples])


def remarks_on(page: Any) -> list[str]:
    """Say what of a page is not stored again as it was."""
    palette = [PALETTE_LOST] if page.photometric == PALETTE and not is_tint(page) else []
    lossy = int(page.compression) not in LOSSLESS
    return palette + ([f"its {page.compression.name} compression becomes Deflate, which loses nothing"] if lossy else [])
