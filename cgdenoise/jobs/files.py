"""From the bytes of a file to those of the result and of its log: decided and checked, restored, written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cgdenoise import __version__, images
from cgdenoise.fitlog.finished import seal
from cgdenoise.fitlog.outcome import Names
from cgdenoise.fitlog.records import Record, dump
from cgdenoise.jobs.found import STREAM, called
from cgdenoise.jobs.method import Method, Watch
from cgdenoise.jobs.pages import Source, load
from cgdenoise.jobs.plan import Job, check_target, is_done, may_replace
from cgdenoise.names import OnExists
from cgdenoise.reading import about


@dataclass(frozen=True)
class Written:
    """What is to be written of an input.

    Attributes
    ----------
    picture : bytes
        The result.
    files : dict
        All that goes to files, by path; the result first, unless it goes to standard output.
    ends : list of dict
        The last record of the log of each page that was begun.
    begun, pages : int
        Pages that were begun, and all there are.
    """

    picture: bytes
    files: Mapping[str, bytes]
    ends: list[Record]
    begun: int
    pages: int


def due(method: Method, on_exists: OnExists, job: Job, data: bytes) -> tuple[Source, str] | None:
    """Return an input and the container of its result, which can be written; None if that is there already, complete.

    Raises
    ------
    ImageError
        If the input cannot be read, or the result not be written.
    """
    source = load(called(job.source), data)
    if is_done(job, on_exists, __version__, method.options.command, source.description["sha256"], method.settings()):
        return None
    with about(called(job.source)):
        blank = method.blank(source.picture)
    return source, check_target(job, blank, may_replace(job, on_exists))


def restored(method: Method, job: Job, source: Source, container: str, watch: Watch) -> Written:
    """Restore an input; nothing is written but what `watch` keeps of tiles."""
    options = method.options
    names = Names(options.command, job.source, job.target, job.log, options.preset_name, options.arguments)
    with about(called(job.source)):
        made = method.restore(source, names, watch)
    picture = images.encode(made.picture, container, job.target)
    records = seal(made.records, picture)
    files = {} if job.target == STREAM else {job.target: picture}
    if job.log is not None:
        files[job.log] = dump(records)
    ends = [record for record in records if record["type"] == "end"]
    return Written(picture, files, ends, made.begun, len(source.picture.pages))
