"""Ctrl-C and SIGTERM: during a fit they ask for its end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cgdenoise.cli.output import fail


class Interrupt:
    """During a fit the first Ctrl-C (or SIGTERM) asks for an end; otherwise, and the second time, it ends at once."""

    def __init__(self) -> None:
        self.signal = 0
        self._deferred = False

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the first signal only be noted in `signal`, for what runs inside to ask for."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Take the signals over from Python."""
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: object) -> None:
        if self.signal or not self._deferred:
            # Not KeyboardInterrupt: the command-line library would end with a message of its own.
            fail("interrupted; nothing was written")
            sys.exit(128 + number)
        self.signal = number
