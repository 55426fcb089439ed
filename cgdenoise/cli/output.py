"""What the user sees: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from cgdenoise.errors import ImageError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from cgdenoise.ensemble import FitLabel
    from cgdenoise.presets import Preset
    from cgdenoise.restore import Snapshot

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as the shell has it."""

_PLAIN_INTERVAL = 15.0


def fail(message: str) -> None:
    """Print an error: one line on stderr."""
    print(f"cgdenoise: error: {_one_line(message)}", file=sys.stderr, flush=True)


def note(message: str) -> None:
    """Print a remark on stderr."""
    print(f"cgdenoise: {_one_line(message)}", file=sys.stderr, flush=True)


@contextmanager
def warnings_noted() -> Iterator[None]:
    """Print Python's warnings as remarks: where in the source they come from is not the user's business."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        note(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def emit_json(result: dict[str, Any]) -> None:
    """Print a result as one line of JSON on stdout."""
    from cgdenoise.record import dump

    emit(dump([result]).decode().rstrip("\n"))


def emit(line: str) -> None:
    """Print a result on stdout."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ImageError(f"standard output: cannot be written ({error.strerror})") from error


def _one_line(message: str) -> str:
    return " ".join(message.splitlines())


class FitProgress:
    """Progress of one input on stderr: a live display on a terminal, else a plain line every so often.

    Time left is a bound: it supposes that every fit uses its whole budget.
    """

    def __init__(self, name: str, pages: int, preset: Preset, quiet: bool) -> None:
        self._name, self._pages, self._quiet = name, pages, quiet
        self._budget = pages * preset.most_iterations
        self._start = self._said = time.monotonic()
        self._fits: dict[tuple[int, int], tuple[FitLabel, int]] = {}  # page and fit: its iteration so far
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> FitProgress:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.fields[state]}", markup=False),
            )
            self._bar = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._name, total=self._budget, state="reading")
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, page: int, snapshot: Snapshot) -> None:
        """Show an evaluation."""
        if self._quiet:
            return
        label = snapshot.label
        self._fits[page, label.index] = (label, snapshot.iteration)
        done = sum(iteration for _, iteration in self._fits.values())
        # The groups before have stopped: what they left of their budgets need not be spent.
        stopped = [fit for (of, _), fit in self._fits.items() if (of, fit[0].group) != (page, label.group)]
        budget = self._budget - sum(before.max_iterations - iteration for before, iteration in stopped)
        left = max(budget - done, 0) * (time.monotonic() - self._start) / done
        state = self._state(page, snapshot, left)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=max(budget, done), state=state)
        elif time.monotonic() - self._said >= _PLAIN_INTERVAL:
            self._said = time.monotonic()
            note(f"{self._name}: {state}")

    def _state(self, page: int, snapshot: Snapshot, left: float) -> str:
        label = snapshot.label
        kind = "trial" if label.trial else "fit"
        where = f"page {page + 1} of {self._pages}, " if self._pages > 1 else ""
        judged = not math.isnan(snapshot.held_out_rms)
        which, error = ("held-out error", snapshot.held_out_rms) if judged else ("residual", snapshot.residual_rms)
        return (
            f"{where}{kind} {label.index + 1} at depth {label.depth}, iteration {snapshot.iteration} of at most "
            f"{label.max_iterations}, {which} {error:.4g}, at most {_duration(left)} left"
        )


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02d} s" if whole < 5400 else f"{whole / 3600:.1f} h"
