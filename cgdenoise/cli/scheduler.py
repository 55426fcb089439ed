"""Jobs on the workers of a Dask scheduler, as events of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from cgdenoise.cli.batch import Moved, Restored, Warned
from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.picture import restore_due
from cgdenoise.cli.worker import Tell
from cgdenoise.cli.workers import Begun, Ended, Event, Lost
from cgdenoise.names import OnExists

if TYPE_CHECKING:
    from cgdenoise.jobs.files import Result
    from cgdenoise.jobs.method import Method
    from cgdenoise.jobs.plan import Job
    from cgdenoise.jobs.remote import Large


def on_scheduler(
    jobs: Sequence[Job],
    method: Method,
    on_exists: OnExists,
    address: str,
    threads: int | None,
    interrupt: Interrupt,
    tell: Callable[[Job, Moved | Warned], None],
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
    tell : callable
        Sees the job and what it says on the way.

    Raises
    ------
    OptionError
        If Dask is not installed, or no scheduler answers.
    """
    from cgdenoise.jobs.cluster import connected
    from cgdenoise.jobs.remote import Large, Sent, restore_on

    with connected(address) as client, interrupt.deferred():
        away: dict[Job, None] = {}
        for event in restore_on(client, jobs, method, on_exists, threads, interrupt.requested):
            if isinstance(event, Sent):
                away[event.job] = None
                yield Begun(event.job)
                continue
            del away[event.job]
            if isinstance(event, Large):
                yield Ended(event.job, partial(_with_crew, event, interrupt, partial(tell, event.job)))
            else:
                yield Ended(event.job, partial(_written, event.outcome, interrupt))
        for job in away:
            yield Lost(job, "interrupted; nothing was written", False)


def _written(outcome: Callable[[], Result | None], interrupt: Interrupt) -> Restored | None:
    result = outcome()
    if result is None:
        return None
    with interrupt.held():
        return Restored(result.write(None), result.made.pages)


def _with_crew(large: Large, interrupt: Interrupt, tell: Tell) -> Restored:
    from cgdenoise.runtime import prepare_process

    prepare_process(large.method.options.threads)  # what is decided here has the bytes that it would have there
    return restore_due(large.method, large.job, large.source, large.container, large.crew, interrupt, tell)
