"""How far a restoration is, and how it is ended: what the stages that take long call as they go."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Tick = Callable[[float], None]
"""What a filter calls several times a second, with the pixels that it has filtered since the last call. May raise `Cancelled`."""

FILTER = 6.0
"""Iterations of a fit that take as long as one filter of the same image, with the compiled kernels: 5 to 7 at 256x256 pixels in
colour, where the processor multiplies bfloat16 itself."""

_VOLUME = 10.0
"""Times as dear, beside a filter, as in two dimensions an iteration in three is. By how long the stages of two volumes took."""


class Cancelled(Exception):  # noqa: N818 - no error: somebody asked for it
    """Ends a stage that was asked to end. Who runs the stages catches it, and goes on with what there is without this one."""


def filtered_at_a_time(in_shape: tuple[int, ...]) -> float:
    """Return how many pixels are filtered in the time of `FILTER` iterations of a fit to an image [C, *size].

    Patches are compared once and filtered in each channel, which takes as long; a fit takes the same with any number of them. Of
    256² in grey a filter took 0.45 to 0.5 of the time that its iterations for colours would have, with two channels 0.87.
    """
    return math.prod(in_shape[1:]) * 4 / (1 + in_shape[0]) * (_VOLUME if len(in_shape) > 3 else 1.0)


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
        Work done so far, and to come as far as one can tell, over all stages; in iterations of a fit.
    detail : str
        More of it, where there is room.
    """

    stage: str
    done: float
    left: float
    detail: str = ""


class Meter:
    """Adds up the work of a restoration, stage after stage; its unit is an iteration of a fit.

    Parameters
    ----------
    area : float
        Pixels of the image; those that are filtered in `FILTER` iterations.
    report : callable
        Sees each step.
    cancelled : callable
        Asked at each `tick`.
    """

    def __init__(self, area: float, report: Callable[[Progress], None], cancelled: Callable[[], bool]) -> None:
        self._of_a_pixel, self._report, self._cancelled = FILTER / area, report, cancelled
        self._stage, self._done, self._left, self._ahead = "", 0.0, 0.0, 0.0

    def begin(self, stage: str, work: float, ahead: float) -> None:
        """Begin a stage: the work in it, about, and in those that follow. What others left undone is not to come."""
        self._stage, self._left, self._ahead = stage, work, ahead
        self._report(Progress(stage, self._done, work + ahead))

    def advance(self, work: float, left: float | None = None, name: str = "", detail: str = "") -> None:
        """Tell of work that was done and, if the stage knows better, how much of its own is left; and of what it now does."""
        self._done += work
        self._left = max(self._left - work, 0.0) if left is None else left
        self._report(Progress(name or self._stage, self._done, self._left + self._ahead, detail))

    def tick(self, pixels: float) -> None:
        """Tell of pixels that a filter has done.

        Raises
        ------
        Cancelled
            If the restoration is to end.
        """
        if self._cancelled():
            raise Cancelled
        self.advance(self._of_a_pixel * pixels)
