"""A process that does jobs as they come: how it begins, what is heard of it, and how it ends."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from cgdenoise.cli.errors import trace
from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.output import warnings_noted
from cgdenoise.errors import CgDenoiseError, OptionError
from cgdenoise.garbage import look_seldom

Tell = Callable[[Any], None]
"""Takes what a job has to say on the way, of how far it is. Much of it may be dropped."""

Work = Callable[[Any, Interrupt, Tell], Any]
"""Does a job, and ends it early if it is interrupted. For other processes it is pickled, with its jobs and their results."""

PATIENCE = 0.2
"""Seconds between looks at whether the user asks for the end, and between two things that a job says. By hand."""

_FAREWELL = 5.0
"""Seconds that a process has for what it is writing when all end at once. By hand."""


@dataclass(frozen=True)
class Done:
    """What a job has come to."""

    result: Any

    def get(self) -> Any:
        """Return it."""
        return self.result


@dataclass(frozen=True)
class Failed:
    """An error of a job, as text: the error itself may hold whole images."""

    message: str
    path: str | None
    is_usage: bool

    def get(self) -> Any:
        """Raise it."""
        raise (OptionError if self.is_usage else CgDenoiseError)(self.message, self.path)


@dataclass(frozen=True)
class Death:
    """The end of a process that should have lived."""

    reason: str


@dataclass
class Worker:
    """A process, the line to it, the leash that ends it when it is let go, and what it is doing, for which time."""

    process: BaseProcess
    line: Connection
    leash: Connection
    task: tuple[Any, int] | None = None

    @staticmethod
    def started(work: Work, threads: int) -> Worker:
        """Begin a process of so many threads, which waits for something to do."""
        pickled = pickle.dumps(work)
        try:
            return Worker._started(_context(), pickled, threads)
        except (ConnectionError, EOFError):  # the server has just been ended by something else
            return Worker._started(multiprocessing.get_context("spawn"), pickled, threads)

    @staticmethod
    def _started(context: Any, pickled: bytes, threads: int) -> Worker:
        line, its_line = context.Pipe()
        its_leash, leash = context.Pipe(duplex=False)
        process = context.Process(target=_serve, args=(its_line, its_leash, pickled, threads), daemon=True)
        # A copy has its signals wait as the server has; and this process may end while that is still loading.
        with _signals_waiting() if context.get_start_method() == "spawn" else nullcontext():
            process.start()
        its_line.close()
        its_leash.close()
        return Worker(process, line, leash)

    @property
    def job(self) -> Any:
        """What it is doing."""
        return None if self.task is None else self.task[0]

    def begin(self, task: tuple[Any, int]) -> None:
        """Give it something to do, for the nth time."""
        self.task = task
        with suppress(OSError):  # it has been ended: the line says so when it is asked
            self.line.send(task[0])

    def hear(self) -> tuple[tuple[Any, int], Any]:
        """Return the task, and what the process says; an outcome, or its death, ends the task."""
        assert self.task is not None
        task = self.task
        try:
            news = self.line.recv()
        except (EOFError, OSError):
            self.process.join(_FAREWELL)
            news = Death(_cause(self.process.exitcode))
        if isinstance(news, Done | Failed | Death):
            self.task = None
        return task, news

    def ask_to_end(self) -> None:
        """Ask it to end what it is doing, with what it has so far."""
        if self.task is not None and self.process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGTERM)

    def let_go(self) -> None:
        """Let it end as soon as it is not writing."""
        self.line.close()
        self.leash.close()

    def stop(self) -> None:
        """Wait until it has ended."""
        self.process.join(_FAREWELL)
        if self.process.exitcode is None:
            self.process.kill()


def load_ahead() -> None:
    """Let all that processes need be loaded while this one goes on: the first of them begins when it is."""
    _context()


def _context() -> Any:
    """Return how processes begin.

    On Linux as copies of a server that has loaded all and never started a thread of OpenMP: a copy of a process that had would
    hang. On macOS and Windows, whose libraries must not be copied or cannot be, each loads all for itself; and where the server
    cannot be asked, at a socket in the folder for temporary files.
    """
    spawned = multiprocessing.get_context("spawn")
    if sys.platform != "linux":
        return spawned
    from multiprocessing import forkserver, resource_tracker

    copied = multiprocessing.get_context("forkserver")
    copied.set_forkserver_preload(["cgdenoise.cli.engine"])
    try:
        resource_tracker.ensure_running()  # which lets the signals in again: the server begins it, if it is not there
        with _signals_waiting():  # as the server has it the processes have it, until they are ready
            forkserver.ensure_running()
    except OSError:  # the folder's name is too long for a socket, or it is full
        return spawned
    return copied


def _cause(code: int | None) -> str:
    if code is None or code >= 0:
        return f"its process ended (exit code {code})"
    return f"its process was ended by {signal.Signals(-code).name}" + ", for want of memory perhaps" * (code == -9)


@contextmanager
def _signals_waiting() -> Iterator[None]:
    """Let a process that starts inside get its signals when it is ready for them: `_serve` lets them in."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(line: Connection, leash: Connection, pickled: bytes, threads: int) -> None:
    """Do jobs as they come, in a process of its own, until the line is closed."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C on a terminal reaches all of a group: this one is told by its parent, and once
    interrupt = Interrupt(silent=True)
    threading.Thread(target=_end_when_let_go, args=(leash, interrupt), daemon=True).start()
    look_seldom()
    from cgdenoise.runtime import prepare_process  # from here on the heavy imports: the parent may end meanwhile

    work: Work = pickle.loads(pickled)
    with interrupt.handled(), warnings_noted(), suppress(EOFError, BrokenPipeError):
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
        prepare_process(threads)
        while not interrupt.signal:
            job = line.recv()
            try:
                outcome: Done | Failed = Done(work(job, interrupt, _seldom(line.send)))
            except CgDenoiseError as error:
                trace(error)
                outcome = Failed(error.message, error.path, isinstance(error, OptionError))
            line.send(outcome)


def _seldom(send: Tell) -> Tell:
    said = 0.0

    def tell(news: Any) -> None:
        nonlocal said
        if time.monotonic() - said >= PATIENCE:
            said = time.monotonic()
            send(news)

    return tell


def _end_when_let_go(leash: Connection, interrupt: Interrupt) -> None:
    """End this process when its parent closes the leash, or has ended; never in the middle of a file."""
    with suppress(EOFError, OSError):
        leash.recv()
    with interrupt.writing:
        os._exit(1)
