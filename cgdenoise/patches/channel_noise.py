"""The noise between the channels of an image, and the axes in which its channels are filtered one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cgdenoise.noise.before_jpeg import StoredNoise
from cgdenoise.noise.colour import OPPONENT
from cgdenoise.noise.correlation import correlation_area
from cgdenoise.noise.law import Rows

_LEAST = 0.02
"""Least standard deviation of an axis, in parts of the largest: clipping and rounding leave so much. By hand; half or twice
change the result by 0.05 dB at most (`benchmarks/NOTES.md`, "Sizes of the groups")."""

_WEIGHT_AT_MOST = 0.3
"""Least standard deviation by which an axis is divided when patches are compared, in parts of the largest. By hand; half gains up
to 0.1 dB, twice loses as much (as above)."""


@dataclass(frozen=True)
class ChannelNoise:
    """Noise that is Gaussian and, from one channel's axis to another's, independent.

    Attributes
    ----------
    axes : tuple of tuples of float
        Orthonormal, [C][C]: each a combination of the channels.
    sigmas : tuple of float
        Standard deviation of the noise along each axis, in the image's unit.
    autocorrelation : tuple of tuples of float or None
        At distances in pixels down and across, from 1 at (0, 0); None for white noise.
    colour : tuple of tuples of float or None
        The same along all axes but the first, if it is only there that the noise is not white.
    stored : StoredNoise or None
        What it was before the image was stored as JPEG.
    """

    axes: tuple[tuple[float, ...], ...]
    sigmas: tuple[float, ...]
    autocorrelation: Rows | None = None
    colour: Rows | None = None
    stored: StoredNoise | None = None

    @staticmethod
    def equal(sigma: float, channels: int, autocorrelation: Rows | None = None) -> ChannelNoise:
        """Return noise of one level, independent between the channels. Three channels are taken as colours."""
        axes = OPPONENT if channels == 3 else tuple(tuple(row) for row in torch.eye(channels).tolist())
        return ChannelNoise(axes, (sigma,) * channels, autocorrelation)

    @staticmethod
    def of(covariance: Tensor, autocorrelation: Rows | None = None) -> ChannelNoise:
        """Return noise of a covariance [C, C] between the channels: its axes are those of the covariance, loudest first."""
        powers, directions = torch.linalg.eigh(covariance.double())
        loudest = max(float(powers[-1]), 0.0)
        sigmas = tuple(math.sqrt(max(power, loudest * _LEAST**2)) for power in powers.flip(0).tolist())
        return ChannelNoise(tuple(tuple(axis) for axis in directions.mT.flip(0).tolist()), sigmas, autocorrelation)

    @property
    def level(self) -> float:
        """Root mean square of the noise over the channels."""
        return math.sqrt(sum(sigma**2 for sigma in self.sigmas) / len(self.sigmas))

    @property
    def correlation_area(self) -> float:
        """Pixels to one independent value: the sum of the squared autocorrelation over all lags, 1 for white noise."""
        return 1.0 if self.autocorrelation is None else correlation_area(np.array(self.autocorrelation))

    @property
    def is_correlated(self) -> bool:
        """Whether neighbouring pixels share it."""
        return self.autocorrelation is not None

    def scaled(self, factor: float) -> ChannelNoise:
        """Return the same noise, so many times as strong."""
        return ChannelNoise(
            self.axes, tuple(factor * sigma for sigma in self.sigmas), self.autocorrelation, self.colour, self.stored
        )

    def rotate(self, image: Tensor) -> Tensor:
        """Return an image [C, H, W], or frames [C, F, H, W], in the axes."""
        return torch.einsum("ij,j...->i...", image.new_tensor(self.axes), image)

    def rotate_back(self, image: Tensor) -> Tensor:
        """Return an image in the axes in its channels."""
        return torch.einsum("ji,j...->i...", image.new_tensor(self.axes), image)

    def comparable(self, rotated: Tensor) -> Tensor:
        """Return what patches are compared in, [K, H, W].

        Colours with noise of one level are compared by luminance: the differences of colours have little signal and as much
        noise. Otherwise each axis counts by the inverse of its noise, within limits: the loudest may hold
        most of the image's detail.
        """
        if max(self.sigmas) == min(self.sigmas):
            return rotated[:1] if len(rotated) == 3 else rotated
        return torch.stack(
            [axis / max(s / max(self.sigmas), _WEIGHT_AT_MOST) for axis, s in zip(rotated, self.sigmas, strict=True)]
        )
