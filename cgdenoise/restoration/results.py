"""What a restoration returns and what its observers see: the same for denoising and for reconstruction."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from cgdenoise.errors import CgDenoiseError
from cgdenoise.fitting.ensemble import Member
from cgdenoise.fitting.results import FitLabel, Step, StopReason
from cgdenoise.noise import NoiseModel

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
        Returns the fit's averaged output as float64, in the shape and the units of the input; of a trial, the part of
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
    collapsed: bool
    seconds: float


@dataclass(frozen=True)
class RestoredPart:
    """An estimate that a result was mixed from: its name, one of `guide.Part`'s, and its share.

    `image` makes it, float64, in the shape and the units of the input.
    """

    name: str
    image: Callable[[], Array]
    weight: float


@dataclass(frozen=True)
class RestorationResult:
    """How a restoration went.

    Attributes
    ----------
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
        Whether `cancelled` ended it early.
    device : str
        Where it ran.
    seconds : float
        Wall time.
    warnings : tuple of str
        What the user should know of how the result came about: one sentence each.
    """

    noise: NoiseModel
    sigma_estimated: bool
    depth: int
    fits: tuple[FitSummary, ...]
    parts: tuple[RestoredPart, ...]
    interrupted: bool
    device: str
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def sigma(self) -> float:
        """Standard deviation of the noise, in the image's units."""
        return self.noise.sigma


class Denoised(NamedTuple):
    """The restored image, float64, in the input's shape and units; and how it came about."""

    image: Array
    result: RestorationResult


class RestorationError(CgDenoiseError):
    """Every fit collapsed. `best` is the least bad finite image, in the input's shape and units; `result` how it came."""

    def __init__(self, message: str, best: Array, result: RestorationResult) -> None:
        super().__init__(message)
        self.best = best
        self.result = result


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
        collapsed=member.collapsed,
        seconds=result.seconds,
    )
