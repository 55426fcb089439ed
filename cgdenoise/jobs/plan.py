"""Which output belongs to which input, and whether it can be written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cgdenoise import images
from cgdenoise.errors import ImageError, OptionError
from cgdenoise.fitlog.finished import is_output, made_by, read_finished
from cgdenoise.fitlog.records import Record
from cgdenoise.images import Picture
from cgdenoise.jobs.found import STREAM, Input, mirrored
from cgdenoise.jobs.places import LOG, SIDES, Places, beside_results, folder_of, with_suffix
from cgdenoise.names import OnExists


@dataclass(frozen=True)
class Job:
    """One input and where its result goes; `STREAM` for either is a standard stream.

    Attributes
    ----------
    source, target : str
        Names of the two.
    log : str or None
        Where the log of the fit goes; None for nowhere.
    folders : tuple of str
        Those that are made for it: the user named them, or one above them, for results of several inputs.
    sides : str or None
        Where the picture of before and after goes; None for nowhere.
    """

    source: str
    target: str
    log: str | None = None
    folders: tuple[str, ...] = ()
    sides: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Everything that is written to a file."""
        return tuple(name for name in (self.target, self.sides, self.log) if name not in (STREAM, None))


def plan(inputs: Sequence[Input], places: Places, others: Sequence[str] = ()) -> list[Job]:
    """Decide where the result of each input goes.

    Parameters
    ----------
    inputs : sequence of Input
        Files, or `STREAM`.
    places : Places
        Where the user wants results.
    others : sequence of str
        More files that are read, and must not be replaced.

    Raises
    ------
    OptionError
        If two results would have one name, or one would replace an input.
    """
    inputs = mirrored(inputs)
    output = places.output
    # What has no suffix can be no picture.
    if output not in (None, STREAM) and not Path(output).suffix and not os.path.lexists(output):
        output = os.path.join(output, "")
    folder = folder_of(output, inputs, images.suffixes(), "output")
    jobs = []
    for found in inputs:
        folders: tuple[str, ...] = ()
        if output is not None and folder is None:
            target = output
        elif found.path == STREAM:
            target = os.path.join(folder, f"stdin{places.suffix}.png") if folder else STREAM
        else:
            path = Path(found.path)
            parent = Path(folder) / found.under if folder else path.parent
            target = str(parent / with_suffix(path.name, places.suffix, images.result_suffix(path.name)))
        if folder is not None:
            folders = (str(Path(target).parent),)
        jobs.append(Job(found.path, target, None, folders))
    targets = [job.target for job in jobs]
    if places.keep_log:
        logs = beside_results(targets, inputs, places.log, LOG, "log")
        jobs = [replace(job, log=name, folders=(*job.folders, *folders)) for job, (name, folders) in zip(jobs, logs, strict=True)]
    if places.sides is not None:
        sides = beside_results(targets, inputs, places.sides, SIDES, "picture side by side")
        jobs = [
            replace(job, sides=name, folders=(*job.folders, *folders)) for job, (name, folders) in zip(jobs, sides, strict=True)
        ]
    _check_apart(jobs, [*(found.path for found in inputs), *others])
    return jobs


def _check_apart(jobs: Sequence[Job], inputs: Sequence[str]) -> None:
    """Refuse to write where something is read, or two things to one place."""
    read = {os.path.realpath(name) for name in inputs if name != STREAM}
    seen: set[str] = set()
    for job in jobs:
        for written in job.files:
            if os.path.realpath(written) in read:
                raise OptionError("is an input; expected another name for the output", written)
        for written in job.files or (job.target,):
            if os.path.realpath(written) in seen:
                problem = (
                    "two inputs would be written there; expected outputs of different names (folders as inputs are mirrored)"
                )
                raise OptionError(problem, written)
            seen.add(os.path.realpath(written))


def is_done(job: Job, on_exists: OnExists, version: str, command: str, hashed: Callable[[], str | None], options: Record) -> bool:
    """Tell whether a result is there already and needs not be made again.

    Parameters
    ----------
    job : Job
        Which.
    on_exists : OnExists
        Only `SKIP` asks.
    version, command, options
        What the result would be made by.
    hashed : callable
        Returns the SHA-256 of the input's bytes, None if it cannot be told. Called last: of a large input it takes a while.
    """
    if on_exists is not OnExists.SKIP or job.log is None:
        return False
    finished = read_finished(job.log)
    if finished is None or not finished.complete:
        return False
    known = finished.made_by["input_sha256"]
    same = finished.made_by == made_by(version, command, known, options)
    return same and is_output(finished, job.target) and hashed() == known


def may_replace(job: Job, on_exists: OnExists) -> bool:
    """Tell whether an output that exists may be replaced: where finished ones are skipped, by what is a result, but out of date.

    A run that was killed between its two files leaves the new log beside an old result, or beside none.
    """
    if on_exists is not OnExists.SKIP or job.log is None:
        return on_exists is OnExists.OVERWRITE
    if not os.path.lexists(job.target):
        return read_finished(job.log) is not None
    finished = read_finished(job.log)
    return finished is not None and os.path.basename(finished.output) == os.path.basename(job.target)


def room_for(job: Job) -> str:
    """Return an existing folder with room for what does not fit into memory: where the output goes, as there is room for that."""
    if job.target == STREAM:
        return tempfile.gettempdir()
    folder = Path(job.target).absolute().parent
    return str(next(parent for parent in (folder, *folder.parents) if parent.is_dir()))


def check_target(job: Job, picture: Picture, force: bool) -> str:
    """Check, before the fit, that the result can be written, and return the container it will have.

    Raises
    ------
    ImageError
        If the output exists and may not be replaced, cannot be written, or cannot hold the picture.
    """
    container = images.written_as(picture.container)
    if job.target != STREAM:
        container = images.container_for(job.target)
        images.check(picture, container, job.target)
    for folder in job.folders:
        images.make_folder(folder)
    for written in job.files:
        check_output(written, force)
    return container


def check_output(path: str, force: bool) -> None:
    """Check that a file can be written, and replaces another only if that is meant.

    Raises
    ------
    ImageError
        If not.
    """
    if not force and os.path.lexists(path):
        raise ImageError("exists; expected a new name (--force replaces it)", path)
    images.check_writable(path, folder=images.is_image_folder(path))
