"""Standard input and output as the places of images and lists; and what names of inputs stand for."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cgdenoise.cli.errors import Failures
from cgdenoise.errors import ImageError

if TYPE_CHECKING:
    from cgdenoise.images import Picture


def expanded(names: Iterable[str], failures: Failures) -> Iterator[str]:
    """Yield the files that names stand for, one after the other; a folder without any is noted as a failure."""
    from cgdenoise.jobs.found import find

    for name in names:
        found = []
        with failures.noted(name):
            found = find([name])
        yield from (each.path for each in found)


def read_stdin(expected: str) -> bytes:
    """Return all of standard input.

    Raises
    ------
    ImageError
        If it is closed.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise ImageError(f"closed; expected {expected}", "standard input")
    return sys.stdin.buffer.read()


def read_input(source: str, axes: str | None) -> tuple[Picture, str]:
    """Return the picture in a file, a folder that is one, or standard input, with the SHA-256 of its bytes.

    Parameters
    ----------
    source : str
        Its name.
    axes : str or None
        As `images.decode` takes them.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    from cgdenoise import images
    from cgdenoise.fitlog.finished import sha256
    from cgdenoise.jobs.found import STREAM, called

    if source == STREAM:
        data = read_stdin("an image")
        return images.decode(data, called(source), axes), sha256(data)
    return images.open_image(source, tempfile.gettempdir(), axes)


def write_stdout(data: bytes) -> None:
    """Write an image to standard output.

    Raises
    ------
    ImageError
        If it cannot be written.
    """
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ImageError(f"cannot be written ({error.strerror})", "standard output") from error
