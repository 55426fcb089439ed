"""Arrays in the user's units, tensors in the fit's: checks and the affine map between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.errors import ImageError, OptionError
from cgdenoise.reading.on_disk import let_go

Array = NDArray[Any]

_GRID = 2.0**20
"""Steps of the range to which scaled data are rounded, so that `a * x + b` gives the same numbers as `x`. By hand: finer than 16
bits, and a few bits less than the 24 of float32, for values that lie outside of 0 to 1."""

_MOST_CHANNELS = 16
"""As many as a file's image may have (`images.picture.MAX_CHANNELS`); a longer axis is hardly one of channels. By hand."""

OF_VOLUME = 4
"""Axes of a volume with its channels, (D, H, W, C), or (C, D, H, W) as operators take it: of three, one may be colours."""

BAND = 256
"""Rows that are converted at once where an image is large. By hand: 64 MB of 32,000 columns."""

_NOTHING = "all values of a channel are NaN or masked; expected some finite ones"


def find_channel_axis(shape: tuple[int, ...], channel_axis: int | None) -> int:
    """Return the axis of an array's channels, which is the last if it is not given; of (H, W) arrays it means nothing.

    Raises
    ------
    ImageError
        If it is not given and the first axis looks more like it than the last.
    OptionError
        If the array has no such axis.
    """
    if len(shape) != 3:
        return -1
    if channel_axis is None and shape[0] <= _MOST_CHANNELS < shape[2]:
        doubt = f"array of shape {shape}: channels first? expected (H, W, C)"
        raise ImageError(f"{doubt}; say channel_axis=0, or channel_axis=-1 if that is meant")
    if channel_axis is not None and channel_axis not in range(-3, 3):
        raise OptionError(f"channel_axis {channel_axis}; expected -3 to 2, an axis of the array of shape {shape}")
    return -1 if channel_axis is None else channel_axis


def check_image(image: Array, channel_axis: int = -1) -> NDArray[np.float64]:
    """Return an image as (H, W, C) float64, with NaN where values are missing, as masked ones of a masked array are.

    Parameters
    ----------
    image : array
        (H, W), or with channels.
    channel_axis : int
        Where these are; of an (H, W) array it means nothing.

    Raises
    ------
    ImageError
        If it has another shape, is empty, not real, infinite somewhere, or nowhere finite.
    """
    values = values_in(image, channel_axis)
    if np.isnan(values).all(axis=(0, 1)).any():
        raise ImageError(_NOTHING)
    return values


def check_large_image(values: Array) -> None:
    """Check (H, W, C) values as `check_image` does, a band of rows after the other: they are never in memory as float64.

    Raises
    ------
    ImageError
        As `check_image`.
    """
    if values.dtype.kind in "ui" and not np.ma.isMaskedArray(values):
        return
    finite = [np.isfinite(values_in(band)).any(axis=(0, 1)) for band in bands_of(values)]
    if not np.any(finite, axis=0).all():
        raise ImageError(_NOTHING)


def bands_of(values: Array) -> Iterator[Array]:
    """Yield an image band by band, from top to bottom; of one that lies on the disk, no more than one is in memory."""
    for top in range(0, len(values), BAND):
        yield values[top : top + BAND]
        let_go(values)


def values_in(image: Array, channel_axis: int = -1) -> NDArray[np.float64]:
    """Return (H, W, C) values of an image of a kind and shape that can be restored; NaN where they are missing."""
    array = np.asanyarray(image)
    if array.dtype.kind not in "uif":
        raise ImageError(f"array of dtype {array.dtype}; expected real integers or floats")
    if array.ndim not in (2, 3) or array.size == 0:
        raise ImageError(f"array of shape {array.shape}; expected (H, W) or (H, W, C), not empty")
    values = np.asarray(np.ma.filled(array.astype(np.float64), np.nan))
    values = values[..., None] if values.ndim == 2 else np.moveaxis(values, channel_axis, -1)
    if infinite := int(np.isinf(values).sum()):
        raise ImageError(f"{infinite} infinite values; expected finite ones, or NaN where a value is missing")
    return values


def in_layout(values: Array, ndim: int, channel_axis: int = -1) -> Array:
    """Return (H, W, C) values in the layout of the array that they came from: undo what `check_image` did to the axes."""
    return values[..., 0] if ndim == 2 else np.moveaxis(values, -1, channel_axis)


@dataclass(frozen=True)
class Layout:
    """How many axes the user's array has, and which of them the channels are."""

    ndim: int
    channel_axis: int

    @staticmethod
    def of(image: Array, channel_axis: int | None) -> Layout:
        """Return that of an image, the axis of whose channels is given, or found.

        Raises
        ------
        ImageError, OptionError
            As `find_channel_axis`.
        """
        return Layout(np.ndim(image), find_channel_axis(np.shape(image), channel_axis))

    def array(self, values: Array) -> Array:
        """Return (H, W, C) values in the layout of the user's array."""
        return in_layout(values, self.ndim, self.channel_axis)

    def view(self, image: Array) -> Array:
        """Return the user's array, which is not copied, as (H, W, C)."""
        array = np.asanyarray(image)
        return array[..., None] if self.ndim == 2 else np.moveaxis(array, self.channel_axis, -1)


def is_constant(values: NDArray[np.float64]) -> bool:
    """Tell whether every channel of (H, W, C) values is constant where it is not missing."""
    return bool((np.nanmin(values, axis=(0, 1)) == np.nanmax(values, axis=(0, 1))).all())


@dataclass(frozen=True)
class Scale:
    """The affine map `(value - offset) / factor`, from the image's units to a range of about 0 to 1."""

    offset: float
    factor: float

    @staticmethod
    def of(values: NDArray[np.float64], whole_range: bool) -> Scale:
        """Choose the map from the data alone, so that it follows any change of unit.

        Parameters
        ----------
        values : (H, W, C) array
            Not constant; NaN where missing.
        whole_range : bool
            Map the extremes to 0 and 1, for a generator that is bounded. Otherwise the first and the last percent of the values
            (by hand; not measured) may lie outside: a hot pixel then does not squeeze the picture.
        """
        low, high = np.nanpercentile(values, [0, 100] if whole_range else [1, 99])
        if low == high:
            low, high = np.nanmin(values), np.nanmax(values)
        return Scale(float(low), float(high - low))

    def normalise(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scaled values, of the same shape, NaN where missing; the same numbers for any unit of the data."""
        return np.round((values - self.offset) / self.factor * _GRID) / _GRID

    @staticmethod
    def to_tensors(normalised: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
        """Return scaled values, 0 where missing, and a 1 for each value that is not: both [1, C, H, W], float32."""
        measured = np.isfinite(normalised)
        return _to_tensor(np.where(measured, normalised, 0.0)), _to_tensor(measured)

    def to_array(self, image: Tensor, ndim: int, channel_axis: int = -1) -> NDArray[np.float64]:
        """Return a [1, C, H, W] tensor as an array in the image's units and layout (see `in_layout`)."""
        values = image[0].permute(1, 2, 0).cpu().numpy().astype(np.float64)
        return in_layout(values, ndim, channel_axis) * self.factor + self.offset


def _to_tensor(values: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)[None], dtype=np.float32))
