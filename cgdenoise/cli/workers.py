"""Jobs one after the other in this process, or several at a time in processes of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from typing import Any

from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.worker import PATIENCE, Death, Done, Failed, Work, Worker

_TRIES = 2
"""Of a job whose process was ended by something else, for want of memory perhaps: the others have gone on meanwhile."""


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
    workers = [Worker.started(work, threads) for _ in range(min(count, len(jobs)))]
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
            for line in wait(list(busy), PATIENCE):
                worker = busy[line]  # type: ignore[index]
                task, news = worker.hear()
                if isinstance(news, Death):
                    workers.remove(worker)
                    again = task[1] < _TRIES and not told
                    if told or again:
                        yield Lost(task[0], "interrupted; nothing was written" if told else news.reason, again)
                    if told:
                        continue
                    workers.append(Worker.started(work, threads))
                    if again:
                        waiting.append((task[0], task[1] + 1))
                        continue
                    news = Failed(f"{news.reason}, {_TRIES} times; expected fewer --jobs, or --memory", None, False)
                yield Ended(task[0], news.get) if isinstance(news, Done | Failed) else Said(task[0], news)
    finally:
        for worker in workers:
            worker.let_go()
        for worker in workers:
            worker.stop()
