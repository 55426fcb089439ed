"""How far a restoration is, on stderr: time left, file, stage and bar in 80 columns of a terminal, else a line every so often."""

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
    from rich.console import RenderableType
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn, TaskID

    from cgdenoise.progress import Progress

_PLAIN_INTERVAL = 15.0
"""Seconds between plain lines. By hand."""

_NAME = 20
"""Characters of a name that there is room for."""

_WIDE = 100
"""Columns from which there is room for a name beside "file 3 of 20", and for which iteration it is."""

_INERTIA = 20.0
"""Iterations after which a stage's own pace counts as much as that of the stage before it. By hand; not measured."""


@dataclass(frozen=True)
class Row:
    """A line of the screen.

    Attributes
    ----------
    name : str
        Whose it is.
    stage : str
        What is being done, in two words.
    done, total : float
        How much of how much is done; None for what nobody knows.
    until : float
        When it will be done, by the clock that `time.monotonic` reads; NaN if nothing is known yet.
    place : str
        Which of several files it is.
    detail : str
        More of the stage, where there is room.
    """

    name: str
    stage: str
    done: float = 0.0
    total: float | None = None
    until: float = math.nan
    place: str = ""
    detail: str = ""


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
        self._began = self._said = self._counted = time.monotonic()
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
        self._done, self._passed, self._counted = self._done + 1, self._passed + passed, time.monotonic()
        self._show_total()

    def place(self, number: int) -> str:
        """Return which of the inputs one is that is begun as the so-manieth; nothing if it is the only one."""
        return f"file {number} of {self._inputs}" if self._inputs > 1 else ""

    def show(self, key: object, row: Row) -> None:
        """Show a line, in the place of the one with its key; without a terminal say it, unless the last was said a moment ago."""
        self._put(key, row)
        self._show_total()
        if not (self._quiet or self._live or math.isnan(row.until)) and time.monotonic() - self._said >= _PLAIN_INTERVAL:
            self._said = time.monotonic()
            note(self._plain(row))

    def remove(self, key: object) -> None:
        """Show a line no longer."""
        self._rows.pop(key, None)
        if self._bar is not None and key in self._tasks:
            self._bar.remove_task(self._tasks.pop(key))

    def _show_total(self) -> None:
        if self in self._rows:
            self._put(self, self._total())

    def _put(self, key: object, row: Row) -> None:
        self._rows[key] = row
        if self._bar is None:
            return
        if key in self._tasks:
            self._bar.update(self._tasks[key], completed=row.done, total=row.total, row=row)
        else:
            self._add(self._bar, key)

    def _plain(self, row: Row) -> str:
        """Return a line of a screen as one without a terminal: the time is that of all inputs."""
        left = _time_left(self._rows[self].until if self in self._rows else row.until)
        share = f"{row.done / row.total:.0%} done" if row.total else ""
        return f"{', '.join(filter(None, [left, row.place, row.stage, share]))}: {row.name}"

    def _total(self) -> Row:
        now, waiting = time.monotonic(), self._inputs - self._done
        made, seconds = self._done - self._passed, math.nan
        known = [row.until - now for key, row in self._rows.items() if key is not self and not math.isnan(row.until)]
        if made:
            seconds = (self._counted - self._began) / made * waiting - (now - self._counted)
        elif known:  # all inputs take as long as those in work
            spent = now - self._began
            seconds = (spent + sum(known) / len(known)) * waiting / len(known) - spent
        until = now + max(seconds, *known, 0.0) if waiting and not math.isnan(seconds) else math.nan
        return Row("all", f"{self._done} of {self._inputs} files done", self._done, self._inputs, until)

    def _draw(self) -> None:
        if not self._live:
            return
        from rich.console import Console
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        # A new one each time: one that is started again would take the place of what was printed meanwhile.
        self._bar = Bar(*_columns(console.width), console=console, transient=True, expand=True, redirect_stdout=False)
        self._tasks = {}
        for key in self._rows:
            self._add(self._bar, key)
        self._bar.start()

    def _add(self, bar: Bar, key: object) -> None:
        row = self._rows[key]
        self._tasks[key] = bar.add_task("", total=row.total, row=row)
        bar.update(self._tasks[key], completed=row.done)

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _columns(width: int) -> list[ProgressColumn]:
    """Return what a line of the terminal is made of. The time runs between two steps, too: nothing stands still."""
    from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task
    from rich.table import Column
    from rich.text import Text

    class Words(ProgressColumn):
        def render(self, task: Task) -> Text:
            row: Row = task.fields["row"]
            detail = row.detail if width >= _WIDE else ""
            words = [f"{_time_left(row.until):>11}", row.place, ", ".join(filter(None, [row.stage, detail]))]
            return Text("  ".join(filter(None, words)))

    class Name(ProgressColumn):
        def render(self, task: Task) -> Text:
            row: Row = task.fields["row"]
            return Text("" if row.place and width < _WIDE else _shortened(row.name))

    class Turning(SpinnerColumn):
        def render(self, task: Task) -> RenderableType:
            return self.spinner.render(task.get_time())  # also where all that was expected is done, and something else is not

    whole = Column(no_wrap=True)  # the bar has what they leave
    return [Turning(), Words(whole), BarColumn(bar_width=None), Name(whole)]


@contextmanager
def waiting(stage: str, name: str = "", quiet: bool = False) -> Iterator[None]:
    """Show that something is going on of which nobody knows how long it will take."""
    with Screen(quiet) as screen:
        screen.show("waiting", Row(name, stage))
        yield


class ProgressDisplay:
    """Progress of one input.

    Parameters
    ----------
    name : str
        Of the input.
    screen : Screen
        Where it is shown.
    place : str
        Which of several files it is.
    """

    def __init__(self, name: str, screen: Screen, place: str = "") -> None:
        self._name, self._screen, self._place = name, screen, place
        self._page, self._done, self._before = 0, 0.0, 0.0  # work in all, and on the pages before
        self._pace = _Pace()
        screen.show(self, Row(name, "reading", place=place))

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(self, *exc: object) -> None:
        self._screen.remove(self)

    def update(self, page: int, now: Progress, pages: int = 1) -> None:
        """Show how far a page is, of so many: those to come are taken to be as much work as this one."""
        if page != self._page:
            self._page, self._before = page, self._done
        self._done = done = self._before + now.done
        left = now.left + (pages - 1 - page) * (now.done + now.left)
        clock = time.monotonic()
        until = clock + self._pace.seconds_left(clock, now.stage, done, left)
        stage = f"page {page + 1}/{pages} {now.stage}" if pages > 1 else now.stage
        self._screen.show(self, Row(self._name, stage, done, done + left, until, self._place, now.detail))


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


def _time_left(until: float) -> str:
    return "" if math.isnan(until) else f"{_duration(max(until - time.monotonic(), 0.0))} left"


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME else f"...{name[3 - _NAME :]}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    return f"{round(seconds / 60)} min" if whole < 5400 else f"{whole / 3600:.1f} h"
