"""Jobs one after the other in this process, or several at a time in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.output import warnings_noted
from cgdenoise.errors import CgDenoiseError, OptionError

Job = TypeVar("Job")
Result = TypeVar("Result")
Work = Callable[[Job, Interrupt], Result]
"""Does a job, and ends it early if it is interrupted. For other processes it is pickled, with its jobs and their results."""

_TRIES = 2
"""Of a job whose process was ended by something else, for want of memory perhaps: the others have gone on meanwhile."""

_LOST = f"its process was ended {_TRIES} times, for want of memory perhaps; expected fewer --jobs, or --memory"

_PATIENCE = 0.2
"""Seconds between looks at whether the user asks for the end."""


def in_this_process(
    jobs: Sequence[Job], work: Work[Job, Result], interrupt: Interrupt
) -> Iterator[tuple[Job, Callable[[], Result]]]:
    """Yield each job with the call that does it, until the user asks for the end."""
    for job in jobs:
        if interrupt.signal:
            return
        yield job, partial(work, job, interrupt)


def in_processes(
    jobs: Sequence[Job], work: Work[Job, Result], count: int, threads: int, interrupt: Interrupt
) -> Iterator[tuple[Job, Callable[[], Result]]]:
    """Do jobs in other processes; yield each when it is done, with a call that returns its result or raises its error.

    A process does one job after the other, so that as many are in memory as there are processes. All end with this one.

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
    left, told = deque((job, 1) for job in jobs), False
    try:
        while True:
            if interrupt.requested() and not told:
                told = True
                left.clear()
                for worker in workers:
                    worker.ask_to_end(interrupt.signal)
            for worker in workers:
                if worker.task is None and left:
                    worker.begin(left.popleft())
            busy = [worker for worker in workers if worker.task is not None]
            if not busy:
                return
            ready = wait([worker.line for worker in busy], _PATIENCE)
            for worker in (worker for worker in busy if worker.line in ready):
                job, tries, outcome = worker.finished()
                if outcome is None:
                    workers.remove(worker)
                    if told:
                        continue
                    workers.append(_Worker.started(work, threads))
                    if tries < _TRIES:
                        left.append((job, tries + 1))
                        continue
                    outcome = _Failed(_LOST, False)
                yield job, outcome.get
    finally:
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
    is_usage: bool

    def get(self) -> Any:
        raise (OptionError if self.is_usage else CgDenoiseError)(self.message)


@dataclass
class _Worker:
    """A process, the line to it, and what it is doing, for which time."""

    process: BaseProcess
    line: Connection
    task: tuple[Any, int] | None = None

    @staticmethod
    def started(work: Work[Job, Result], threads: int) -> _Worker:
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
        line, other = context.Pipe()
        process = context.Process(target=_serve, args=(other, work, threads), daemon=True)
        process.start()
        other.close()
        return _Worker(process, line)

    def begin(self, task: tuple[Any, int]) -> None:
        self.task = task
        with suppress(OSError):  # it has been ended: the line says so when it is asked
            self.line.send(task[0])

    def finished(self) -> tuple[Any, int, _Done | _Failed | None]:
        """Return the job, for which time, and what it has come to; None if the process was ended."""
        assert self.task is not None
        (job, tries), self.task = self.task, None
        try:
            return job, tries, self.line.recv()
        except (EOFError, OSError):
            return job, tries, None

    def ask_to_end(self, number: int) -> None:
        if self.task is not None and self.process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

    def stop(self) -> None:
        self.line.close()  # which ends a process that waits for a job
        if self.task is not None:
            self.process.kill()
        self.process.join(_PATIENCE)


def _serve(line: Connection, work: Work[Job, Result], threads: int) -> None:
    """Do jobs as they come, in a process of its own, until the line is closed."""
    from cgdenoise.runtime import prepare_process

    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C on a terminal reaches all of a group: this one is told by its parent, and once
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare_process(threads)
    interrupt = Interrupt()
    with interrupt.handled(), warnings_noted(), suppress(EOFError, BrokenPipeError):
        while not interrupt.signal:
            job = line.recv()
            try:
                outcome: _Done | _Failed = _Done(work(job, interrupt))
            except CgDenoiseError as error:
                outcome = _Failed(str(error), isinstance(error, OptionError))
            line.send(outcome)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
