"""Jobs on the workers of a Dask scheduler, as events of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from cgdenoise.cli.batch import Restored
from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.workers import Begun, Ended, Event, Lost
from cgdenoise.names import OnExists

if TYPE_CHECKING:
    from cgdenoise.jobs.files import Result
    from cgdenoise.jobs.method import Method
    from cgdenoise.jobs.plan import Job


def on_scheduler(
    jobs: Sequence[Job], method: Method, on_exists: OnExists, address: str, threads: int | None, interrupt: Interrupt
) -> Iterator[Event]:
    """Do jobs on the workers of a scheduler, and yield what becomes of them.

    Parameters
    ----------
    jobs : sequence of Job
        In the order in which they are begun.
    method : Method
        What is done.
    on_exists : OnExists
        With results that are there already.
    address : str
        Of the scheduler.
    threads : int or None
        Of each restoration; None for those of its worker.
    interrupt : Interrupt
        If it is requested, what has not come back is left.

    Raises
    ------
    OptionError
        If Dask is not installed, or no scheduler answers.
    """
    from cgdenoise.jobs.remote import Sent, connected, restore_on

    with connected(address) as client, interrupt.deferred():
        away: dict[Job, None] = {}
        for event in restore_on(client, jobs, method, on_exists, threads, interrupt.requested):
            if isinstance(event, Sent):
                away[event.job] = None
                yield Begun(event.job)
            else:
                del away[event.job]
                yield Ended(event.job, partial(_written, event.outcome, interrupt))
        for job in away:
            yield Lost(job, "interrupted; nothing was written", False)


def _written(outcome: Callable[[], Result | None], interrupt: Interrupt) -> Restored | None:
    result = outcome()
    if result is None:
        return None
    with interrupt.held():
        return Restored(result.write(None), result.made.pages)
