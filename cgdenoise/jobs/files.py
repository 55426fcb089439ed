"""From the bytes of a file to those of the result and of its log: decided and checked, restored, written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from cgdenoise import __version__, images
from cgdenoise.fitlog.finished import seal, sha256
from cgdenoise.fitlog.outcome import Names
from cgdenoise.fitlog.records import Record, dump
from cgdenoise.jobs.found import called
from cgdenoise.jobs.method import Made, Method, Watch
from cgdenoise.jobs.pages import Source, load, load_file
from cgdenoise.jobs.plan import Job, check_target, is_done, may_replace, room_for
from cgdenoise.jobs.shown import side_by_side
from cgdenoise.names import OnExists
from cgdenoise.reading import about
from cgdenoise.restoration.units import Array


@dataclass(frozen=True)
class Result:
    """What has come of an input, before it is written.

    Attributes
    ----------
    job : Job
        Which input, and where to.
    made : Made
        The picture and the records of its log.
    container : str
        The picture's, when it is written.
    before : array
        The first page of the input.
    """

    job: Job
    made: Made
    container: str
    before: Array

    def encoded(self) -> bytes:
        """Return the picture's bytes, for standard output."""
        return images.encode(self.made.picture, self.container, self.job.target)

    def write(self, stream: bytes | None) -> list[Record]:
        """Write the picture and what belongs to it together, and return the last record of each page that was begun.

        Parameters
        ----------
        stream : bytes or None
            The picture, where it went to standard output.

        Raises
        ------
        ImageError
            If one of them cannot be written; then neither is.
        """
        with images.writing_together() as together:
            if stream is None:
                digest = images.add_picture(together, self.made.picture, self.container, self.job.target)
            else:
                digest = sha256(stream)
            if self.job.sides is not None:
                together.add(self.job.sides, side_by_side(self.before, self.made.picture.pages[0]))
            records = seal(self.made.records, digest)
            if self.job.log is not None:
                together.add(self.job.log, dump(records))
        return [record for record in records if record["type"] == "end"]


def due(method: Method, on_exists: OnExists, job: Job, data: bytes | None) -> tuple[Source, str] | None:
    """Return an input and the container of its result, which can be written; None if that is there already, complete.

    Parameters
    ----------
    method : Method
        What is to be done.
    on_exists : OnExists
        With what is there already.
    job : Job
        Which input.
    data : bytes or None
        Its bytes, if it is no file.

    Raises
    ------
    ImageError
        If the input cannot be read, or the result not be written.
    """
    # By the bytes, before a large file is unpacked.
    hashed = partial(images.hash_of_image, job.source) if data is None else partial(sha256, data)
    if is_done(job, on_exists, __version__, method.options.command, hashed, method.settings()):
        return None
    axes = method.options.axes
    source = load_file(job.source, room_for(job), axes) if data is None else load(called(job.source), data, axes)
    with about(called(job.source)):
        blank = method.blank(source.picture)
    return source, check_target(job, blank, may_replace(job, on_exists))


def restored(method: Method, job: Job, source: Source, container: str, watch: Watch) -> Result:
    """Restore an input; nothing is written but what `watch` keeps of tiles."""
    options = method.options
    names = Names(options.command, job.source, job.target, job.log, options.preset_name, options.arguments)
    with about(called(job.source)):
        made = method.restore(source, names, watch)
    return Result(job, made, container, source.picture.pages[0])
