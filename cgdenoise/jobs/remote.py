"""Pictures restored on other machines by Dask: what is sent there, what comes back, and what becomes of a worker that is lost."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cgdenoise import __version__, images
from cgdenoise.errors import CgDenoiseError, OptionError
from cgdenoise.jobs.files import Result, due, restored
from cgdenoise.jobs.found import called
from cgdenoise.jobs.method import Method, Watch
from cgdenoise.jobs.pages import load
from cgdenoise.jobs.plan import Job
from cgdenoise.names import OnExists
from cgdenoise.runtime import prepare_process

if TYPE_CHECKING:
    from distributed import Client, Future

_ANSWERS = 5.0
"""Seconds in which a scheduler has to answer. By hand."""

_PATIENCE = 0.2
"""Seconds between looks at whether the user asks for the end. By hand."""

_one_at_a_time = threading.Lock()
"""A restoration has all threads of its worker, which may offer several places."""


@dataclass(frozen=True)
class Task:
    """What is sent to a worker: which job, what is done, the input's bytes, the result's container, and the version here."""

    job: Job
    method: Method
    data: bytes
    container: str
    threads: int | None
    version: str = __version__


@dataclass(frozen=True)
class Failed:
    """An error of a task, as text: the error itself may hold whole images."""

    message: str
    path: str | None


def run(task: Task) -> Result | Failed:
    """Restore a picture, on a worker."""
    if task.version != __version__:
        raise OptionError(f"a worker has cgdenoise {__version__}; expected {task.version}, as here")
    with _one_at_a_time:
        threads = task.threads or _threads_here()
        prepare_process(threads)
        method = replace(task.method, options=replace(task.method.options, threads=threads))  # type: ignore[type-var]
        watch = Watch(lambda page, pages, now: None, lambda warnings: None, lambda: False)
        try:
            source = load(called(task.job.source), task.data, method.options.axes)
            return restored(method, task.job, source, task.container, watch)
        except CgDenoiseError as error:
            return Failed(error.message, error.path)


def _threads_here() -> int:
    from distributed import get_worker

    return int(get_worker().state.nthreads)


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """Connect to a scheduler.

    Raises
    ------
    OptionError
        If Dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise OptionError("--scheduler needs Dask; install it with: pip install 'cgdenoise[distributed]'") from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it says of lost workers is said otherwise
    try:
        # Before there is a client, which would go on trying, and keep the process from its end.
        asyncio.run(_call(address))
        client = Client(address, timeout=_ANSWERS)
    except Exception as error:  # who knows what is raised if something else answers
        raise OptionError(
            f"--scheduler {address}: no scheduler answers; expected the address that dask scheduler prints, as tcp://host:8786"
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=2)


async def _call(address: str) -> None:
    from distributed.comm import connect

    answer = await asyncio.wait_for(connect(address, timeout=_ANSWERS), _ANSWERS)
    answer.abort()


@dataclass(frozen=True)
class Sent:
    """A job was sent to a worker."""

    job: Job


@dataclass(frozen=True)
class Came:
    """A job is over: the call returns its result, None if that was there already, or raises its error."""

    job: Job
    outcome: Callable[[], Result | None]


def restore_on(
    client: Client, jobs: Sequence[Job], method: Method, on_exists: OnExists, threads: int | None, stop: Callable[[], bool]
) -> Iterator[Sent | Came]:
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
    waiting, running = deque(jobs), dict[Any, tuple[Job, str]]()
    while (waiting or running) and not stop():
        idle = [worker for worker in _workers(client) if worker not in {place for _, place in running.values()}]
        while waiting and idle:
            job = waiting.popleft()
            yield Sent(job)
            try:
                task = _task(job, method, on_exists, threads)
            except CgDenoiseError as error:
                yield Came(job, _raising(error))
                continue
            if task is None:
                yield Came(job, lambda: None)
                continue
            place = idle.pop()
            running[_submitted(client, task, place)] = job, place
        for future in _done(list(running)):
            job, _ = running.pop(future)
            yield Came(job, _outcome(future))
            future.release()
    client.cancel(list(running))


def _workers(client: Client) -> list[str]:
    try:
        return sorted(client.nthreads())
    except OSError as error:
        raise CgDenoiseError("the scheduler is gone; what is done is done, and --on-exists skip goes on from there") from error


def _submitted(client: Client, task: Task, worker: str) -> Future:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a task is large: it holds a picture
        return client.submit(run, task, workers=[worker], allow_other_workers=True, pure=False)


def _done(futures: list[Future]) -> set[Future]:
    """Wait a moment, and return those that are done."""
    from distributed import wait

    if not futures:
        time.sleep(_PATIENCE)  # for workers to come
        return set()
    try:
        done: set[Future] = wait(futures, timeout=_PATIENCE, return_when="FIRST_COMPLETED").done
    except TimeoutError:
        return set()
    return done


def _task(job: Job, method: Method, on_exists: OnExists, threads: int | None) -> Task | None:
    data = images.read_bytes(job.source)
    found = due(method, on_exists, job, data)
    return None if found is None else Task(job, method, data, found[1], threads)


def _outcome(future: Future) -> Callable[[], Result | None]:
    from distributed import KilledWorker

    try:
        error = future.exception()
    except CancelledError:
        return _raising(CgDenoiseError("the scheduler has lost it; expected to be run again, with --on-exists skip"))
    if isinstance(error, KilledWorker):
        return _raising(CgDenoiseError("its worker was lost, several times, for want of memory perhaps"))
    if isinstance(error, ImportError):
        return _raising(OptionError(f"a worker cannot load cgdenoise ({error}); expected it to be installed there, too"))
    if error is not None:
        return _raising(error)
    result = future.result()
    if isinstance(result, Failed):
        return _raising(CgDenoiseError(result.message, result.path))
    return lambda: result


def _raising(error: BaseException) -> Callable[[], Result | None]:
    def call() -> Result | None:
        raise error

    return call
