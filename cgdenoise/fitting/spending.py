"""How much of their budget an image's fits have spent."""

from __future__ import annotations

from cgdenoise.fitting.results import FitLabel


class Spending:
    """The iterations of an image's fits, made and to come.

    Parameters
    ----------
    most : int
        Of all fits together.
    """

    def __init__(self, most: int) -> None:
        self._most, self._made = most, 0
        self._iterations: dict[FitLabel, int] = {}

    def spend(self, label: FitLabel, iteration: int) -> tuple[int, int]:
        """Take down how far a fit is; return the iterations since the last call, and how many are left at most."""
        made = iteration - self._iterations.get(label, 0)
        self._made += made
        self._iterations[label] = iteration
        # The groups before have stopped: what they left of their budgets need not be spent.
        stopped = {fit: last for fit, last in self._iterations.items() if fit.group != label.group}
        spared = sum(fit.max_iterations - last for fit, last in stopped.items())
        return made, max(self._most - spared - self._made, 0)
