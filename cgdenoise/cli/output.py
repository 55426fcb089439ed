"""What the user sees: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from cgdenoise.errors import ImageError

if TYPE_CHECKING:
    pass


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


def warn(name: str, warnings: Iterable[str], quiet: bool) -> None:
    """Print warnings about an input on stderr, unless the user wants to see errors alone."""
    if not quiet:
        for warning in warnings:
            note(f"warning: {name}: {warning}")


def emit_json(result: dict[str, Any]) -> None:
    """Print a result as one line of JSON on stdout."""
    from cgdenoise.fitlog.records import dump

    emit(dump([result]).decode().rstrip("\n"))


def emit(line: str) -> None:
    """Print a result on stdout."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ImageError(f"cannot be written ({error.strerror})", "standard output") from error


def _one_line(message: str) -> str:
    return " ".join(message.splitlines())
