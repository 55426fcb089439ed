"""Stop when the residual has come down to the noise level."""

from __future__ import annotations

from dataclasses import dataclass

from cgdenoise.fitting.results import Evaluation, StopReason
from cgdenoise.fitting.stopping.base import Verdict


@dataclass(frozen=True)
class NoiseLevel:
    """The discrepancy principle: a fit closer to the data than the noise is fits the noise (Morozov, 1966).

    Attributes
    ----------
    sigma : float
        Standard deviation of the noise, in the units of the data being fitted. 0 runs to the end of the iterations.
    """

    sigma: float

    def monitor(self) -> NoiseLevel:
        """Return the rule itself: it has no state."""
        return self

    def observe(self, evaluation: Evaluation) -> Verdict:
        """Stop at the first averaged output whose residual is at or below σ²; until then the latest is the best."""
        reached = evaluation.residual <= self.sigma**2
        return Verdict(keep=True, stop=StopReason.NOISE_LEVEL if reached else None)
