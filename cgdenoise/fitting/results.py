"""What a fit reports: which it is, the numbers of one evaluation, the reason it stopped, its result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class StopReason(StrEnum):
    """Why a fit ended."""

    HELD_OUT = "held-out"  # the error on held-out pixels no longer improves
    NOISE_LEVEL = "noise-level"  # the residual has come down to the noise level
    BUDGET = "budget"  # the iterations are spent
    NOT_FINITE = "not-finite"  # the loss overflowed
    INTERRUPTED = "interrupted"  # the caller asked for an end


@dataclass(frozen=True)
class FitLabel:
    """Which fit of a restoration.

    Attributes
    ----------
    index : int
        Its number, from 0; with the user's seed it determines the generator's random numbers.
    group : int
        Number of the first of the fits that are made together with this one.
    depth : int
        Levels of the generator.
    attempt : int
        0, or how many fits failed before this one in its place.
    probe : bool
        Whether it only helps to choose the depth.
    max_iterations : int
        Its budget.
    warm : bool
        Whether it started from the weights of the frame before.
    """

    index: int
    group: int
    depth: int
    attempt: int
    probe: bool
    max_iterations: int
    warm: bool = False


@dataclass(frozen=True)
class Evaluation:
    """The state of a fit at one iteration. Errors are mean squares over the pixels, in the units of the data being fitted.

    Attributes
    ----------
    iteration : int
        Number of the iterate, from 1; the iterate of iteration 1 has the initial weights.
    loss : float
        Error of the iterate on the training pixels.
    residual : float
        Error of the averaged output on the training pixels.
    held_out : float
        Error of the averaged output on the held-out pixels.
    """

    iteration: int
    loss: float
    residual: float
    held_out: float


@dataclass(frozen=True)
class Step:
    """What an observer sees: an evaluation and the averaged output it was taken on, [1, C, H, W], detached."""

    evaluation: Evaluation
    image: Tensor


@dataclass(frozen=True)
class FitResult:
    """Outcome of one fit.

    Attributes
    ----------
    image : Tensor
        [1, C, H, W]: the averaged output at the chosen iteration.
    chosen : Evaluation
        The evaluation at the iteration whose output was kept.
    reason : StopReason
        Why the fit ended.
    history : tuple of Evaluation
        All evaluations, in order; the last one is where the fit ended.
    seconds : float
        Wall time of the fit.
    """

    image: Tensor
    chosen: Evaluation
    reason: StopReason
    history: tuple[Evaluation, ...]
    seconds: float
