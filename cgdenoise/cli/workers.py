"""Jobs one after the other in this process, or several at a time in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
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

_TRIES = 2
"""Of a job whose process was ended by something else, for want of memory perhaps: the others have gone on meanwhile."""

_PATIENCE = 0.2
"""Seconds between looks at whether the user asks for the end, and between two things that a job says. By hand."""

_FAREWELL = 5.0
"""Seconds that a process has for what it is writing when all end at once. By hand."""


@dataclass(frozen=True)
class Begun:
    """A job is being done."""

    job: Any


@dataclass(frozen=True)
class Said:
    """A job has said something on the way."""

    job: Any
    news: Any


@dataclass(frozen=True)
class Lost:
    """The process of a job was ended by something else; the job is done again at the end, unless it was not to go on."""

    job: Any
    reason: str
    again: bool


@dataclass(frozen=True)
class Ended:
    """A job is done, or it is its turn: the call returns its result or raises its error."""

    job: Any
    outcome: Callable[[], Any]


Event = Begun | Said | Lost | Ended


def in_this_process(jobs: Sequence[Any], work: Work, interrupt: Interrupt, tell: Callable[[Any, Any], None]) -> Iterator[Event]:
    """Yield each job when its turn comes, with the call that does it, until the user asks for the end.

    Parameters
    ----------
    jobs : sequence
        In the order in which they are done.
    work : callable
        What is done.
    interrupt : Interrupt
        If it has come, jobs that have not begun are left out.
    tell : callable
        Sees the job and what it says on the way, while the call lasts.
    """
    for job in jobs:
        if interrupt.signal:
            return
        yield Begun(job)
        yield Ended(job, partial(work, job, interrupt, partial(tell, job)))


def in_processes(jobs: Sequence[Any], work: Work, count: int, threads: int, interrupt: Interrupt) -> Iterator[Event]:
    """Do jobs in other processes, and yield what becomes of them.

    A process does one job after the other: as many are in memory as there are processes. All end with this one, whatever ends it.

    Parameters
    ----------
    jobs : sequence
        In the order in which they are begun.
    work : callable
        What is done.
    count, threads : int
        Number of processes, and of the threads of each.
    interrupt : Interrupt
        If it is requested, jobs that have not begun are left out, and those that have are asked to end.
    """
    workers = [_Worker.started(work, threads) for _ in range(min(count, len(jobs)))]
    waiting, told = deque((job, 1) for job in jobs), False
    try:
        while True:
            if interrupt.requested() and not told:
                told = True
                waiting.clear()
                for worker in workers:
                    worker.ask_to_end()
            for worker in workers:
                if worker.task is None and waiting:
                    worker.begin(waiting.popleft())
                    yield Begun(worker.job)
            busy = {worker.line: worker for worker in workers if worker.task is not None}
            if not busy:
                return
            for line in wait(list(busy), _PATIENCE):
                worker = busy[line]  # type: ignore[index]
                task, news = worker.hear()
                if isinstance(news, _Death):
                    workers.remove(worker)
                    again = task[1] < _TRIES and not told
                    if told or again:
                        yield Lost(task[0], "interrupted; nothing was written" if told else news.reason, again)
                    if told:
                        continue
                    workers.append(_Worker.started(work, threads))
                    if again:
                        waiting.append((task[0], task[1] + 1))
                        continue
                    news = _Failed(f"{news.reason}, {_TRIES} times; expected fewer --jobs, or --memory", None, False)
                yield Ended(task[0], news.get) if isinstance(news, _Done | _Failed) else Said(task[0], news)
    finally:
        for worker in workers:
            worker.let_go()
        for worker in workers:
            worker.stop()


@dataclass(frozen=True)
class _Done:
    """What a job has come to."""

    result: Any

    def get(self) -> Any:
        return self.result


@dataclass(frozen=True)
class _Failed:
    """An error of a job, as text: the error itself may hold whole images."""

    message: str
    path: str | None
    is_usage: bool

    def get(self) -> Any:
        raise (OptionError if self.is_usage else CgDenoiseError)(self.message, self.path)


@dataclass(frozen=True)
class _Death:
    """The end of a process that should have lived."""

    reason: str


@dataclass
class _Worker:
    """A process, the line to it, the leash that ends it when it is let go, and what the process is doing, for which time."""

    process: BaseProcess
    line: Connection
    leash: Connection
    task: tuple[Any, int] | None = None

    @staticmethod
    def started(work: Work, threads: int) -> _Worker:
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
        line, its_line = context.Pipe()
        its_leash, leash = context.Pipe(duplex=False)
        process = context.Process(target=_serve, args=(its_line, its_leash, pickle.dumps(work), threads), daemon=True)
        with _signals_waiting():
            process.start()
        its_line.close()
        its_leash.close()
        return _Worker(process, line, leash)

    @property
    def job(self) -> Any:
        return None if self.task is None else self.task[0]

    def begin(self, task: tuple[Any, int]) -> None:
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
            news = _Death(_cause(self.process.exitcode))
        if isinstance(news, _Done | _Failed | _Death):
            self.task = None
        return task, news

    def ask_to_end(self) -> None:
        if self.task is not None and self.process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGTERM)

    def let_go(self) -> None:
        self.line.close()
        self.leash.close()

    def stop(self) -> None:
        self.process.join(_FAREWELL)
        if self.process.exitcode is None:
            self.process.kill()


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
                outcome: _Done | _Failed = _Done(work(job, interrupt, _seldom(line.send)))
            except CgDenoiseError as error:
                trace(error)
                outcome = _Failed(error.message, error.path, isinstance(error, OptionError))
            line.send(outcome)


def _seldom(send: Tell) -> Tell:
    said = 0.0

    def tell(news: Any) -> None:
        nonlocal said
        if time.monotonic() - said >= _PATIENCE:
            said = time.monotonic()
            send(news)

    return tell


def _end_when_let_go(leash: Connection, interrupt: Interrupt) -> None:
    """End this process when its parent closes the leash, or has ended; never in the middle of a file."""
    with suppress(EOFError, OSError):
        leash.recv()
    with interrupt.writing:
        os._exit(1)
