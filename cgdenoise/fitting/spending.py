"""How much of their budget an image's fits have spent."""

from __future__ import annotations

from cgdenoise.fitting.results import FitLabel


class Spending:
    """The iterations of an image's fits, past and future.

    Parameters
    ----------
    most : int
        Of all fits together.
    """

    def __init__(self, most: int) -> None:
        self._most, self._spent = most, 0
        self._iterations: dict[FitLabel, int] = {}

    def spend(self, label: FitLabel, iteration: int) -> tuple[int, int]:
        """Record how far a fit is; return its iterations since the last call, and how many remain for all fits at most."""
        advance = iteration - self._iterations.get(label, 0)
        self._spent += advance
        self._iterations[label] = iteration
        # The groups before have stopped: what remains of their budgets need not be spent.
        stopped = {fit: last for fit, last in self._iterations.items() if fit.group != label.group}
        spared = sum(fit.max_iterations - last for fit, last in stopped.items())
        return advance, max(self._most - spared - self._spent, 0)
