"""A Dask scheduler and its workers: how they are reached, what is sent there, and what becomes of a worker that is lost."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cgdenoise import __version__
from cgdenoise.errors import CgDenoiseError, OptionError
from cgdenoise.runtime import prepare_process

if TYPE_CHECKING:
    from distributed import Client, Future

Work = Callable[[int], Any]
"""What a worker does, with so many threads. It is pickled, and so is its result."""

Outcome = Callable[[], Any]
"""Returns the result of a work, or raises its error."""

_ANSWERS = 5.0
"""Seconds in which a scheduler has to answer. By hand."""

_PATIENCE = 0.2
"""Seconds between looks at whether the user asks for the end. By hand."""

_one_at_a_time = threading.Lock()
"""A restoration has all threads of its worker, which may offer several places."""


@dataclass(frozen=True)
class Parcel:
    """What is sent to a worker: what is to be done, with how many threads (None for the worker's), and the version here."""

    work: Work
    threads: int | None
    version: str = __version__


@dataclass(frozen=True)
class Failed:
    """An error of a work, as text: the error itself may hold whole images."""

    message: str
    path: str | None


def run(parcel: Parcel) -> Any:
    """Do what was sent, on a worker."""
    if parcel.version != __version__:
        raise OptionError(f"a worker has cgdenoise {__version__}; expected {parcel.version}, as here")
    with _one_at_a_time:
        threads = parcel.threads or _threads_here()
        prepare_process(threads)
        try:
            return parcel.work(threads)
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


class Away:
    """Works that are away, one at each worker. What was at a worker that is lost is done by another.

    Parameters
    ----------
    client : Client
        Of the scheduler.
    threads : int or None
        Of each work; None for those of its worker.
    """

    def __init__(self, client: Client, threads: int | None) -> None:
        self._client, self._threads = client, threads
        self._running: dict[Any, tuple[Any, str]] = {}

    def __len__(self) -> int:
        """Return how many are away."""
        return len(self._running)

    def threads(self) -> int | None:
        """Return the threads of a work, those of the weakest worker if nothing was said of them; None without any worker."""
        return self._threads or min(self._workers().values(), default=None)

    def idle(self) -> list[str]:
        """Return the workers at which nothing is.

        Raises
        ------
        CgDenoiseError
            If the scheduler is gone.
        """
        busy = {place for _, place in self._running.values()}
        return sorted(worker for worker in self._workers() if worker not in busy)

    def send(self, key: Any, work: Work, worker: str) -> None:
        """Send a work, which is known by its key, to a worker."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a work is large: it holds a picture
            parcel = Parcel(work, self._threads)
            future = self._client.submit(run, parcel, workers=[worker], allow_other_workers=True, pure=False)
        self._running[future] = key, worker

    def back(self) -> Iterator[tuple[Any, Outcome]]:
        """Wait a moment, and yield what is over meanwhile: its key, and the call for its result."""
        for future in _done(list(self._running)):
            key, _ = self._running.pop(future)
            yield key, _outcome(future)
            future.release()

    def leave(self) -> None:
        """Leave all that has not come back."""
        self._client.cancel(list(self._running))
        self._running.clear()

    def _workers(self) -> dict[str, int]:
        try:
            return dict(self._client.nthreads())
        except OSError as error:
            raise CgDenoiseError(
                "the scheduler is gone; what is done is done, and --on-exists skip goes on from there"
            ) from error


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


def _outcome(future: Future) -> Outcome:
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


def _raising(error: BaseException) -> Outcome:
    def call() -> Any:
        raise error

    return call
