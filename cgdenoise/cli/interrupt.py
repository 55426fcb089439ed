"""Ctrl-C and SIGTERM: they ask for the end of a restoration, and never come between a picture and its log."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cgdenoise.cli.output import fail


class Interrupt:
    """The first signal asks the restoration to end, if that listens; any other ends the process at once.

    Parameters
    ----------
    silent : bool
        Whether the end of the process is for another one to tell of.

    Attributes
    ----------
    signal : int
        The first one that came; 0 if none did.
    written : bool
        Whether something has been written.
    writing : Lock
        Held while something is written, for a thread that would end the process.
    """

    def __init__(self, silent: bool = False) -> None:
        self.signal = 0
        self.writing = threading.Lock()
        self._silent = silent
        self.written = False
        self._heard = self._held = False

    def requested(self) -> bool:
        """Tell a restoration whether it is to end. From the first call on it is trusted to ask again soon.

        Before, while the noise is measured, say, there is nothing to keep, and a signal ends the process.
        """
        self._heard = True
        return self.signal != 0

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let what runs inside ask `requested`; afterwards nobody does."""
        try:
            yield
        finally:
            self._heard = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing end what is written inside, which takes a moment; a signal counts afterwards."""
        self._held = True
        try:
            with self.writing:
                yield
        finally:
            self._held = False
        self.written = True

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
        if not self._held and (self.signal or not self._heard):
            if not self._silent:
                fail("interrupted" if self.written else "interrupted; nothing was written")
            self.signal = self.signal or number
            # Not KeyboardInterrupt: the command-line library would end with a message of its own.
            sys.exit(128 + number)
        self.signal = self.signal or number
