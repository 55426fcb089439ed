"""What an error becomes: one line on stderr, and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from cgdenoise.cli.output import emit_json, fail
from cgdenoise.errors import CgDenoiseError, OptionError

FAILED, USAGE = 1, 2  # as most programs have them, and Typer
INTERRUPTED = 130  # 128 + SIGINT, as the shell has it

_EXIT_CODES: dict[type[BaseException], int] = {
    OptionError: USAGE,
    CgDenoiseError: FAILED,
    KeyboardInterrupt: INTERRUPTED,
    BrokenPipeError: FAILED,
}
"""By class; the first one of which an error is an instance counts. An error of no such class is a bug."""

_DEBUG = "CGDENOISE_DEBUG"
"""Variable of the environment: at 1, a line about an error comes after the error's traceback."""


def tell(error: BaseException) -> int:
    """Print an error as one line on stderr, and return the exit code that it stands for.

    Raises
    ------
    BaseException
        The error itself if it is a bug, which is for Python to print.
    """
    code = next((code for kind, code in _EXIT_CODES.items() if isinstance(error, kind)), None)
    if code is None:
        raise error
    trace(error)
    if isinstance(error, KeyboardInterrupt):
        fail("interrupted; nothing was written")
    elif not isinstance(error, BrokenPipeError):  # whoever read our output has gone, and wants no more of it
        fail(str(error))
    return code


def trace(error: BaseException) -> None:
    """Print where an error comes from, if the user asks for that."""
    if os.environ.get(_DEBUG) == "1":
        traceback.print_exception(error)


@contextmanager
def exit_on_error() -> Iterator[None]:
    """End the process with an error's exit code; a bug keeps its traceback."""
    try:
        yield
    except tuple(_EXIT_CODES) as error:
        code = tell(error)
        if isinstance(error, BrokenPipeError):
            sys.stdout = None  # Python would complain again when it flushes at exit
        sys.exit(code)


class Failures:
    """Errors of single files among many: each is printed at once, and the other files are still processed.

    Parameters
    ----------
    json : bool
        Whether a script reads stdout, and is told there of each input that failed.

    Attributes
    ----------
    code : int
        Exit code of the whole: 0 if there was no error.
    names : list of str
        The inputs that failed.
    """

    def __init__(self, json: bool = False) -> None:
        self.code = 0
        self.names: list[str] = []
        self._json = json

    @contextmanager
    def noted(self, name: str) -> Iterator[None]:
        """Print an error of the block, which is about one input, and go on; one about the options is about all inputs."""
        try:
            yield
        except OptionError:
            raise
        except CgDenoiseError as error:
            self.add(name, error)

    def add(self, name: str, error: CgDenoiseError) -> None:
        """Print an error that is about one input."""
        self.code = tell(error)
        self.names.append(name)
        if self._json:
            emit_json({"type": "error", "input": name, "status": "error", "error": str(error)})
