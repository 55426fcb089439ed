"""THE loop: fit a generator to measurements by gradient descent, average its outputs, keep the best, stop by itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from cgdenoise.fitting.optimiser import Optimiser, OptimiserSpec
from cgdenoise.fitting.results import Evaluation, FitResult, Step, StopReason
from cgdenoise.fitting.stopping import Monitor, StoppingRule
from cgdenoise.runtime import choose_dtype

Observer = Callable[[int, Step], None]
"""Takes the number of a member and its evaluation."""


Forward = Callable[[Tensor], Tensor]
"""A forward operator: from images [M, C, H, W] to measurements [M, ...]."""


def identity(image: Tensor) -> Tensor:
    """Return the image: the forward operator of denoising."""
    return image


@dataclass(frozen=True)
class Problem:
    """Measurements, how they come from an image, and which of them the fit may see.

    Attributes
    ----------
    y : Tensor
        The measurements, float32 or complex64; [M, ...] for M members, or [1, ...] if they all have the same. For denoising
        they are the image itself, [M, C, H, W]. Finite everywhere, also where both weights are 0.
    training, held_out : Tensor
        Weights of the measurements in the loss and in the held-out error, 0 or 1, real, [M, ...]: each member has its own.
    forward : callable
        The forward operator, from images [M, C, H, W] to measurements [M, ...].
    """

    y: Tensor
    training: Tensor
    held_out: Tensor
    forward: Forward = identity


@dataclass(frozen=True)
class Schedule:
    """How long a fit may go on, how its outputs are averaged, and how often they are evaluated.

    Attributes
    ----------
    max_iterations : int
        Its budget.
    averaging : float
        Share of the run that the average looks back over, roughly: iterate i enters it with the weight
        1 / (1 + averaging * (i - 1)). 0 keeps the plain iterate, 1 the mean of all.
    every : int
        Iterations between evaluations; 5 is by hand. The first and the last iteration of the budget are evaluated too.
    """

    max_iterations: int
    averaging: float = 0.0
    every: int = 5

    def evaluates(self, iteration: int) -> bool:
        """Tell whether an iteration, from 1, is evaluated."""
        return iteration % self.every == 0 or iteration in (1, self.max_iterations)


def fit(
    generator: nn.Module,
    problem: Problem,
    *,
    optimiser: OptimiserSpec,
    stop: StoppingRule,
    schedule: Schedule,
    observers: Sequence[Observer] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[FitResult, ...]:
    """Fit the weights of one or more generators to the measurements: min over C of ||A G(C) - y||² on the training data.

    The early-stopped least-squares fit of Heckel & Soltanolkotabi (ICLR 2020, arXiv 1910.14634), with averaging over the
    iterates: the picture that is kept is the average of the outputs so far, in which older ones weigh less (polynomial-decay
    averaging; Shamir & Zhang, ICML 2013). It loses the noise of single iterates and has a wide, flat optimum.

    Parameters
    ----------
    generator : nn.Module
        Called without arguments it returns the images of its M members, [M, C, H, W]. Its weights, which the members do not
        share, are changed.
    problem : Problem
        What to fit.
    optimiser, schedule : OptimiserSpec, Schedule
        How to step, and how long.
    stop : StoppingRule
        Judges every evaluation of a member: which output to keep, and when to end. The fit ends with its last member.
    observers : sequence of callables
        Each sees the number of the member and its evaluation, before it is judged.
    cancelled : callable
        Asked at each iteration; True ends the fit and keeps the best outputs so far.

    Returns the result of each member. A loss that is not finite ends it with its best finite output.
    """
    start = time.perf_counter()
    step = Optimiser(optimiser, generator.parameters(), choose_dtype(problem.y.device)).step
    counts = _Counts.of(problem)
    runs = [_Run(stop.monitor(), start) for _ in problem.training]
    average = torch.zeros(())

    for iteration in range(1, schedule.max_iterations + 1):
        images = generator()
        misfit = (problem.forward(images) - problem.y) * problem.training
        losses = _total(_squares(misfit)) / counts.training
        average = torch.lerp(average.to(images), images.detach(), 1 / (1 + schedule.averaging * (iteration - 1)))
        interrupted = cancelled()
        if schedule.evaluates(iteration) or interrupted:
            for member, evaluation in enumerate(_evaluate(iteration, losses, average, problem, counts)):
                see = [partial(observer, member) for observer in observers]
                runs[member].observe(Step(evaluation, average[member, None]), see, interrupted)
            if all(run.reason for run in runs):
                break
        losses.sum().backward()  # type: ignore[no-untyped-call]
        # Nothing of this iteration may outlive it: the next one reuses its memory, and else would ask for new pages.
        del images, misfit, losses
        step()

    return tuple(run.result(average[member, None]) for member, run in enumerate(runs))


@dataclass(frozen=True)
class _Counts:
    """How many values each member is fitted to and judged by, [M]."""

    training: Tensor
    held_out: Tensor

    @staticmethod
    def of(problem: Problem) -> _Counts:
        return _Counts(*(_total(weights) for weights in (problem.training, problem.held_out)))


@dataclass
class _Run:
    """One member's state: what its rule has seen, the best step so far, and why it ended."""

    monitor: Monitor
    start: float
    history: list[Evaluation] = field(default_factory=list)
    best: Step | None = None
    reason: StopReason | None = None
    seconds: float | None = None

    def observe(self, now: Step, observers: Sequence[Callable[[Step], None]], interrupted: bool) -> None:
        if self.reason is not None:
            return
        if not math.isfinite(now.evaluation.loss + now.evaluation.residual):
            self.end(StopReason.NOT_FINITE)
            return
        self.history.append(now.evaluation)
        for observer in observers:
            observer(now)
        verdict = self.monitor.observe(now.evaluation)
        if verdict.keep or self.best is None:
            self.best = now
        if verdict.stop or interrupted:
            self.end(verdict.stop or StopReason.INTERRUPTED)

    def end(self, reason: StopReason) -> None:
        self.reason = reason
        self.seconds = time.perf_counter() - self.start

    def result(self, like: Tensor) -> FitResult:
        if self.reason is None:
            self.end(StopReason.BUDGET)
        best = self.best or Step(Evaluation(1, math.nan, math.nan, math.nan), torch.zeros_like(like))
        assert self.reason is not None
        assert self.seconds is not None
        return FitResult(best.image, best.evaluation, self.reason, tuple(self.history), self.seconds)


def _evaluate(iteration: int, losses: Tensor, average: Tensor, problem: Problem, counts: _Counts) -> list[Evaluation]:
    """Measure the averaged outputs. The only place where the loop waits for the device."""
    squares = _squares(problem.forward(average) - problem.y)
    residual = _total(squares * problem.training) / counts.training
    held_out = _total(squares * problem.held_out) / counts.held_out  # 0 / 0 is NaN, as it should be
    numbers = torch.stack([losses.detach(), residual, held_out], dim=1).tolist()
    return [Evaluation(iteration, *of_member) for of_member in numbers]


def _squares(misfit: Tensor) -> Tensor:
    """Return |.|² of each number, real."""
    return torch.view_as_real(misfit).square().sum(-1) if misfit.is_complex() else misfit.square()


def _total(values: Tensor) -> Tensor:
    """Return each member's sum, [M]."""
    return values.sum(tuple(range(1, values.ndim)))
