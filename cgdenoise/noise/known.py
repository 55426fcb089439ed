"""What the user knows of the noise, before anything is measured."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from cgdenoise.errors import OptionError
from cgdenoise.noise.model import NoiseKind


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
    offset : float
        Value of a pixel that has received no light, in the image's units, for Poisson noise.

    Raises
    ------
    OptionError
        If a number is out of its range, or there is no such kind.
    """

    kind: str | NoiseKind = NoiseKind.AUTO
    sigma: float | None = None
    gain: float | None = None
    offset: float = 0.0

    def __post_init__(self) -> None:
        if self.sigma is not None and not (math.isfinite(self.sigma) and self.sigma >= 0):
            raise OptionError(f"sigma {self.sigma}; expected a finite number, 0 or above")
        if self.gain is not None and not (math.isfinite(self.gain) and self.gain > 0):
            raise OptionError(f"gain {self.gain}; expected a finite number above 0")
        if not math.isfinite(self.offset):
            raise OptionError(f"offset {self.offset}; expected a finite number")
        if self.kind not in list(NoiseKind):
            raise OptionError(f"noise {str(self.kind)!r}; expected one of {', '.join(NoiseKind)}")

    @property
    def is_told(self) -> bool:
        """Whether the user told what noise it is: it is then doubted, but assumed."""
        return self.kind != NoiseKind.AUTO or self.sigma is not None or self.gain is not None

    def in_unit(self, offset: float, factor: float) -> KnownNoise:
        """Return the same of the image (x - offset) / factor."""
        return replace(
            self,
            sigma=None if self.sigma is None else self.sigma / factor,
            gain=None if self.gain is None else self.gain / factor,
            offset=(self.offset - offset) / factor,
        )
