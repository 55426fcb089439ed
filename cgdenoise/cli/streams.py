"""Standard input and output as the places of images and lists."""

from __future__ import annotations

import sys

from cgdenoise.errors import ImageError


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


def read_input(source: str) -> bytes:
    """Return the bytes of an image's file, or of standard input.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    from cgdenoise import images
    from cgdenoise.jobs.found import STREAM

    return read_stdin("an image") if source == STREAM else images.read_bytes(source)


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
