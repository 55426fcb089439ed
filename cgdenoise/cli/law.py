"""What the commands for measurements are told of the noise besides its level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cgdenoise.errors import OptionError
from cgdenoise.names import MeasuredNoise

if TYPE_CHECKING:
    from cgdenoise.problems.counts import CountNoise


@dataclass(frozen=True)
class Law:
    """The options; `with_shared_options` gives them to a command."""

    noise: Annotated[
        MeasuredNoise,
        typer.Option(
            help="gaussian: of one level; poisson: counts, whose variance grows with their mean; --sigma is what comes on top.",
            metavar="KIND",
        ),
    ] = MeasuredNoise.GAUSSIAN
    gain: Annotated[
        float | None,
        typer.Option(
            help="What one count of Poisson noise adds to a value. Not given: estimated in pictures, else 1 for whole numbers."
        ),
    ] = None
    outliers: Annotated[
        bool,
        typer.Option(
            "--outliers", help="Leave out measurements that are far off, as dead detectors and spikes make them: a tenth at most."
        ),
    ] = False

    def __post_init__(self) -> None:
        if self.gain is not None and not (math.isfinite(self.gain) and self.gain > 0):
            raise OptionError(f"--gain {self.gain}; expected a finite number above 0")
        if self.gain is not None and not self.is_of_counts:
            raise OptionError("--gain without --noise poisson")

    @property
    def is_of_counts(self) -> bool:
        """Whether it is Poisson noise."""
        return self.noise is MeasuredNoise.POISSON

    def counts(self, sigma: float | None) -> CountNoise | None:
        """Return the noise of counts, with Gaussian noise on top, if it is that."""
        from cgdenoise.problems.counts import CountNoise

        return CountNoise(self.gain, sigma or 0.0) if self.is_of_counts else None
