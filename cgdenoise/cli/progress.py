"""How far a restoration is, on stderr: time left, stage, bar and name in 80 columns of a terminal, else a line every so often."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING

from cgdenoise.cli.output import note

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from cgdenoise.progress import Progress

_PLAIN_INTERVAL = 15.0
"""Seconds between plain lines. By hand."""

_NAME = 16
"""Characters of a name that a line of 80 has room for, beside "fit 2 at depth 5, iteration 170", a bar, and the time."""

_INERTIA = 20.0
"""Iterations after which a stage's own pace counts as much as that of the stage before it. By hand; not measured."""


class ProgressDisplay:
    """Progress of one input on stderr: a live display on a terminal, else a plain line every so often.

    Time left is a bound as far as the fits go: it supposes that each uses its whole budget.

    Parameters
    ----------
    name : str
        Of the input.
    pages : int
        That it has; those to come are taken to be as much work as the present one.
    quiet : bool
        Show nothing.
    """

    def __init__(self, name: str, pages: int, quiet: bool) -> None:
        self._name, self._pages, self._quiet = name, pages, quiet
        self._said = time.monotonic()
        self._page, self._done, self._before = 0, 0.0, 0.0  # work in all, and on the pages before
        self._pace = _Pace()
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressDisplay:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = (
                SpinnerColumn(),
                TextColumn("{task.fields[time]}", markup=False),
                TextColumn("{task.fields[stage]}", markup=False),
                BarColumn(bar_width=None),
                TextColumn("{task.description}", markup=False),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True, expand=True)
            self._bar.start()
            self._task = self._bar.add_task(_shortened(self._name), total=None, stage="reading", time="")
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, page: int, now: Progress) -> None:
        """Show how far a page is."""
        if self._quiet:
            return
        if page != self._page:
            self._page, self._before = page, self._done
        self._done = done = self._before + now.done
        left = now.left + (self._pages - 1 - page) * (now.done + now.left)
        seconds = self._pace.seconds_left(time.monotonic(), now.stage, done, left)
        time_left = "" if math.isnan(seconds) else f"at most {_duration(seconds)} left"
        page_of = f"page {page + 1}/{self._pages}" if self._pages > 1 else ""
        stage = ", ".join(filter(None, [page_of, now.stage, "" if page_of else now.detail]))
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=done + left, stage=stage, time=time_left)
        elif time_left and time.monotonic() - self._said >= _PLAIN_INTERVAL:
            self._said = time.monotonic()
            note(f"{self._name}: {stage}, {done / (done + left):.0%} done, {time_left}")


class _Pace:
    """Seconds for a unit of work: at first those of the stage before, and soon those of the present stage so far.

    A unit takes about as long in all stages, but how nearly so differs from machine to machine.
    """

    def __init__(self) -> None:
        self._stage: str | None = None
        self._rate = self._rate_before = math.nan  # seconds for a unit of work
        self._from = 0.0, 0.0

    def seconds_left(self, clock: float, stage: str, done: float, left: float) -> float:
        """Return how long the remaining work will take, at a time on the clock; NaN if nothing has been measured yet."""
        if stage != self._stage:
            self._stage, self._rate_before, self._from = stage, self._rate, (clock, done)
        took, work = clock - self._from[0], done - self._from[1]
        if not math.isnan(self._rate_before):
            took, work = took + _INERTIA * self._rate_before, work + _INERTIA
        self._rate = took / work if work else math.nan
        return left * self._rate


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME else f"...{name[3 - _NAME :]}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    return f"{round(seconds / 60)} min" if whole < 5400 else f"{whole / 3600:.1f} h"
