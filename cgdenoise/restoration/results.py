"""What a restoration returns and what its observers see: the same for denoising and for reconstruction."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from cgdenoise.errors import CgDenoiseError
from cgdenoise.fitting.members import Member
from cgdenoise.fitting.results import FitLabel, Step, StopReason
from cgdenoise.fitting.warm import Start
from cgdenoise.names import counted, made_of
from cgdenoise.noise import NoiseModel
from cgdenoise.restoration.evidence import Evidence
from cgdenoise.restoration.units import Scale

Array = NDArray[Any]


@dataclass(frozen=True)
class Snapshot:
    """An evaluation during a restoration, in the image's units; with noise of Poisson's kind, errors in those of the noise.

    Attributes
    ----------
    label : FitLabel
        Which fit.
    iteration : int
        Of that fit.
    train_rms, residual_rms, held_out_rms : float
        Root mean square errors: of the iterate and of the averaged output on the training pixels, and of the averaged
        output on the held-out pixels (NaN without any).
    image : callable
        Returns the fit's averaged output as float64, in the shape and the units of the input; of a probe fit, the part of
        the image that it sees.
    """

    label: FitLabel
    iteration: int
    train_rms: float
    residual_rms: float
    held_out_rms: float
    image: Callable[[], Array]


@dataclass(frozen=True)
class FitSummary:
    """How one fit of a restoration went; errors are root mean squares in the image's units."""

    label: FitLabel
    reason: StopReason
    iteration: int
    last_iteration: int
    held_out_rms: float
    residual_rms: float
    weight: float
    failed: bool
    seconds: float


@dataclass(frozen=True)
class RestoredPart:
    """An estimate that a result was mixed from: its name, one of `mixture.Part`'s, and its share.

    `image` makes it, float64, in the shape and the units of the input; None where it was not kept, for the image was too large.
    """

    name: str
    image: Callable[[], Array] | None
    weight: float


@dataclass(frozen=True, repr=False)
class Restoration:
    """A restored image and how it came about: of `denoise` and of `reconstruct`, and of whatever is built on them.

    Attributes
    ----------
    image : array
        float64, in the shape and the units of the input; of a reconstruction in the operator's `in_shape`, or complex128.
    noise : NoiseModel
        The noise that was assumed, in the image's units, and why.
    sigma_estimated : bool
        Whether its level was estimated from the image.
    depth : int
        Chosen depth of the generator; 0 if there was nothing to fit.
    fits : tuple of FitSummary
        In the order they ran. Empty for a constant image, which is given back as it is.
    parts : tuple of RestoredPart
        What the result was mixed from, each with its share; what it was made from has a share of 0.
    interrupted : bool
        Whether the caller ended it early.
    device : str
        Where it ran.
    seconds : float
        Wall time.
    warnings : tuple of str
        What the user should know of how the result came about: one sentence each.
    scale : Scale or None
        Of a reconstruction, what was divided out: the generator was fitted to (image - offset) / factor; parts of complex numbers
        count as real ones.
    evidence : Evidence or None
        What the measurements say of a reconstruction, in their unit; None if it is constant, or no fit had time to come out.
    tiles : int
        In how many the image was restored, because it was too large for the memory; 0 if as a whole.
    start : Start or None
        What the fit of the next frame may start from.
    tiles_left : int
        How many of them stayed as they were, for the caller ended it early.
    """

    image: Array
    noise: NoiseModel
    sigma_estimated: bool
    depth: int
    fits: tuple[FitSummary, ...]
    parts: tuple[RestoredPart, ...]
    interrupted: bool
    device: str
    seconds: float
    warnings: tuple[str, ...] = ()
    scale: Scale | None = None
    evidence: Evidence | None = None
    tiles: int = 0
    start: Start | None = None
    tiles_left: int = 0

    @property
    def sigma(self) -> float:
        """Standard deviation of the noise, in the image's units."""
        return self.noise.sigma

    def __repr__(self) -> str:
        origin = "estimated" if self.sigma_estimated else "given"
        fits = counted(sum(fit.weight > 0 for fit in self.fits), len(self.fits))
        lines = [
            f"image {self.image.shape}, {self.image.dtype}",
            f"noise {self.noise.kind}, sigma {self.sigma:.4g} ({origin})",
            f"made of {made_of([(part.name, part.weight) for part in self.parts])} ({fits}, depth {self.depth})",
            f"{'interrupted after ' if self.interrupted else ''}{self.seconds:.1f} s on {self.device}",
        ]
        return "\n  ".join(["Restoration", *lines, *(f"warning: {warning}" for warning in self.warnings)])


class RestorationError(CgDenoiseError):
    """No fit came near the data. `best` is the least bad finite result."""

    def __init__(self, message: str, best: Restoration) -> None:
        super().__init__(message)
        self.best = best


def snapshot_of(label: FitLabel, step: Step, factor: float, image: Callable[[], Array]) -> Snapshot:
    """Return an evaluation of a fit with its errors multiplied by a factor, which takes them to the user's units."""
    now = step.evaluation
    train, residual, held_out = (factor * math.sqrt(error) for error in (now.loss, now.residual, now.held_out))
    return Snapshot(label, now.iteration, train, residual, held_out, image)


def summary_of(member: Member, factor: float) -> FitSummary:
    """Return how a fit went, with its errors multiplied by a factor."""
    result = member.result
    return FitSummary(
        label=member.label,
        reason=result.reason,
        iteration=result.chosen.iteration,
        last_iteration=result.history[-1].iteration if result.history else 0,
        held_out_rms=factor * math.sqrt(result.chosen.held_out),
        residual_rms=factor * math.sqrt(result.chosen.residual),
        weight=member.weight,
        failed=member.failed,
        seconds=result.seconds,
    )
