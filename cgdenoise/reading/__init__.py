"""What all readers of files share: errors of our own that carry the path, and no more memory than there is."""

from __future__ import annotations

import os
import sys
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from cgdenoise.errors import CgDenoiseError

_LONGEST_REASON = 200
"""Characters of what a library says: it may quote the file."""


@contextmanager
def about(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let our own errors in the block speak of a file, unless they speak of one already.

    Raises
    ------
    CgDenoiseError
        The same one, with `path` set.
    """
    try:
        yield
    except CgDenoiseError as error:
        if error.path is None:
            error.path = os.fspath(path)
        raise


@contextmanager
def reading(path: str | os.PathLike[str], kind: type[CgDenoiseError], expected: str) -> Iterator[None]:
    """Let whatever goes wrong in the block become an error of our own, and keep the libraries' warnings quiet.

    A damaged file can confuse a reader in more ways than can be listed, so nothing is taken for granted about what it raises.

    Parameters
    ----------
    path : path
        Of the file that is read.
    kind : class
        Of the error.
    expected : str
        What the file should have been.

    Raises
    ------
    CgDenoiseError
        Of that kind, or as it was raised in the block; in one line that begins with the path.
    """
    with about(path):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what matters of a file is checked; the rest is not the user's business
                yield
        except CgDenoiseError:
            raise
        except MemoryError as error:
            raise kind(f"does not fit in memory ({_reason(error)}); expected {expected}") from error
        except Exception as error:
            raise kind(f"cannot be read ({_reason(error)}); expected {expected}") from error


def check_affordable(size: int) -> None:
    """Check what a file promises, before memory is taken for it.

    Parameters
    ----------
    size : int
        Bytes of all arrays that are to be read.

    Raises
    ------
    MemoryError
        If they are more than half of the machine's memory: an array is held twice while it is brought into order.
    """
    limit = machine_memory() // 2
    if size > limit:
        raise MemoryError(f"{size} bytes, more than half of this machine's memory, which is {limit}")


def machine_memory() -> int:
    """Return the machine's memory in bytes; the largest size there is where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return sys.maxsize


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror[:1].lower() + error.strerror[1:]
    elif isinstance(error, LookupError) or not str(error):
        text = f"{type(error).__name__} {error}"  # the text is the key alone, or nothing
    else:
        text = str(error)
    return textwrap.shorten(text, _LONGEST_REASON, placeholder=" ...")
