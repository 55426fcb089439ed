"""What a stopping rule is: configuration that makes monitors, and a monitor that reads numbers and decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cgdenoise.fitting.results import Evaluation, StopReason


@dataclass(frozen=True)
class Verdict:
    """What a monitor says of an evaluation: keep this output as the best so far; end the fit, and why."""

    keep: bool
    stop: StopReason | None = None


class Monitor(Protocol):
    """The state of one run. A monitor sees numbers only: neither the image nor, ever, the ground truth."""

    def observe(self, evaluation: Evaluation) -> Verdict:
        """Judge the next evaluation; evaluations come in order and are finite."""
        ...


class StoppingRule(Protocol):
    """Reusable configuration: each run asks for a fresh monitor."""

    def monitor(self) -> Monitor:
        """Start watching a run."""
        ...
