"""Which files a batch restores: names, folders and lists, less the results of an earlier run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cgdenoise import images
from cgdenoise.errors import ImageError
from cgdenoise.fitlog.finished import logs_beside, read_finished
from cgdenoise.reading import reading

STREAM = "-"
"""The name of standard input and standard output."""

_LARGEST_LIST = 1 << 28
"""Bytes of a list of names, at most: a million paths of 256 bytes."""


def called(path: str) -> str:
    """Return what an input is called in messages."""
    return "standard input" if path == STREAM else path


@dataclass(frozen=True)
class Input:
    """A file to restore, or `STREAM`.

    Attributes
    ----------
    path : str
        Its name.
    under : str
        Folder, below the output's, that its result belongs in: where it lies in the folder that the user named.
    in_folder : bool
        Whether the user named its folder rather than the file.
    """

    path: str
    under: str = ""
    in_folder: bool = False


def find(names: Sequence[str]) -> list[Input]:
    """Return the files that names stand for.

    Parameters
    ----------
    names : sequence of str
        Files, folders, or `STREAM`. A folder stands for all images in it and below, by their suffixes, in the order of their
        names; hidden ones do not count. Of several folders each keeps its name below the output's.

    Raises
    ------
    ImageError
        If a folder cannot be read, or has no image.
    """
    names = [name.rstrip(os.sep) if images.is_image_folder(name) else name for name in names]
    folders = sum(os.path.isdir(name) and not images.is_image_folder(name) for name in names)
    found: list[Input] = []
    for name in names:
        if not os.path.isdir(name) or images.is_image_folder(name):
            found.append(Input(name))
            continue
        kept = Path(os.path.abspath(name)).name if folders > 1 else ""
        inside = [Input(str(path), os.path.join(kept, path.relative_to(name).parent), True) for path in _images_in(name)]
        if not inside:
            raise ImageError(f"no image in this folder; expected files with {', '.join(images.suffixes())}", name)
        found += inside
    return found


def mirrored(inputs: Sequence[Input]) -> list[Input]:
    """Return inputs of which several files that the user named have one name with the folders these lie in, below the common one.

    So `d1/x.png d2/x.png` have two places in one folder of results.
    """
    named = [found.path for found in inputs if not found.in_folder and found.path != STREAM]
    if len({os.path.basename(path) for path in named}) == len(named):
        return list(inputs)
    places = {path: os.path.dirname(os.path.abspath(path)) for path in named}
    try:
        common = os.path.commonpath(list(places.values()))
    except ValueError:  # on several drives of Windows
        return list(inputs)
    return [
        replace(found, under=os.path.relpath(places[found.path], common)) if found.path in places else found for found in inputs
    ]


def without_results(inputs: Sequence[Input]) -> tuple[list[Input], list[str]]:
    """Return inputs less those that are results of others among them, by the logs beside them; and the names of those.

    Running `denoise *.png` twice then restores the same files as the first time.
    """
    names = {os.path.basename(found.path) for found in inputs}
    kept, results = [], []
    for found in inputs:
        source = None if found.path == STREAM else source_of_result(found.path)
        (kept.append(found) if source is None or source not in names else results.append(found.path))
    return kept, results


def source_of_result(path: str) -> str | None:
    """Return the name, without its folder, of the file that a result was made from; None if no log beside it says so."""
    for log in logs_beside(path):
        finished = read_finished(log)
        if finished is not None and os.path.basename(finished.output) == os.path.basename(path):
            return os.path.basename(finished.input)
    return None


def read_list(path: str, data: bytes, null: bool) -> list[str]:
    """Return the names in a list, one a line; or ended by zero bytes, as `find -print0` prints them.

    Raises
    ------
    ImageError
        If it names no file.
    """
    names = [os.fsdecode(name) for name in data.split(b"\0" if null else b"\n")]
    names = [name if null else name.rstrip("\r") for name in names]
    if not any(names):
        raise ImageError("names no file; expected a list of images", path)
    return [name for name in names if name]


def read_list_file(path: str) -> bytes:
    """Return the content of a file with names."""
    with reading(path, ImageError, "a list of images"):
        with open(path, "rb") as file:
            data = file.read(_LARGEST_LIST + 1)
        if len(data) > _LARGEST_LIST:
            raise ImageError(f"more than {_LARGEST_LIST} bytes; expected a list of images, which is smaller")
        return data


def _images_in(folder: str) -> Iterable[Path]:
    def stop(error: OSError) -> None:
        raise ImageError(f"cannot be read ({error.strerror}); expected a folder of images", error.filename or folder)

    known = images.suffixes()
    for place, folders, files in os.walk(folder, onerror=stop):
        pictures = [name for name in folders if images.is_image_folder(os.path.join(place, name))]
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in pictures)
        for name in sorted([*files, *pictures]):
            if not name.startswith(".") and name.lower().endswith(known):
                yield Path(place) / name
