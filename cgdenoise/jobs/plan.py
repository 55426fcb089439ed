"""Which output belongs to which input, and whether it can be written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cgdenoise import images
from cgdenoise.errors import ImageError, OptionError
from cgdenoise.images import Picture

STREAM = "-"
"""The name of standard input and standard output."""


@dataclass(frozen=True)
class Job:
    """One input and where its result goes; `STREAM` for either is a standard stream, and then there is no log."""

    source: str
    target: str

    @property
    def log(self) -> Path | None:
        """Where the fit log goes: beside the output."""
        return None if self.target == STREAM else Path(self.target).with_suffix(".fit.jsonl")


def plan(sources: Sequence[str], output: str | None, suffix: str, reference: str | None = None) -> list[Job]:
    """Decide where the result of each input goes.

    Parameters
    ----------
    sources : sequence of str
        Paths, or `STREAM`.
    output : str, optional
        A file, a folder, or `STREAM`. Without it a result lies beside its input.
    suffix : str
        Added to the input's name where `output` does not name a file.
    reference : str, optional
        Another file that is read, and must not be replaced.

    Raises
    ------
    OptionError
        If two results would have one name, or one would replace an input.
    """
    folder = output is not None and output != STREAM and (output.endswith(os.sep) or Path(output).is_dir())
    if output is not None and not folder and len(sources) > 1:
        raise OptionError(f"{len(sources)} inputs and one output, {output}; expected an existing folder")
    jobs = []
    for source in sources:
        if output is not None and not folder:
            target = output
        elif source == STREAM:
            target = os.path.join(output, f"stdin{suffix}.png") if output else STREAM
        else:
            path = Path(source)
            parent = Path(output) if output else path.parent
            target = str(parent / f"{path.stem}{suffix}{path.suffix}")
        jobs.append(Job(source, target))
    read = {os.path.realpath(name) for name in [*sources, reference] if name not in (STREAM, None)}
    seen: set[str] = set()
    for job in jobs:
        for written in (job.target, os.fspath(job.log or job.target)):
            if written != STREAM and os.path.realpath(written) in read:
                raise OptionError("is an input; expected another name for the output", written)
        for written in dict.fromkeys([job.target, os.fspath(job.log or job.target)]):
            if os.path.realpath(written) in seen:
                raise OptionError("two inputs would be written there; expected outputs of different names", written)
            seen.add(os.path.realpath(written))
    return jobs


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
