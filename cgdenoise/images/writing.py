"""Writing files: never half a one on disk, and nothing left of what failed."""

import contextlib
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO

from cgdenoise.errors import ImageError
from cgdenoise.reading import about


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write one file: `write_together`."""
    write_together({os.fspath(path): data})


def write_together(files: Mapping[str, bytes]) -> None:
    """Write files so that at any moment there is in each place either the old one or the whole new one.

    What a run that was killed has left half-written beside the same places is removed.

    Parameters
    ----------
    files
        By path, the whole content.

    Raises
    ------
    ImageError
        As `writing_together`.
    """
    remove_leftovers(files)
    with writing_together() as together:
        for path, data in files.items():
            together.add(path, data)


@contextlib.contextmanager
def writing_together() -> Iterator["Together"]:
    """Write files that belong together: in the block they are added, at its end they are all in their places, or none is.

    All are written beside their places first, and moved there when that has succeeded, the first of them last. A file in such a
    place is replaced; a symbolic link is followed, not replaced.

    Raises
    ------
    ImageError
        If one cannot be written; then the old files are untouched and nothing is left beside them.
    """
    with contextlib.ExitStack() as undo:
        together = Together(undo)
        yield together
        together.move()


class Together:
    """Files that have been written beside their places; `undo` removes them."""

    def __init__(self, undo: contextlib.ExitStack) -> None:
        self._undo = undo
        self._moves: list[tuple[str | os.PathLike[str], str, str]] = []

    def add(self, path: str | os.PathLike[str], content: bytes | Callable[[BinaryIO], None]) -> str:
        """Write a file's content, or what a function writes to it, and return the SHA-256 of that."""
        with _cannot_write(path):
            target, temporary = _places(path)
            descriptor = _create(temporary)
            self._undo.callback(_remove, temporary)
            with open(temporary, "w+b", opener=lambda *_: descriptor) as file:  # a file that knows its name, as tifffile asks
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    _written(file, content)
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._moves.append((path, temporary, target))
        return digest

    def add_folder(self, path: str | os.PathLike[str], write: Callable[[str], None]) -> str:
        """Let a function write a folder, and return the SHA-256 of that."""
        with _cannot_write(path):
            target, temporary = _places(path, folder=True)
            self._undo.callback(_remove, temporary)
            write(temporary)
            digest = hash_of_folder(temporary)
        self._moves.append((path, temporary, target))
        return digest

    def move(self) -> None:
        """Move all to their places."""
        for path, temporary, target in reversed(self._moves):
            with _cannot_write(path):
                if os.path.isdir(temporary) and os.path.isdir(target):
                    # A folder takes no other's place: the old one leaves it first.
                    old = f"{temporary.removesuffix('.tmp')}-old.tmp"
                    self._undo.callback(_remove, old)
                    os.rename(target, old)
                os.replace(temporary, target)


def hash_of_folder(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of all files below a folder, with their names, in order."""
    digest = hashlib.sha256()
    for place, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            digest.update(os.fsencode(os.path.relpath(os.path.join(place, name), path)) + b"\0")
            with open(os.path.join(place, name), "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def remove_leftovers(paths: Iterable[str | os.PathLike[str]]) -> None:
    """Remove what runs that were killed have left half-written beside places; each folder is looked through once."""
    prefixes: dict[str, set[str]] = {}
    for path in paths:
        with contextlib.suppress(ValueError):  # a name that none can have
            folder, name = os.path.split(os.path.realpath(path))
            prefixes.setdefault(folder, set()).add(_temporary_prefix(name))
    length = len(_temporary_prefix(""))
    for folder, of_targets in prefixes.items():
        leftovers: list[str] = []
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            leftovers = [entry.path for entry in entries if entry.name[:length] in of_targets and entry.name.endswith(".tmp")]
        for left in leftovers:
            _remove(left)


def append(path: str | os.PathLike[str], data: bytes) -> None:
    """Append to a file, which is made if need be, so that it is on the disk when this returns.

    Raises
    ------
    ImageError
        If it cannot be written.
    """
    with _cannot_write(path), open(path, "ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def check_writable(path: str | os.PathLike[str], folder: bool = False) -> None:
    """Check that a file can be made in `path`'s folder, by making one and removing it: cheap, before a long fit.

    A folder may be replaced only if `folder` says that another one will be.

    Raises
    ------
    ImageError
        If `write_atomically` would fail there now.
    """
    with _cannot_write(path):
        _, temporary = _places(path, folder)
        os.close(_create(temporary))
        _remove(temporary)


def make_folder(path: str | os.PathLike[str]) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises
    ------
    ImageError
        If it cannot be made.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"cannot be made ({reason}); expected a place for a folder", os.fspath(path)) from error


def _places(path: str | os.PathLike[str], folder: bool = False) -> tuple[str, str]:
    """Return where a file, or a folder, goes and where it is made: OSError if something else is there."""
    target = os.path.realpath(path)
    is_one = stat.S_ISDIR if folder else stat.S_ISREG
    if os.path.lexists(target) and not is_one(os.lstat(target).st_mode):
        raise OSError(
            0, "not a folder" if folder else "not a regular file"
        )  # to replace a device by a file is never what was meant
    # In the same directory, for a rename is atomic only within a file system.
    parent, name = os.path.split(target)
    return target, os.path.join(parent, f"{_temporary_prefix(name)}{secrets.token_hex(8)}.tmp")


def _temporary_prefix(name: str) -> str:
    # By a hash, for a name that has the target's in it could be too long.
    return f".cgdenoise-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}-"


def _create(temporary: str) -> int:
    # Mode 0o666 less the umask, as `open` would have it; `tempfile` would give 0o600.
    return os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)


def _written(file: BinaryIO, content: Callable[[BinaryIO], None]) -> None:
    try:
        content(file)
    except OSError as error:
        if error.errno is None:  # NumPy's, which says how much was written, and not why no more
            os.write(file.fileno(), b"\0")
        raise


@contextlib.contextmanager
def _cannot_write(path: str | os.PathLike[str]) -> Iterator[None]:
    with about(path):
        try:
            yield
        except (OSError, ValueError) as error:
            raise ImageError(f"cannot be written ({getattr(error, 'strerror', None) or error})") from error


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
