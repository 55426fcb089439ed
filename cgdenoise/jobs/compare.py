"""How like two picture files are, and a picture of their difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError
from cgdenoise.images import read_image
from cgdenoise.metrics import psnr, ssim
from cgdenoise.reading import about

Array = NDArray[np.generic]

_SHOWN = 99.9
"""Percentile of the absolute difference that a picture of it shows as black and white; by hand: single pixels may lie beyond."""


@dataclass(frozen=True)
class Comparison:
    """One page against its reference.

    Attributes
    ----------
    page : int
        Its number, from 0.
    psnr, ssim : float
        In dB, infinite for equal pages; and at most 1, NaN where a page is too small for it or has missing pixels.
    rms, largest : float
        Root mean square and largest absolute difference, in grey levels.
    peak : float
        Full scale that the first two refer to.
    difference : (H, W) or (H, W, C) array
        Image less reference, float64; NaN where a pixel of either is missing.
    """

    page: int
    psnr: float
    ssim: float
    rms: float
    largest: float
    peak: float
    difference: NDArray[np.float64]


def compare(image: str, reference: str, peak: float | None = None, axes: str | None = None) -> list[Comparison]:
    """Compare the pages of two files.

    Parameters
    ----------
    image, reference : str
        Their names.
    peak : float, optional
        Full scale. If not given the largest value of the reference's dtype, or of floats the range of the reference's own values.
    axes : str, optional
        What the axes of both are, where they do not say it.

    Raises
    ------
    ImageError
        If one cannot be read, they differ in size, channels or pages, or the full scale is not positive.
    """
    first, second = read_image(image, axes), read_image(reference, axes)
    with about(image):
        if len(first.pages) != len(second.pages):
            raise ImageError(f"{len(first.pages)} pages; expected {len(second.pages)}, as {reference} has")
        for page, clean in zip(first.pages, second.pages, strict=True):
            if page.shape != clean.shape:
                raise ImageError(f"pixels of shape {page.shape}; expected {clean.shape}, as {reference} has")
    with about(reference):
        return [
            _compared(number, page, clean, _full_scale(clean) if peak is None else peak)
            for number, (page, clean) in enumerate(zip(first.pages, second.pages, strict=True))
        ]


def _full_scale(page: Array) -> float:
    if page.dtype.kind in "iu":
        return float(np.iinfo(page.dtype.name).max)
    values = page[np.isfinite(page)].astype(np.float64)
    scale = float(values.max() - values.min()) if values.size else 0.0
    if not scale > 0:
        raise ImageError("all values are the same; expected --peak, the full scale")
    return scale


def _compared(number: int, page: Array, clean: Array, peak: float) -> Comparison:
    difference = page.astype(np.float64) - clean.astype(np.float64)
    known = difference[np.isfinite(difference)]
    rms = math.sqrt(float(np.mean(known**2))) if known.size else math.nan
    largest = float(np.abs(known).max()) if known.size else math.nan
    compared = np.where(np.isfinite(difference), clean, np.nan) if known.size < difference.size else clean
    return Comparison(number, psnr(page, compared, peak), ssim(page, compared, peak), rms, largest, peak, difference)


def draw_difference(comparison: Comparison) -> tuple[NDArray[np.uint8], float]:
    """Return a picture of the difference, grey where there is none, and the factor by which it is amplified or weakened."""
    difference = np.nan_to_num(comparison.difference)
    shown = float(np.percentile(np.abs(difference), _SHOWN)) or float(np.abs(difference).max()) or 127.0
    factor = 127.0 / shown
    return np.clip(np.rint(128 + factor * difference), 0, 255).astype(np.uint8), factor
