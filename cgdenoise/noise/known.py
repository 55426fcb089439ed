"""What the user knows of the noise, before anything is measured."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import OptionError
from cgdenoise.noise.law import NoiseLaw
from cgdenoise.noise.model import NoiseKind, VarianceStabiliser


@dataclass(frozen=True)
class KnownNoise:
    """What is told of an image's noise; the rest is estimated.

    Attributes
    ----------
    kind : str or NoiseKind
        "auto" chooses the model from the image; "gaussian", "poisson", "poisson-gaussian", "impulse" or "correlated".
    sigma : float or None
        Standard deviation in the image's units (with Poisson noise, of its Gaussian part).
    gain : float or None
        What one count of Poisson noise adds to a value, in the image's units.
    offset : float or None
        Value of a pixel that has received no light, in the image's units, for Poisson noise; None estimates it.
    transform : VarianceStabiliser or None
        A law of one's own, as that of speckle, by the transform of the image's values that makes it white noise of level 1.
    law : NoiseLaw or None
        All of it, as `read_noise_law` reads it; nothing else is then told.

    Raises
    ------
    OptionError
        If a number is out of its range, there is no such kind, or a law is contradicted.
    """

    kind: str | NoiseKind = NoiseKind.AUTO
    sigma: float | None = None
    gain: float | None = None
    offset: float | None = None
    transform: VarianceStabiliser | None = None
    law: NoiseLaw | None = None

    def __post_init__(self) -> None:
        if self.sigma is not None and not (math.isfinite(self.sigma) and self.sigma >= 0):
            raise OptionError(f"sigma {self.sigma}; expected a finite number, 0 or above")
        if self.gain is not None and not (math.isfinite(self.gain) and self.gain > 0):
            raise OptionError(f"gain {self.gain}; expected a finite number above 0")
        if self.offset is not None and not math.isfinite(self.offset):
            raise OptionError(f"offset {self.offset}; expected a finite number")
        others = (self.sigma, self.gain, self.offset, self.transform)
        if self.law is not None and (self.kind != NoiseKind.AUTO or any(other is not None for other in others)):
            raise OptionError("a law of the noise and more that is told of it; expected one of them")
        if self.kind not in list(NoiseKind):
            raise OptionError(f"noise {str(self.kind)!r}; expected one of {', '.join(NoiseKind)}")

    @property
    def is_told(self) -> bool:
        """Whether the user told what noise it is: it is then doubted, but assumed."""
        return self.kind != NoiseKind.AUTO or any(told is not None for told in (self.sigma, self.gain, self.transform, self.law))

    @property
    def tells_level(self) -> bool:
        """Whether the level of the noise is known better than a fit could tell."""
        return self.sigma is not None or (self.law is not None and self.law.is_exact)

    def in_unit(self, offset: float, factor: float) -> KnownNoise:
        """Return the same of the image (x - offset) / factor."""
        return replace(
            self,
            sigma=None if self.sigma is None else self.sigma / factor,
            gain=None if self.gain is None else self.gain / factor,
            offset=None if self.offset is None else (self.offset - offset) / factor,
            transform=None if self.transform is None else _InUnit(self.transform, offset, factor),
            law=None if self.law is None else self.law.in_unit(offset, factor),
        )


@dataclass(frozen=True)
class _InUnit:
    """A transform of x as one of (x - offset) / factor."""

    transform: VarianceStabiliser
    offset: float
    factor: float

    def forward(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        return self.transform.forward(values * self.factor + self.offset)

    def inverse(self, estimates: NDArray[np.floating]) -> NDArray[np.float64]:
        return (self.transform.inverse(estimates) - self.offset) / self.factor
