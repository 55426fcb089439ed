"""What a kind of image file is to this package: how it is known, read, checked and written."""

from __future__ import annotations

import importlib
import os
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import BinaryIO, NoReturn

from cgdenoise.errors import CgDenoiseError, ImageError
from cgdenoise.reading.on_disk import Folder

from .picture import Picture, channel_count


@dataclass(frozen=True)
class ByRows:
    """How a kind of image file is read and written that need not be in memory as a whole.

    `unpack` takes an open file, its size, a folder for what is large, and the axes if the user names them; `write` a picture and
    an open file.
    """

    unpack: Callable[[BinaryIO, int, Folder, str | None], Picture]
    write: Callable[[Picture, BinaryIO], None]


@dataclass(frozen=True)
class InFolder:
    """How images are read and written that are folders, not files.

    `read` takes the path, a folder for what is large, and the axes if the user names them; `write` a picture and a path.
    """

    read: Callable[[str | os.PathLike[str], Folder, str | None], Picture]
    write: Callable[[Picture, str], None]


@dataclass(frozen=True)
class Container:
    """A kind of image file.

    Attributes
    ----------
    title : str
        In messages.
    magics : tuple of bytes
        What is in all such files, at byte `place`; empty if only the suffix tells.
    suffixes : tuple of str
        Of names of such files.
    decode, check, encode : callable
        Read a file's bytes; refuse a picture that would lose something; return a file's bytes.
    by_rows : ByRows or None
        How files are read and written that do not fit into memory.
    decode_stack : callable or None
        Reads a file of which the user says what its axes are; None where there is no doubt.
    place : int
        Of the magics.
    written_as : str or None
        Suffix of the files that come of such ones, where these can only be read: `encode` then is not called.
    in_folder : InFolder or None
        How such images are read and written, if they are folders: only the suffix tells them.
    """

    title: str
    magics: tuple[bytes, ...]
    suffixes: tuple[str, ...]
    decode: Callable[[bytes], Picture]
    check: Callable[[Picture], None]
    encode: Callable[[Picture], bytes]
    by_rows: ByRows | None = None
    decode_stack: Callable[[bytes, str], Picture] | None = None
    place: int = 0
    written_as: str | None = None
    in_folder: InFolder | None = None

    def is_of(self, head: bytes) -> bool:
        """Tell by the first bytes of a file whether it is one of these."""
        return bool(self.magics) and head.startswith(self.magics, self.place)


def needed(module: str, extra: str) -> ModuleType:
    """Import a module that a format needs.

    Raises
    ------
    ImageError
        If it is not installed; the message says how it will be.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImageError(f"needs the package {package}; install it with: pip install 'cgdenoise[{extra}]'") from error


@contextmanager
def rewriting(title: str) -> Iterator[None]:
    """Let whatever goes wrong with a file's old content in the block become an ImageError, and keep libraries' warnings quiet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (CgDenoiseError, MemoryError):
        raise
    except Exception as error:
        reason = textwrap.shorten(str(error) or type(error).__name__, 150, placeholder=" ...")
        raise ImageError(
            f"what this {title} holds besides pixels cannot be written again ({reason}); expected another format"
        ) from error


def check_one_size(picture: Picture, title: str) -> None:
    """Refuse pages of several sizes, for files that hold one array.

    Raises
    ------
    ImageError
        If there are such.
    """
    if len({page.shape for page in picture.pages}) > 1:
        raise ImageError(f"pages of several sizes do not fit in {title}; expected one size")


def check_planes(picture: Picture, title: str, planes: str) -> None:
    """Refuse what is no stack of grey planes of one size, for files that hold nothing else.

    Raises
    ------
    ImageError
        If pages have channels or alpha, or are of several sizes.
    """
    if any(channel_count(page) > 1 for page in picture.pages) or picture.alpha is not None:
        raise ImageError(f"channels beside each other do not fit in {title}, which holds {planes}; expected a grey image")
    check_one_size(picture, title)


def read_only(title: str, suffix: str) -> tuple[Callable[[Picture], None], Callable[[Picture], bytes]]:
    """Return how pictures are checked for, and written to, files that can only be read: both refuse."""

    def refuse(picture: Picture) -> NoReturn:
        raise ImageError(f"{title} files are read, not written; expected {suffix}")

    return refuse, refuse
