"""How far a restoration is, on stderr: time left, stage, bar and name in 80 columns of a terminal, else a line every so often."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Row:
    """A line of the screen: whose it is, what is being done, how much of how much is done, and the time that is left."""

    name: str
    stage: str
    done: float = 0.0
    total: float | None = None
    time: str = ""


class Screen:
    """Where progress is shown: lines at the foot of a terminal, else a plain line every so often.

    Of several inputs the first line is the whole batch; below are those in work.

    Parameters
    ----------
    quiet : bool
        Show nothing.
    inputs : int
        How many there are.
    """

    def __init__(self, quiet: bool, inputs: int = 1) -> None:
        self._quiet, self._inputs = quiet, inputs
        self._live = not quiet and sys.stderr.isatty()
        self._began = self._said = time.monotonic()
        self._done, self._passed = 0, 0
        self._rows: dict[object, Row] = {}
        self._bar: Bar | None = None
        self._tasks: dict[object, TaskID] = {}
        if inputs > 1:
            self._rows[self] = self._total()

    def __enter__(self) -> Screen:
        self._draw()
        return self

    def __exit__(self, *exc: object) -> None:
        self._clear()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Clear the lines while something else is printed."""
        self._clear()
        try:
            yield
        finally:
            self._draw()

    def count(self, passed: bool = False) -> None:
        """Tell that an input is done, or was passed over, which says nothing of the time that others take."""
        self._done, self._passed = self._done + 1, self._passed + passed
        if self in self._rows:
            self.show(self, self._total())

    def show(self, key: object, row: Row) -> None:
        """Show a line, in the place of the one with its key."""
        self._rows[key] = row
        if self._bar is None:
            return
        if key in self._tasks:
            self._bar.update(self._tasks[key], completed=row.done, total=row.total, stage=row.stage, time=row.time)
        else:
            self._add(self._bar, key)

    def remove(self, key: object) -> None:
        """Show a line no longer."""
        self._rows.pop(key, None)
        if self._bar is not None and key in self._tasks:
            self._bar.remove_task(self._tasks.pop(key))

    def say(self, text: str) -> None:
        """Print a line, unless there is a terminal or the last line was a moment ago."""
        if self._quiet or self._live or time.monotonic() - self._said < _PLAIN_INTERVAL:
            return
        self._said = time.monotonic()
        total = self._total()
        note(text if self._inputs == 1 else f"{', '.join(filter(None, [total.stage, total.time]))}; {text}")

    def _total(self) -> Row:
        made, left = self._done - self._passed, self._inputs - self._done
        seconds = (time.monotonic() - self._began) / made * left if made else math.nan
        time_left = f"about {_duration(seconds)} left" if made and left else ""
        return Row("all", f"{self._done} of {self._inputs} inputs done", self._done, self._inputs, time_left)

    def _draw(self) -> None:
        if not self._live:
            return
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
        # A new one each time: one that is started again would take the place of what was printed meanwhile.
        self._bar = Bar(*columns, console=Console(stderr=True), transient=True, expand=True, redirect_stdout=False)
        self._tasks = {}
        for key in self._rows:
            self._add(self._bar, key)
        self._bar.start()

    def _add(self, bar: Bar, key: object) -> None:
        row = self._rows[key]
        self._tasks[key] = bar.add_task(_shortened(row.name), total=row.total, stage=row.stage, time=row.time)
        bar.update(self._tasks[key], completed=row.done)

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class ProgressDisplay:
    """Progress of one input.

    Time left is a bound as far as the fits go: it supposes that each uses its whole budget.

    Parameters
    ----------
    name : str
        Of the input.
    pages : int
        That it has; those to come are taken to be as much work as the present one.
    screen : Screen
        Where it is shown.
    """

    def __init__(self, name: str, pages: int, screen: Screen) -> None:
        self._name, self._pages, self._screen = name, pages, screen
        self._page, self._done, self._before = 0, 0.0, 0.0  # work in all, and on the pages before
        self._pace = _Pace()

    def __enter__(self) -> ProgressDisplay:
        self._screen.show(self, Row(self._name, "reading"))
        return self

    def __exit__(self, *exc: object) -> None:
        self._screen.remove(self)

    def update(self, page: int, now: Progress) -> None:
        """Show how far a page is."""
        if page != self._page:
            self._page, self._before = page, self._done
        self._done = done = self._before + now.done
        left = now.left + (self._pages - 1 - page) * (now.done + now.left)
        seconds = self._pace.seconds_left(time.monotonic(), now.stage, done, left)
        time_left = "" if math.isnan(seconds) else f"at most {_duration(seconds)} left"
        page_of = f"page {page + 1}/{self._pages}" if self._pages > 1 else ""
        stage = ", ".join(filter(None, [page_of, now.stage, "" if page_of else now.detail]))
        self._screen.show(self, Row(self._name, stage, done, done + left, time_left))
        if time_left:
            self._screen.say(f"{self._name}: {stage}, {done / (done + left):.0%} done, {time_left}")


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
