"""The real pictures that experiments run on: those that scikit-image ships, or the user's."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from cgdenoise import images
from cgdenoise.errors import ImageError
from cgdenoise.experiments.findings import Array, Photograph

_SHIPPED = ("camera", "astronaut", "coffee", "chelsea", "rocket", "moon", "brick", "gravel")
"""Photographs in scikit-image's wheel, which need no network."""


def shipped() -> list[Photograph]:
    """Return scikit-image's photographs."""
    from skimage import data

    return [Photograph(name, getattr(data, name)() / 255.0) for name in _SHIPPED]


def from_folder(folder: str) -> list[Photograph]:
    """Return the images of a folder, by name, scaled to 0 to 1: integers by their dtype, others by their own range.

    Raises
    ------
    ImageError
        If the folder cannot be read or has no image, or one of them cannot be read or is neither grey nor RGB.
    """
    try:
        paths = sorted(path for path in Path(folder).iterdir() if path.name.lower().endswith(images.suffixes()))
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror}); expected a folder of images", folder) from error
    if not paths:
        raise ImageError(f"no image in this folder; expected files with {', '.join(images.suffixes())}", folder)
    return [Photograph(path.stem, _values(path)) for path in paths]


def _values(path: Path) -> Array:
    page = images.read_image(path).pages[0]
    if page.ndim == 3 and page.shape[2] not in (1, 3):
        raise ImageError(f"{page.shape[2]} channels; expected grey or RGB", os.fspath(path))
    if not np.isfinite(page).all():
        raise ImageError("values that are not finite; expected a clean image", os.fspath(path))
    values = page.astype(np.float64)
    low, high = (0.0, float(np.iinfo(page.dtype).max)) if page.dtype.kind == "u" else (values.min(), values.max())
    scaled: Array = (values - low) / max(high - low, np.finfo(np.float64).tiny)
    return scaled[:, :, 0] if scaled.ndim == 3 and scaled.shape[2] == 1 else scaled


def square(values: Array, side: int) -> Array:
    """Return the largest square about the middle of a picture, (side, side[, 3]): block means, of whole blocks, then cut to size.

    Raises
    ------
    ImageError
        If the picture is smaller than that.
    """
    block = min(values.shape[:2]) // side
    if not block:
        raise ImageError(f"picture of {values.shape[1]}x{values.shape[0]} pixels; expected {side}x{side} or more")
    top, left = ((length - block * side) // 2 for length in values.shape[:2])
    cut = values[top : top + block * side, left : left + block * side]
    means: Array = cut.reshape(side, block, side, block, *values.shape[2:]).mean(axis=(1, 3))
    return means


def grey(values: Array) -> Array:
    """Return the luma (ITU-R BT.601) of a picture, (H, W)."""
    luma: Array = values @ np.array([0.299, 0.587, 0.114]) if values.ndim == 3 else values
    return luma
