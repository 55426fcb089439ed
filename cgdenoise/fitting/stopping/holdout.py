"""Stop when the error on held-out pixels says that the fit has begun to follow the noise."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from cgdenoise.fitting.results import Evaluation, StopReason
from cgdenoise.fitting.stopping.base import Verdict


def predicted_error(evaluation: Evaluation, sigma: float) -> float:
    """Estimate the error of the averaged output on fresh noisy copies of the pixels it was fitted to.

    The held-out error alone stops too early where neighbours predict a pixel badly: it is the error of an output that
    has not seen the pixel, while the picture that is kept has seen nearly all of its pixels. The two are related by the
    leverage h, the share that a pixel's own value has in its restoration: for a linear smoother, leaving a pixel out
    gives it the error residual / (1 - h)² (the identity behind cross-validation; Golub, Heath and Wahba,
    Technometrics 1979), and the error on a fresh copy is residual + 2 h σ² (Mallows' Cp; Stein's unbiased risk
    estimate less its constant). So h follows from the two errors that the fit measures, and needs no derivative of
    the generator.

    Parameters
    ----------
    evaluation : Evaluation
        Its `residual` and `held_out` are used.
    sigma : float
        Standard deviation of the noise, in the units of the data. It is capped by the held-out error, which contains it.

    Returns
    -------
    float
        Mean squared error, in the units of the data squared. The held-out error where there is no leverage.
    """
    if evaluation.residual >= evaluation.held_out:
        return evaluation.held_out
    return evaluation.residual + 2 * leverage(evaluation) * min(sigma**2, evaluation.held_out)


def leverage(evaluation: Evaluation) -> float:
    """Return the share, 0 to 1, that a pixel's own value has in its restoration (see `predicted_error`).

    0 where the held-out error does not exceed the residual, or nothing was held out.
    """
    if not evaluation.held_out > evaluation.residual:
        return 0.0
    return 1 - math.sqrt(evaluation.residual / evaluation.held_out)


@dataclass(frozen=True)
class HoldOut:
    """Keep the output of least predicted error; stop when it has not improved for a while.

    Attributes
    ----------
    patience : int
        Iterations without improvement after which the fit ends.
    sigma : float
        Noise level, in the units of the data, for `predicted_error`. 0 judges by the held-out error alone.
    slack : float
        How far above its minimum the held-out error of a kept output may lie, as a ratio. It bounds the harm of a wrong σ.
        By hand; half,
        twice and no bound were the same on the images of "Constants of the fits" in benchmarks/NOTES.md.
    """

    patience: int
    sigma: float = 0.0
    slack: float = 0.01

    def monitor(self) -> HoldOutMonitor:
        """Start watching a run."""
        return HoldOutMonitor(self)


@dataclass
class HoldOutMonitor:
    """One run's state: the best iteration so far, by its predicted error, and the least held-out error."""

    rule: HoldOut
    iteration: int = 0
    score: float = field(default=math.inf)
    least_held_out: float = field(default=math.inf)

    def observe(self, evaluation: Evaluation) -> Verdict:
        """Judge an evaluation by its predicted error, as long as its held-out error is near the least."""
        self.least_held_out = min(self.least_held_out, evaluation.held_out)
        score = predicted_error(evaluation, self.rule.sigma) if self.rule.sigma else evaluation.held_out
        if score < self.score and evaluation.held_out <= self.least_held_out * (1 + self.rule.slack):
            self.score, self.iteration = score, evaluation.iteration
            return Verdict(keep=True)
        exhausted = evaluation.iteration - self.iteration >= self.rule.patience
        return Verdict(keep=False, stop=StopReason.HELD_OUT if exhausted else None)
