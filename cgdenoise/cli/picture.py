"""One picture restored and written by this process, while somebody watches and may interrupt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgdenoise.cli.batch import Moved, Restored, Warned
from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.streams import read_stdin, write_stdout
from cgdenoise.cli.worker import Tell
from cgdenoise.names import OnExists

if TYPE_CHECKING:
    from cgdenoise.jobs.method import Method
    from cgdenoise.jobs.pages import Source
    from cgdenoise.jobs.plan import Job
    from cgdenoise.restoration.tile_work import Crew


def restore_picture(method: Method, on_exists: OnExists, job: Job, interrupt: Interrupt, tell: Tell) -> Restored | None:
    """Restore one input and write what came of it; None if it was there already."""
    from cgdenoise.jobs.files import due
    from cgdenoise.jobs.found import STREAM
    from cgdenoise.restoration.tile_work import Here

    found = due(method, on_exists, job, read_stdin("an image") if job.source == STREAM else None)
    return None if found is None else restore_due(method, job, *found, Here(), interrupt, tell)


def restore_due(
    method: Method, job: Job, source: Source, container: str, crew: Crew, interrupt: Interrupt, tell: Tell
) -> Restored:
    """Restore an input that `files.due` has returned, and write what came of it.

    Parameters
    ----------
    method : Method
        What is done.
    job, source, container
        Of the input.
    crew : Crew
        Who restores its tiles, if it is large.
    interrupt : Interrupt
        Ends it early, with what is done so far.
    tell : callable
        Takes what is to be shown on the way.
    """
    from cgdenoise.jobs.files import restored
    from cgdenoise.jobs.found import STREAM
    from cgdenoise.jobs.large import LargePages
    from cgdenoise.jobs.method import Watch
    from cgdenoise.jobs.plan import room_for

    large = LargePages(None if job.target == STREAM else job.target, room_for(job), crew)
    watch = Watch(
        progress=lambda page, pages, now: tell(Moved(page, pages, now)),
        warn=lambda warnings: tell(Warned(tuple(warnings))),
        cancelled=interrupt.requested,
        large=large,
    )
    with interrupt.deferred():
        result, stream = restored(method, job, source, container, watch), None
        if job.target == STREAM:
            stream = result.encoded()
            write_stdout(stream)
        with interrupt.held():
            ends = result.write(stream)
        if not interrupt.signal:
            large.forget(result.made.begun)
    return Restored(ends, result.made.pages)
