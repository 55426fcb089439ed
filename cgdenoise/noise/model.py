"""What kind of noise an image has: the model that a restoration assumes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cgdenoise.names import NoiseKind as NoiseKind
from cgdenoise.noise.anscombe import GeneralisedAnscombe
from cgdenoise.noise.before_jpeg import StoredNoise
from cgdenoise.noise.correlation import NoiseCorrelation, correlation_area, correlation_length


class VarianceStabiliser(Protocol):
    """A law of noise, by the transform that makes it white Gaussian noise of standard deviation 1.

    `forward` takes an image's values, `inverse` expected values of `forward` back to expected values of the image, unbiased as
    far as that is known: real arrays of any shape, NaN stays NaN.
    """

    def forward(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return values whose noise is of level 1."""
        ...

    def inverse(self, estimates: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the image's values."""
        ...


@dataclass(frozen=True)
class NoiseModel:
    """The noise of one image, in its unit.

    Attributes
    ----------
    kind : NoiseKind
        Never `AUTO`.
    sigma : float
        Standard deviation of the Gaussian part, over all channels; of Poisson noise the root mean square of the whole noise.
    gain, offset, read_sigma : float
        Variance = gain * (mean - offset) + read_sigma². The gain is 0 where the noise does not depend on the brightness.
    covariance : (C, C) array or None
        Of the noise between channels, where they share it.
    autocorrelation : (K, K) array or None
        At distances of 0 to K - 1 pixels down and across, 1 at (0, 0); None for white noise.
    colour : (K, K) array or None
        The same of the differences of colours alone, in the axes of `colour.OPPONENT`, where JPEG made only their noise coarse;
        `covariance` is then diagonal in these axes.
    stored : StoredNoise or None
        Of an image that was stored as JPEG, the noise before if that was white; `sigma` and `covariance` are of what is left of
        it. If there is an `autocorrelation` as well, the noise may have been coarse instead, and `sigma` is that of coarse noise.
    evident : bool
        Of correlated noise: whether it is beyond doubt (`NoiseCorrelation.is_evident`), and weak.
    shared : float or None
        Of correlated noise: largest correlation of two channels, 0 to 1, at the finest frequencies; None where there is but one.
    has_own : bool
        Of correlated noise: whether each channel is known to have its own. No fit then tells the level better.
    impulses : (H, W, C) array of bool
        Values that are impulses and count as missing.
    reasons : tuple of str
        Why, one sentence each.
    transform : VarianceStabiliser or None
        Of a law that is none of those above.
    """

    kind: NoiseKind
    sigma: float
    impulses: NDArray[np.bool_] = field(repr=False)
    gain: float = 0.0
    offset: float = 0.0
    read_sigma: float = 0.0
    covariance: NDArray[np.float64] | None = None
    autocorrelation: NDArray[np.float64] | None = field(default=None, repr=False)
    colour: NDArray[np.float64] | None = field(default=None, repr=False)
    stored: StoredNoise | None = None
    evident: bool = False
    shared: float | None = None
    has_own: bool = False
    reasons: tuple[str, ...] = ()
    transform: VarianceStabiliser | None = None

    def in_unit(self, offset: float, factor: float) -> NoiseModel:
        """Return the model of (values - offset) / factor; of a law that is none of those above, nothing is known there."""
        return replace(
            self,
            sigma=self.sigma / factor,
            gain=self.gain / factor,
            offset=(self.offset - offset) / factor,
            read_sigma=self.read_sigma / factor,
            covariance=None if self.covariance is None else self.covariance / factor**2,
            stored=None if self.stored is None else self.stored.in_unit(factor),
            transform=None,
        )

    @staticmethod
    def of_stored(stored: StoredNoise, impulses: NDArray[np.bool_]) -> NoiseModel:
        """Return the model of an image that was stored as JPEG."""
        covariance = stored.covariance
        least = "" if stored.sigma > stored.hidden else "at most "
        noise = f"before, it had white noise of {least}{stored.level:.2g} of 255"
        reason = f"stored as JPEG of quality {stored.jpeg.quality}; {noise}"
        sigma = float(np.sqrt(np.trace(covariance) / len(covariance)))
        return NoiseModel(NoiseKind.GAUSSIAN, sigma, impulses, covariance=covariance, stored=stored, reasons=(reason,))

    def or_coarse(self, coarse: NoiseCorrelation, shared: float | None) -> NoiseModel:
        """Return the model of a stored image whose noise may have been coarse before instead of white."""
        reason = f"or coarse before: neighbours share it in flat places; independent from {coarse.length} pixels on"
        return replace(
            self,
            kind=NoiseKind.CORRELATED,
            sigma=coarse.sigma,
            covariance=None,
            autocorrelation=coarse.autocorrelation,
            shared=shared,
            reasons=(*self.reasons, reason),
        )

    @property
    def correlation_length(self) -> int:
        """Distance in pixels from which the noise of two pixels is independent; 0 for white noise."""
        return 0 if self.autocorrelation is None else correlation_length(self.autocorrelation)

    @property
    def correlation_area(self) -> float:
        """Pixels to one independent value of the noise; 1 for white noise."""
        return 1.0 if self.autocorrelation is None else correlation_area(self.autocorrelation)

    @property
    def stabiliser(self) -> VarianceStabiliser | None:
        """What makes the noise white Gaussian noise of level 1; None where its level is one already."""
        if self.transform is not None:
            return self.transform
        return GeneralisedAnscombe(self.gain, self.offset, self.read_sigma) if self.gain else None
