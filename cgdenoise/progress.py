"""How far a restoration is, and how it is ended: what the stages that take long call as they go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cgdenoise.fitting.results import FitLabel

Tick = Callable[[float], None]
"""What a stage calls several times a second, with the pixels that it has filtered since the last call. May raise `Cancelled`."""

_FILTER = 30.0
"""Iterations of a fit that take as long as one filter of the same image: 1.2 s for 256x256 pixels in colour on one core, where an
iteration takes 0.03 s. Where products in bfloat16 are slow it takes 0.25 s more, and then this says too much."""


class Cancelled(Exception):  # noqa: N818 - no error: somebody asked for it
    """Ends a stage that was asked to end. Who runs the stages catches it, and goes on with what there is without this one."""


def no_tick(pixels: float) -> None:
    """Tell nobody, and never end."""


@dataclass(frozen=True)
class Progress:
    """The work of a restoration.

    Attributes
    ----------
    stage : str
        What is being done.
    done, left : float
        Work done so far, and to come at most, over all stages; in iterations of a fit.
    detail : str
        More of it, where there is room.
    """

    stage: str
    done: float
    left: float
    detail: str = ""


class Meter:
    """Adds up the work of a restoration: of the fits, and of the stages that follow them one after the other.

    Parameters
    ----------
    iterations : int
        Of all fits together, at most.
    stages : mapping
        The pixels that each of the stages will filter, at most; in their order.
    area : int
        Pixels of the image.
    report : callable
        Sees each step.
    cancelled : callable
        Asked at each step after the fits; True ends the stage.
    """

    def __init__(
        self,
        iterations: int,
        stages: Mapping[str, int],
        area: int,
        report: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._most, self._report, self._cancelled = iterations, report, cancelled
        self._of_a_pixel = _FILTER / area
        self._left = {name: self._of_a_pixel * pixels for name, pixels in stages.items()}
        self._iterations: dict[FitLabel, int] = {}
        self._done = 0.0

    def fitted(self, label: FitLabel, iteration: int) -> None:
        """Tell how far a fit is."""
        self._done += iteration - self._iterations.get(label, 0)
        self._iterations[label] = iteration
        # The groups before have stopped: what they left of their budgets need not be spent.
        stopped = {fit: made for fit, made in self._iterations.items() if fit.group != label.group}
        spared = sum(fit.max_iterations - made for fit, made in stopped.items())
        left = max(self._most - spared - self._done, 0.0) + sum(self._left.values())
        kind = "trial" if label.trial else "fit"
        self._report(Progress(f"{kind} {label.group + 1} at depth {label.depth}", self._done, left, f"iteration {iteration}"))

    def tick(self, stage: str) -> Tick:
        """Return what a stage calls. It begins with that: the stages before have ended."""
        names = list(self._left)
        ahead = names[names.index(stage) :] if stage in names else []
        self._left = {stage: 0.0} | {name: self._left[name] for name in ahead}

        def tick(pixels: float) -> None:
            if self._cancelled():
                raise Cancelled
            work = self._of_a_pixel * pixels
            self._done += work
            self._left[stage] = max(self._left[stage] - work, 0.0)
            self._report(Progress(stage, self._done, sum(self._left.values())))

        return tick
