"""For exact measurements: stop when the held-out error has clearly risen."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cgdenoise.fitting.results import Evaluation, StopReason
from cgdenoise.fitting.stopping.base import Verdict


@dataclass(frozen=True)
class Plateau:
    """Keep the latest output while its held-out error is near the least; stop when it has been above that for a while.

    Without noise a fit hardly ever gets worse, while the error on a few held-out Fourier lines goes up and down by chance: only a
    clear rise counts. Where nothing is held out every output is kept.

    Attributes
    ----------
    patience : int
        Iterations without an output to keep after which the fit ends.
    slack : float
        How far above its minimum the held-out error (a mean square) of a kept output may lie, as a ratio. By hand; raised from
        0.1, so that fits of exact data go on longer. Not measured.
    """

    patience: int
    slack: float = 0.3

    def monitor(self) -> PlateauMonitor:
        """Start watching a run."""
        return PlateauMonitor(self)


@dataclass
class PlateauMonitor:
    """One run's state: the iteration that was kept last, and the least held-out error."""

    rule: Plateau
    iteration: int = 0
    least: float = math.inf

    def observe(self, evaluation: Evaluation) -> Verdict:
        """Keep the evaluation unless its held-out error is clearly above the least."""
        self.least = min(self.least, evaluation.held_out)
        if not evaluation.held_out > self.least * (1 + self.rule.slack):
            self.iteration = evaluation.iteration
            return Verdict(keep=True)
        exhausted = evaluation.iteration - self.iteration >= self.rule.patience
        return Verdict(keep=False, stop=StopReason.HELD_OUT if exhausted else None)
