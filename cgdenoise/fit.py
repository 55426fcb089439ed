"""THE loop: fit a generator to measurements by gradient descent, average its outputs, keep the best, stop by itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cgdenoise.optimise import Optimiser, OptimiserSpec
from cgdenoise.stopping import StoppingRule
from cgdenoise.types import Evaluation, FitResult, Step, StopReason

Observer = Callable[[Step], None]


def identity(image: Tensor) -> Tensor:
    """Return the image: the forward operator of denoising."""
    return image


@dataclass(frozen=True)
class Problem:
    """Measurements, how they come from an image, and which of them the fit may see.

    Attributes
    ----------
    y : Tensor
        The measurements, float32; for denoising the image itself, [1, C, H, W]. Finite everywhere, also where both weights are 0.
    training, held_out : Tensor
        Weights of the measurements in the loss and in the held-out error, of `y`'s shape, 0 or 1.
    forward : callable
        The forward operator, from an image [1, C, H, W] to `y`'s shape.
    """

    y: Tensor
    training: Tensor
    held_out: Tensor
    forward: Callable[[Tensor], Tensor] = identity


def hold_out(valid: Tensor, fraction: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Split the pixels into those that are fitted and those that judge.

    Parameters
    ----------
    valid : Tensor
        [1, C, H, W], 1 where a value was measured and 0 where it is missing.
    fraction : float
        Share of the pixels to hold out, 0 to 1. A pixel is held out whole, in all its channels: they may share noise. At
        least one is if `fraction` is above 0.
    rng : torch.Generator
        On the CPU.

    Returns
    -------
    training, held_out : Tensor
        Weights of `valid`'s shape; they add up to `valid`.
    """
    measured = valid.amax(dim=1).flatten().nonzero().flatten()
    count = min(max(1, round(fraction * len(measured))), len(measured) - 1) if fraction > 0 else 0
    chosen = measured[torch.randperm(len(measured), generator=rng)[:count]]
    mask = torch.zeros(valid.shape[2:]).flatten().index_fill(0, chosen, 1.0).view(1, 1, *valid.shape[2:])
    return valid * (1 - mask), valid * mask


def fit(
    generator: nn.Module,
    problem: Problem,
    *,
    optimiser: OptimiserSpec,
    stop: StoppingRule,
    max_iterations: int,
    averaging: float = 0.0,
    every: int = 10,
    observers: Sequence[Observer] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> FitResult:
    """Fit the generator's weights to the measurements: min over C of the training pixels' ||A G(C) - y||².

    The early-stopped least-squares fit of Heckel & Soltanolkotabi (ICLR 2020, arXiv 1910.14634), with averaging over
    the iterates: the kept picture is the exponential moving average of the outputs, which loses the noise of the single
    iterates and has a wide, flat optimum.

    Parameters
    ----------
    generator : nn.Module
        Called without arguments it returns the image, [1, C, H, W]. Its weights are changed.
    problem : Problem
        What to fit.
    optimiser : OptimiserSpec
        How to step.
    stop : StoppingRule
        Judges every evaluation: which output to keep, and when to end.
    max_iterations : int
        At most so many.
    averaging : float
        Decay of the moving average an iteration, 0 <= averaging < 1; 0 keeps the plain iterate.
    every : int
        Iterations between evaluations. The first and the last iteration of the budget are evaluated too.
    observers : sequence of callables
        Each sees every evaluation before it is judged.
    cancelled : callable
        Asked at each iteration; True ends the fit and keeps the best output so far.

    Returns
    -------
    FitResult
        With the output of the chosen iteration. A loss that is not finite ends the fit with the best finite output.
    """
    start = time.perf_counter()
    monitor = stop.monitor()
    step = Optimiser(optimiser, generator.parameters()).step
    training_count, held_out_count = float(problem.training.sum()), float(problem.held_out.sum())
    average = torch.zeros(())
    history: list[Evaluation] = []
    best: Step | None = None
    reason: StopReason | None = None

    for iteration in range(1, max_iterations + 1):
        image = generator()
        loss = ((problem.forward(image) - problem.y).square() * problem.training).sum() / training_count
        output = image.detach()
        average = output + averaging * (average - output)  # unbiased by the division below
        if cancelled():
            reason = StopReason.INTERRUPTED
        if iteration == 1 or iteration % every == 0 or iteration == max_iterations or reason:
            now = _evaluate(iteration, loss, average / (1 - averaging**iteration), problem, training_count, held_out_count)
            if not math.isfinite(now.evaluation.loss + now.evaluation.residual):
                reason = StopReason.NOT_FINITE
                break
            history.append(now.evaluation)
            for observer in observers:
                observer(now)
            verdict = monitor.observe(now.evaluation)
            if verdict.keep or best is None:
                best = now
            reason = reason or verdict.stop
            if reason:
                break
        loss.backward()  # type: ignore[no-untyped-call]
        step()

    if best is None:
        best = Step(Evaluation(1, math.nan, math.nan, math.nan), torch.zeros_like(output))
    return FitResult(
        image=best.image,
        chosen=best.evaluation,
        reason=reason or StopReason.BUDGET,
        history=tuple(history),
        seconds=time.perf_counter() - start,
    )


def _evaluate(
    iteration: int, loss: Tensor, averaged: Tensor, problem: Problem, training_count: float, held_out_count: float
) -> Step:
    """Measure the averaged output. The only place where the loop waits for the device."""
    squares = (problem.forward(averaged) - problem.y).square()
    residual = (squares * problem.training).sum() / training_count
    held_out = (squares * problem.held_out).sum() / held_out_count if held_out_count else residual.new_tensor(math.nan)
    numbers = torch.stack([loss.detach(), residual, held_out]).tolist()
    return Step(Evaluation(iteration, *numbers), averaged)
