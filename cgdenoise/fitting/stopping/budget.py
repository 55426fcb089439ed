"""Run to the end of the iterations."""

from __future__ import annotations

from dataclasses import dataclass

from cgdenoise.fitting.results import Evaluation
from cgdenoise.fitting.stopping.base import Verdict


@dataclass(frozen=True)
class Budget:
    """Keep the latest output; the loop's number of iterations ends the fit."""

    def monitor(self) -> Budget:
        """Return the rule itself: it has no state."""
        return self

    def observe(self, evaluation: Evaluation) -> Verdict:
        """Keep every evaluation, so that the last one stands."""
        return Verdict(keep=True)
