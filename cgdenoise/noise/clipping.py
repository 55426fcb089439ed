"""Values that were cut off at the ends of a file's range after noise had been added: how many, and what their mean was before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Values = NDArray[np.float64]

_PILED = 1e-3
"""Share of the values that have to be equal to the largest or the smallest one for an image to count as clipped there. By hand;
half or twice change no level in `benchmarks/constants.py`."""

_REACH = 4.0
"""Standard deviations beyond an end up to which means are told apart; the ends are what they are brought to in any case. 2 or 8
change the inverse by less than 4e-4 of a grey level of 255 (noise of 25)."""

_STEPS = 2000
"""Of the table that the inverse is read from: half or twice as many change it by less than 7e-4 of a grey level of 255."""


def clipped_share(image: Values) -> float:
    """Return the share of the values (H, W, C), NaN where missing, that lie at an end of their channel where values pile up."""
    channels = [channel[np.isfinite(channel)] for channel in np.moveaxis(image, 2, 0)]
    shares = [float((channel == end).mean()) for channel in channels for end in clipped_ends(channel) if np.isfinite(end)]
    return sum(shares) / max(len(channels), 1)


def clipped_ends(values: Values) -> tuple[float, float]:
    """Return the least and the largest of a channel's values, of any shape, where they pile up; else minus and plus infinity."""
    known = values[np.isfinite(values)]
    if not known.size or known.min() == known.max():
        return -np.inf, np.inf
    least, largest = float(known.min()), float(known.max())
    low = least if (known == least).mean() > _PILED else -np.inf
    return low, largest if (known == largest).mean() > _PILED else np.inf


def clipped(image: Values) -> NDArray[np.bool_]:
    """Return which pixels (H, W) of an image (H, W, C) have a value at an end of its channel where values pile up."""
    ends = [clipped_ends(channel) for channel in np.moveaxis(image, 2, 0)]
    cut: NDArray[np.bool_] = np.any([(image[..., c] <= low) | (image[..., c] >= high) for c, (low, high) in enumerate(ends)], 0)
    return cut


@dataclass(frozen=True)
class Clipping:
    """Gaussian noise of one level, clipped to a range.

    A pixel of white paper keeps only the darker half of its noise, and so averages to a grey. For the mean m of clipped values
    the mean before is the solution of E clip(mean + noise) = m (Foi, "Clipped noisy images: heteroskedastic modeling and
    practical denoising", Signal Processing, 2009), brought back into the range.

    Attributes
    ----------
    low, high : tuple of float
        Ends of each channel; infinite where it was not clipped.
    sigma : float
        Of the noise, above 0.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    sigma: float

    @staticmethod
    def of(image: Values, sigma: float) -> Clipping | None:
        """Return the clipping of an image (H, W, C) with noise of a level; None if it has none."""
        low, high = zip(*(clipped_ends(channel) for channel in np.moveaxis(image, 2, 0)), strict=True)
        return Clipping(low, high, sigma) if sigma > 0 and np.isfinite([*low, *high]).any() else None

    def inverse(self, means: Values) -> Values:
        """Return the means before clipping, within the range, of those after it; both [1, C, H, W]."""
        return np.stack([self._of_channel(means[:, c], c) for c in range(means.shape[1])], axis=1)

    def _of_channel(self, means: Values, channel: int) -> Values:
        low, high = self.low[channel], self.high[channel]
        reach = _REACH * self.sigma
        before = np.linspace(
            (low if np.isfinite(low) else min(float(means.min()), high)) - reach,
            (high if np.isfinite(high) else max(float(means.max()), low)) + reach,
            _STEPS,
        )
        after = before + self.sigma * (_excess((low - before) / self.sigma) - _excess((before - high) / self.sigma))
        means_before: Values = np.clip(np.interp(means, after, before), low, high)
        # What no clipping explains, an overshoot of a filter, stays.
        return np.where((means < low) | (means > high), means, means_before)


def _excess(limit: Values) -> Values:
    """Return E max(limit - n, 0) of a standard normal n; 0 for a limit of -inf."""
    finite = np.maximum(limit, -40)  # where both terms are 0 in float64
    density = np.exp(-np.square(finite) / 2) / np.sqrt(2 * np.pi)
    expected: Values = finite * ndtr(finite) + density
    return expected
