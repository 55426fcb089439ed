"""Pages as eight bits to be looked at; and before, after and what was removed side by side."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cgdenoise.jobs.curves import draw_curves
from cgdenoise.restoration.units import OF_VOLUME, Array

AMPLIFIED = 3.0
"""Standard deviations of what was removed that are black and white in its picture. By hand."""

_NARROWEST, _WIDEST = 192, 1024
"""Pixels that each of the pictures side by side is wide, at least and at most: smaller ones are shown by several pixels for one,
larger ones by every second pixel or fewer. By hand."""

_BETWEEN = 2
"""Pixels between the planes of a volume on a sheet. By hand."""

_GAP, _CAPTION = 8, 24
"""Pixels between the pictures, and above them for the words. By hand."""


def shown_range(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the grey levels that are shown as black and white: but for a few values, the extremes."""
    low, high = (float(level) for level in np.nanpercentile(values, [0.1, 99.9]))
    return (low, high) if low < high else (low, low + 1)


def grey_levels(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.uint8]:
    """Return values as eight bits, grey or colour; of other numbers of channels the first."""
    levels = np.clip(np.nan_to_num((values - low) / (high - low)) * 255 + 0.5, 0, 255).astype(np.uint8)
    return levels if levels.ndim == 2 or levels.shape[2] == 3 else levels[..., 0]


def as_large(before: Array | None, shape: tuple[int, ...]) -> Array | None:
    """Return a picture as large as its result, by repeating pixels; None if the result is not so many times as large."""
    if before is None or before.ndim != len(shape) or before.shape[2:] != shape[2:]:
        return None
    factor = shape[0] // before.shape[0]
    if tuple(factor * side for side in before.shape[:2]) != shape[:2]:
        return None
    return before.repeat(factor, axis=0).repeat(factor, axis=1)


def as_sheet(values: Array) -> Array:
    """Return the planes of a volume, (D, H, W, C), row by row on a sheet, about square; what is no volume as it is."""
    if values.ndim != OF_VOLUME:
        return values
    depth, height, width, channels = values.shape
    columns = min(depth, max(1, round(math.sqrt(depth * height / width))))
    rows = -(-depth // columns)
    sheet = np.full((rows, height + _BETWEEN, columns, width + _BETWEEN, channels), values.min(), values.dtype)
    for number, plane in enumerate(values):
        sheet[number // columns, :height, number % columns, :width] = plane
    flat = sheet.reshape(rows * (height + _BETWEEN), columns * (width + _BETWEEN), channels)[:-_BETWEEN, :-_BETWEEN]
    return flat[..., 0] if channels == 1 else flat


def side_by_side(before: Array, after: Array) -> bytes:
    """Return a PNG with a page before and after it was restored, and what was removed, which is amplified about grey.

    Parameters
    ----------
    before, after : (H, W) or (H, W, C) array
        Real; or signals (N,), which are drawn, or volumes (D, H, W, C), as sheets. The first may have fewer pixels, by a whole
        factor; missing ones (NaN) are black, and nothing was removed there.
    """
    if after.ndim == 1:
        return draw_curves({"before": before, "after": after})
    before, after = as_sheet(before), as_sheet(after)
    step = max(1, -(-after.shape[1] // _WIDEST))
    last = after[::step, ::step].astype(np.float64)
    first = as_large(before, after.shape)
    first = last if first is None else first[::step, ::step].astype(np.float64)
    removed = np.nan_to_num(first - last)
    spread = AMPLIFIED * float(removed.std()) or 1.0
    low, high = shown_range(last)
    panels = {
        "before": grey_levels(first, low, high),
        "after": grey_levels(last, low, high),
        f"removed, times {(high - low) / (2 * spread):.2g}": grey_levels(removed, -spread, spread),
    }
    times = max(1, -(-_NARROWEST // last.shape[1]))
    height, width = times * last.shape[0], times * last.shape[1]
    sheet = Image.new("RGB", (3 * width + 2 * _GAP, height + _CAPTION), "white")
    words, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, (caption, levels) in enumerate(panels.items()):
        left = number * (width + _GAP)
        words.text((left + 2, 3), caption, "black", font)
        sheet.paste(Image.fromarray(levels).convert("RGB").resize((width, height), Image.Resampling.NEAREST), (left, _CAPTION))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()
