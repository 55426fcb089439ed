"""The noise of a detector as a law that outlives the image it was measured in: for other images, and to be written down."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError
from cgdenoise.noise.correlation import correlation_length, noise_correlation
from cgdenoise.noise.estimate import patch_noise, shared_by_channels
from cgdenoise.noise.impulse import find_impulses
from cgdenoise.noise.independent import independent_noise
from cgdenoise.noise.model import NoiseKind, NoiseModel

Rows = tuple[tuple[float, ...], ...]
"""A matrix that cannot be changed, and is equal to another of the same numbers."""


@dataclass(frozen=True)
class NoiseLaw:
    """Noise as it is in all images of one detector, setting and unit: variance = gain * (mean - offset) + read_sigma².

    Impulses are not part of it; they are looked for in each image.

    Attributes
    ----------
    kind : NoiseKind
        GAUSSIAN, POISSON, POISSON_GAUSSIAN or CORRELATED: what a restoration makes of it.
    channels : int
        Of the images.
    sigma : float
        Root mean square of the noise over the image that it was measured in; everywhere the same where the gain is 0.
    gain, offset, read_sigma : float
        Of the line; the gain is 0 where the variance does not grow with brightness. A restoration takes correlated noise at its
        level, `sigma`, everywhere.
    covariance : tuple of tuples of float or None
        Between the channels, [C][C], where they share the noise.
    autocorrelation : tuple of tuples of float or None
        At distances in pixels down and across, from 1 at (0, 0); None for white noise.
    measured_by : str
        What told it: `IMAGE`, `SECOND_EXPOSURE` or `DARK_FRAMES`.
    """

    kind: NoiseKind
    channels: int
    sigma: float
    gain: float = 0.0
    offset: float = 0.0
    read_sigma: float = 0.0
    covariance: Rows | None = None
    autocorrelation: Rows | None = None
    measured_by: str = "image"

    @staticmethod
    def of(model: NoiseModel, autocorrelation: NDArray[np.float64], measured_by: str) -> NoiseLaw:
        """Return the law in a model of one image; the autocorrelation counts where the model's noise is correlated."""
        kind = NoiseKind.GAUSSIAN if model.kind is NoiseKind.IMPULSE else model.kind
        return NoiseLaw(
            kind,
            model.impulses.shape[2],
            model.sigma,
            model.gain,
            model.offset,
            model.read_sigma,
            None if model.covariance is None else rows(model.covariance),
            rows(autocorrelation) if model.correlation_length else None,
            measured_by,
        )

    @property
    def correlation_length(self) -> int:
        """Distance in pixels from which the noise of two pixels is independent; 0 for white noise."""
        if self.autocorrelation is None:
            return 0
        return correlation_length(np.array(self.autocorrelation))

    @property
    def is_exact(self) -> bool:
        """Whether more than one image told it, so that its level is not for the fit to correct."""
        return self.measured_by != IMAGE

    def variance(self, mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the variance of the noise at each brightness."""
        if not self.gain:
            return np.full(np.shape(mean), self.sigma**2)
        return self.gain * np.maximum(mean - self.offset, 0) + self.read_sigma**2

    def in_unit(self, offset: float, factor: float) -> NoiseLaw:
        """Return the same of images (x - offset) / factor."""
        return replace(
            self,
            sigma=self.sigma / factor,
            gain=self.gain / factor,
            offset=(self.offset - offset) / factor,
            read_sigma=self.read_sigma / factor,
            covariance=None if self.covariance is None else rows(np.array(self.covariance) / factor**2),
        )

    def model_of(self, values: NDArray[np.float64]) -> NoiseModel:
        """Return the model of the noise of one image under this law.

        Parameters
        ----------
        values : (H, W, C) array
            The image, in the law's unit; NaN where missing.

        Raises
        ------
        ImageError
            If it has another number of channels.
        """
        if values.shape[2] != self.channels:
            raise ImageError(f"{values.shape[2]} channels; expected {self.channels}, as the law of the noise has")
        impulses = find_impulses(values)
        reasons: tuple[str, ...] = (f"its law was given, as the {self.measured_by} told it",)
        if impulses.present:
            reasons += (f"impulses: {impulses.share:.1%} of the values have nothing to do with their neighbours",)
        if self.kind in (NoiseKind.POISSON, NoiseKind.POISSON_GAUSSIAN):
            level = math.sqrt(float(np.nanmean(self.variance(np.where(impulses.mask, np.nan, values)))))
            return NoiseModel(self.kind, level, impulses.mask, self.gain, self.offset, self.read_sigma, reasons=reasons)
        white = NoiseKind.IMPULSE if impulses.mask.any() else NoiseKind.GAUSSIAN
        covariance = None if self.covariance is None else np.array(self.covariance)
        model = NoiseModel(white, self.sigma, impulses.mask, covariance=covariance, reasons=reasons)
        if not self.correlation_length:
            return model
        noise = patch_noise(values)
        has_own = independent_noise(values, noise_correlation(values, noise)) is not None
        shared = 0.0 if has_own else shared_by_channels(noise)
        model = replace(model, kind=NoiseKind.CORRELATED, autocorrelation=np.array(self.autocorrelation))
        return replace(model, shared=shared, has_own=has_own)


IMAGE, SECOND_EXPOSURE, DARK_FRAMES = "image", "second exposure", "dark frames"
"""What may tell a law."""


def rows(matrix: NDArray[np.float64]) -> Rows:
    """Return a matrix as tuples of its rows."""
    return tuple(tuple(row) for row in matrix.tolist())
