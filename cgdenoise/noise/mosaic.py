"""Pictures interpolated, bilinearly, from the mosaic of colours that a detector recorded, and what that makes of their noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cgdenoise.noise.correlation import BLOCK

Array = NDArray[np.float64]

_SHARE = 0.99
"""Share of the values between samples that have to be the mean of these: all are, but for what was clipped or retouched since. By
hand: by chance a fifth are, in whole numbers with noise of 3."""

_KNOWN = 0.25
"""Share of the values that have to be known, and not clipped, for the others to be asked. By hand."""

_ROUNDING = 1e-6
"""Part of the range by which rounding may move a mean: some float32 has."""


def interpolated_noise(image: NDArray[np.floating]) -> Array | None:
    """Return the power that white noise of level 1 in the samples of a mosaic has after interpolation, if there was one.

    Red and blue have one sample in four after a Bayer mosaic: what lies between is the mean of two or four, to a step of the
    values where all are rounded. In a flat picture any value is the mean of its neighbours, wherever the samples are: then
    nothing is said. Cameras interpolate along edges, and change the values since. Green is interpolated alone, or smoothed as
    well by the weights that red and blue have.

    Parameters
    ----------
    image : (H, W, C) real array
        In any unit; NaN where missing.

    Returns
    -------
    (3, 16, 16) array or None
        Of red, green and blue in each coefficient of the DCT of a block, by the frequency response of the weights, the mean over
        the places in the mosaic. None for all pictures that are not the interpolation of a mosaic.
    """
    if image.shape[2] != 3 or min(image.shape[:2]) < 8:
        return None
    red, green, blue = (_unclipped(image[..., channel].astype(np.float64)) for channel in range(3))
    of_red, of_blue = _phases(*red), _phases(*blue)
    if not (len(of_red) == len(of_blue) == 1 and of_blue == [(1 - of_red[0][0], 1 - of_red[0][1])]):
        return None
    cosine = np.cos(np.pi * np.arange(BLOCK) / BLOCK)
    rare = np.square(np.outer(1 + cosine, 1 + cosine)) / 4
    row, column = of_red[0]
    alone = _share_within(_errors_at_red(green[0][row:, column:]), green[1]) > _SHARE
    often = np.square(1 + (cosine[:, None] + cosine) / 2) / 2 if alone else rare / 2
    return np.stack([rare, often, rare])


def _unclipped(channel: Array) -> tuple[Array, float]:
    """Return a channel, NaN where it may have been clipped since, and the step of its values."""
    distinct = np.unique(channel[np.isfinite(channel)])
    if len(distinct) < 3:
        return np.full_like(channel, np.nan), 0.0
    within = np.where((channel > distinct[0]) & (channel < distinct[-1]), channel, np.nan)
    return within, float(np.diff(distinct).min() + _ROUNDING * (distinct[-1] - distinct[0]))


def _phases(channel: Array, tolerance: float) -> list[tuple[int, int]]:
    """Return at which row and column samples may begin, 0 or 1 each."""
    places = np.ndindex(2, 2)
    return [(row, column) for row, column in places if _share_within(_errors(channel[row:, column:]), tolerance) > _SHARE]


def _share_within(errors: Array, tolerance: float) -> float:
    """Return the share of the errors that are known which are within a tolerance; 0 if too few are known."""
    known = errors[np.isfinite(errors)]
    return float((known <= tolerance).mean()) if len(known) >= max(1.0, _KNOWN * errors.size) else 0.0


def _errors(values: Array) -> Array:
    """Return how far the values between those of even row and column are from the mean of the nearest of them."""
    values = values[: len(values) - 1 + len(values) % 2, : values.shape[1] - 1 + values.shape[1] % 2]
    samples = values[::2, ::2]
    across, down = (samples[:, 1:] + samples[:, :-1]) / 2, (samples[1:] + samples[:-1]) / 2
    pairs = ((values[::2, 1::2], across), (values[1::2, ::2], down), (values[1::2, 1::2], (across[1:] + across[:-1]) / 2))
    return np.concatenate([np.abs(value - mean).ravel() for value, mean in pairs])


def _errors_at_red(green: Array) -> Array:
    """Return how far green, where even rows and columns have red, is from the mean of its four neighbours."""
    beside, above = (green[2:, 1:-1] + green[:-2, 1:-1]) / 4, (green[1:-1, 2:] + green[1:-1, :-2]) / 4
    errors: Array = np.abs(green[1:-1, 1:-1] - beside - above)[1::2, 1::2]
    return errors
