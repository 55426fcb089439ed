"""Which output belongs to which input, and whether it can be written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cgdenoise import images
from cgdenoise.errors import ImageError, OptionError
from cgdenoise.fitlog.finished import is_output, made_by, read_finished
from cgdenoise.fitlog.records import Record
from cgdenoise.images import Picture
from cgdenoise.jobs.found import STREAM, Input
from cgdenoise.names import OnExists


@dataclass(frozen=True)
class Job:
    """One input and where its result goes; `STREAM` for either is a standard stream, and then there is no log.

    Attributes
    ----------
    source, target : str
        Names of the two.
    folder : str or None
        The folder that the user named for results and this one is in, which is made; None if the user named none.
    log_keeps_suffix : bool
        Whether the log's name has the target's suffix, because another result differs by that alone.
    """

    source: str
    target: str
    folder: str | None = None
    log_keeps_suffix: bool = False

    @property
    def log(self) -> Path | None:
        """Where the fit log goes: beside the output."""
        if self.target == STREAM:
            return None
        return Path(f"{self.target}.fit.jsonl") if self.log_keeps_suffix else Path(self.target).with_suffix(".fit.jsonl")


def plan(inputs: Sequence[Input], output: str | None, suffix: str, reference: str | None = None) -> list[Job]:
    """Decide where the result of each input goes.

    Parameters
    ----------
    inputs : sequence of Input
        Files, or `STREAM`.
    output : str, optional
        A file, a folder, or `STREAM`. Without it a result lies beside its input. Several inputs, or those of a folder, need a
        folder, which need not exist.
    suffix : str
        Added to the input's name where `output` does not name a file.
    reference : str, optional
        Another file that is read, and must not be replaced.

    Raises
    ------
    OptionError
        If two results would have one name, or one would replace an input.
    """
    folder = output if output is not None and _is_folder(output, inputs) else None
    if output is not None and folder is None and len(inputs) > 1:
        raise OptionError(f"{len(inputs)} inputs and one output, {output}; expected a folder")
    jobs = []
    for found in inputs:
        if output is not None and folder is None:
            target = output
        elif found.path == STREAM:
            target = os.path.join(folder, f"stdin{suffix}.png") if folder else STREAM
        else:
            path = Path(found.path)
            parent = Path(folder) / found.under if folder else path.parent
            target = str(parent / with_suffix(path.name, suffix))
        jobs.append(Job(found.path, target, folder))
    jobs = _with_logs_apart(jobs)
    read = {os.path.realpath(name) for name in [*(found.path for found in inputs), reference] if name not in (STREAM, None)}
    seen: set[str] = set()
    for job in jobs:
        for written in (job.target, os.fspath(job.log or job.target)):
            if written != STREAM and os.path.realpath(written) in read:
                raise OptionError("is an input; expected another name for the output", written)
        for written in dict.fromkeys([job.target, os.fspath(job.log or job.target)]):
            if os.path.realpath(written) in seen:
                problem = (
                    "two inputs would be written there; expected outputs of different names (folders as inputs are mirrored)"
                )
                raise OptionError(problem, written)
            seen.add(os.path.realpath(written))
    return jobs


def with_suffix(name: str, suffix: str, kind: str | None = None) -> str:
    """Return a file's name with something added before what tells its kind, which may be two suffixes, as in a.ome.tif.

    Parameters
    ----------
    name : str
        Without its folder.
    suffix : str
        What is added.
    kind : str, optional
        Takes the place of what tells the kind.
    """
    path = Path(name)
    ending = "".join(path.suffixes[-2:]) if path.suffixes[-2:-1] == [".ome"] else path.suffix
    return name.removesuffix(ending) + suffix + (ending if kind is None else kind)


def _is_folder(output: str, inputs: Sequence[Input]) -> bool:
    if output == STREAM:
        return False
    if output.endswith(os.sep) or Path(output).is_dir():
        return True
    several = len(inputs) > 1 or any(found.in_folder for found in inputs)
    return several and not os.path.lexists(output) and Path(output).suffix.lower() not in images.suffixes()


def _with_logs_apart(jobs: list[Job]) -> list[Job]:
    """Let the logs of results that differ by their suffixes alone keep those."""
    targets: dict[str, set[str]] = {}
    for job in jobs:
        targets.setdefault(str(job.log), set()).add(job.target)
    return [replace(job, log_keeps_suffix=job.log is not None and len(targets[str(job.log)]) > 1) for job in jobs]


def is_done(job: Job, on_exists: OnExists, version: str, command: str, input_sha256: str, options: Record) -> bool:
    """Tell whether a result is there already and needs not be made again.

    Parameters
    ----------
    job : Job
        Which.
    on_exists : OnExists
        Only `SKIP` asks.
    version, command, input_sha256, options
        What the result would be made by.
    """
    if on_exists is not OnExists.SKIP or job.log is None:
        return False
    finished = read_finished(job.log)
    wanted = made_by(version, command, input_sha256, options)
    return finished is not None and finished.complete and finished.made_by == wanted and is_output(finished, job.target)


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


def check_target(job: Job, picture: Picture, force: bool) -> str:
    """Check, before the fit, that the result can be written, and return the container it will have.

    Raises
    ------
    ImageError
        If the output exists and may not be replaced, cannot be written, or cannot hold the picture.
    """
    if job.target == STREAM:
        return picture.container
    container = images.container_for(job.target)
    images.check(picture, container, job.target)
    if job.folder is not None:
        images.make_folder(Path(job.target).parent)
    for written in (job.target, os.fspath(job.log or job.target)):
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
    images.check_writable(path)
