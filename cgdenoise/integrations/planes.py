"""Arrays as viewers hold them: planes of any number of axes, grey or in colour, restored one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError
from cgdenoise.fitting.members import TooEarlyError
from cgdenoise.noise.known import KnownNoise
from cgdenoise.progress import Progress
from cgdenoise.restoration.denoise import denoise
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.results import Restoration

Array = NDArray[Any]
Report = Callable[[float, str], None]
"""What sees how far a restoration is: a share, 0 to 1, and what is being done."""

_COLOURS = 3
"""Channels of a picture in colour; a fourth is its alpha, which stays as it is."""


@dataclass(frozen=True)
class Settings:
    """What somebody chooses of a restoration: a preset, and the noise if it is known (`sigma` in the array's units)."""

    preset: str = "balanced"
    noise: str = "auto"
    sigma: float | None = None
    seed: int = 0


def restore_planes(
    data: Array, rgb: bool, settings: Settings, report: Report, cancelled: Callable[[], bool]
) -> tuple[Array, list[Restoration]] | None:
    """Restore every plane of an array by itself.

    Parameters
    ----------
    data : (..., H, W) or (..., H, W, 3 or 4) array
        Real, in any unit; each plane is read as it is needed, as from a Dask array.
    rgb : bool
        Whether the last axis has colours, and alpha.
    settings : Settings
    report : callable
        Called several times a second.
    cancelled : callable
        Asked several times a second.

    Returns
    -------
    array, list of Restoration
        Of the shape and the dtype of `data`: integers are rounded, and clipped to their range. None if it was cancelled.

    Raises
    ------
    CgDenoiseError
        As `denoise`.
    """
    axes = 3 if rgb else 2
    if data.ndim < axes:
        raise ImageError(f"array of shape {data.shape}; expected an image of at least {axes} axes")
    restored = np.empty(data.shape, data.dtype)
    places = list(np.ndindex(data.shape[: data.ndim - axes]))
    results = []
    for index, place in enumerate(places):
        plane = np.asarray(data[place])
        name = f"plane {index + 1} of {len(places)}: " if len(places) > 1 else ""
        hooks = Hooks(progress=_reporter(report, index, len(places), name), cancelled=cancelled)
        known = KnownNoise(settings.noise, settings.sigma)
        picture, axis = (plane[..., :_COLOURS], -1) if rgb else (plane, None)
        try:
            result = denoise(picture, noise=known, channel_axis=axis, preset=settings.preset, seed=settings.seed, progress=hooks)
        except TooEarlyError:
            return None
        if cancelled():
            return None
        restored[place] = plane  # for its alpha
        restored[place][..., : _COLOURS if rgb else None] = as_dtype(result.image, data.dtype)
        results.append(result)
    return restored, results


def as_dtype(values: NDArray[np.float64], dtype: np.dtype[Any]) -> Array:
    """Return values in a dtype: rounded and clipped to its range if it is one of integers."""
    if dtype.kind not in "ui":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)


def _reporter(report: Report, index: int, count: int, name: str) -> Callable[[Progress], None]:
    def show(now: Progress) -> None:
        share = now.done / max(now.done + now.left, 1e-9)
        report((index + share) / count, name + now.stage)

    return show
