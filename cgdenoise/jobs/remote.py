"""Pictures restored on other machines by Dask: one at each worker, and of large ones a tile at each worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import CgDenoiseError
from cgdenoise.jobs.cluster import Away, Outcome
from cgdenoise.jobs.files import Result, due, restored
from cgdenoise.jobs.method import Method, Watch
from cgdenoise.jobs.pages import Source
from cgdenoise.jobs.plan import Job
from cgdenoise.names import OnExists
from cgdenoise.progress import Progress
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.tile_work import TileTask, part_of

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class Sent:
    """A job is being done."""

    job: Job


@dataclass(frozen=True)
class Came:
    """A job is over: the call returns its `Result`, None if that was there already, or raises its error."""

    job: Job
    outcome: Outcome


@dataclass(frozen=True)
class Large:
    """It is the turn of a job that is to be done here, and its tiles by a crew; all workers are free for it.

    Attributes
    ----------
    job, source, container
        As `files.due` has them.
    method : Method
        What is done, with as many threads as the workers have: for what is decided here.
    crew : Workers
        Who restores the tiles.
    """

    job: Job
    source: Source
    container: str
    method: Method
    crew: Workers


def restore_on(
    client: Client, jobs: Sequence[Job], method: Method, on_exists: OnExists, threads: int | None, stop: Callable[[], bool]
) -> Iterator[Sent | Came | Large]:
    """Restore pictures on the workers of a scheduler, as many at a time as there are workers, and yield what becomes of them.

    Files are read and written here: workers need no folder in common. A job whose worker is lost is done by another.

    Parameters
    ----------
    client : Client
        Of the scheduler.
    jobs : sequence of Job
        In the order in which they are sent.
    method : Method
        What is done.
    on_exists : OnExists
        With results that are there already.
    threads : int or None
        Of each restoration; None for those of its worker.
    stop : callable
        True leaves everything that has not come back.
    """
    waiting, away = deque(jobs), Away(client, threads)
    large: tuple[Job, Source, str] | None = None
    while (waiting or away or large) and not stop():
        idle = away.idle()
        while waiting and idle and large is None:
            job = waiting.popleft()
            yield Sent(job)
            try:
                found = due(method, on_exists, job, None)
                if found is None:
                    yield Came(job, lambda: None)
                elif method.in_tiles(found[0].picture):
                    large = job, *found
                else:
                    away.send(job, partial(_restored_there, method, job, *found), idle.pop())
            except CgDenoiseError as error:
                yield Came(job, partial(_raise, error))
        if large is not None and not away and (of_each := away.threads()):
            yield Large(*large, with_threads(method, of_each), Workers(away))
            away.leave()  # it may have failed, or have been interrupted
            large = None
            continue
        for job, outcome in away.back():
            yield Came(job, outcome)
    away.leave()


class Workers:
    """Restores tiles on the workers of a scheduler: no more are in memory than there are workers."""

    def __init__(self, away: Away) -> None:
        self._away = away

    def restored(
        self, tasks: Iterator[TileTask], there: int, count: int, hooks: Hooks
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield tiles with their numbers, as they come.

        Raises
        ------
        CgDenoiseError
            If one has ended its worker several times, or the scheduler is gone.
        """
        away, done, last = self._away, there, False
        whole = part_of(hooks, "tiles", 1, count + 1, of=count)
        while (away or not last) and not hooks.cancelled():
            for worker in () if last else away.idle():
                task = next(tasks, None)
                if task is None:
                    last = True
                    break
                away.send(task.index, partial(_tile_there, task), worker)
            whole.progress(Progress(f"{done} of {count}, {len(away)} at workers", done, count - done))
            for index, outcome in away.back():
                yield index, outcome()
                done += 1


def with_threads(method: Method, threads: int) -> Method:
    """Return a method whose log has another number of threads."""
    changed: Method = replace(method, options=replace(method.options, threads=threads))  # type: ignore[type-var]
    return changed


def _restored_there(method: Method, job: Job, source: Source, container: str, threads: int) -> Result:
    """Restore a picture, on a worker."""
    watch = Watch(lambda page, pages, now: None, lambda warnings: None, lambda: False)
    return restored(with_threads(method, threads), job, source, container, watch)


def _tile_there(task: TileTask, threads: int) -> NDArray[np.float32] | None:
    """Restore a tile, on a worker."""
    return task.restored(Hooks())


def _raise(error: BaseException) -> None:
    raise error
