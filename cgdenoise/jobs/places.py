"""What the user says of where results go, and the names that come of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cgdenoise.errors import OptionError
from cgdenoise.images import is_image_folder
from cgdenoise.jobs.found import STREAM, Input

LOG, SIDES = ".fit.jsonl", ".sides.png"
"""Endings of what belongs to a result."""


@dataclass(frozen=True)
class Places:
    """Where the user wants results.

    Attributes
    ----------
    output : str or None
        A file, a folder, or `STREAM`. Without it a result lies beside its input. Several inputs, or those of a folder, need a
        folder, which need not exist; a new name without a suffix is one.
    suffix : str
        Added to the input's name where `output` does not name a file.
    log : str or None
        A file for the log, or for those of several inputs a folder. Without it a log lies beside its result, if that is a file.
    keep_log : bool
        False for no log at all.
    sides : str or None
        A file for the picture of before and after, or for those of several inputs a folder. Without it there is none.
    """

    output: str | None
    suffix: str
    log: str | None = None
    keep_log: bool = True
    sides: str | None = None


def beside_results(
    targets: Sequence[str], inputs: Sequence[Input], place: str | None, ending: str, what: str
) -> list[tuple[str | None, tuple[str, ...]]]:
    """Return for each result the name of something that belongs to its result, and the folders that are made for it.

    Those of results that differ by their suffixes alone keep these.

    Parameters
    ----------
    targets, inputs : sequences
        Where the results go, and what they are made from.
    place : str or None
        The user's: a file, or a folder; None for beside the result, if that is a file.
    ending : str
        Of the name, in the place of the result's suffix.
    what : str
        What it is, for messages.
    """
    folder = folder_of(place, inputs, (Path(ending).suffix,), what)
    if place is not None and folder is None:
        if ending == SIDES:
            check_sides(place)
        return [(place, ()) for _ in targets]
    results = [_beside(target, found, folder) for target, found in zip(targets, inputs, strict=True)]
    names = [None if result is None else str(Path(result).with_suffix(ending)) for result in results]
    sharing: dict[str | None, set[str | None]] = {}
    for result, name in zip(results, names, strict=True):
        sharing.setdefault(name, set()).add(result)
    apart = [
        f"{result}{ending}" if name and len(sharing[name]) > 1 else name for result, name in zip(results, names, strict=True)
    ]
    return [(name, () if folder is None or name is None else (str(Path(name).parent),)) for name in apart]


def check_sides(path: str) -> None:
    """Check the name of a picture of before and after.

    Raises
    ------
    OptionError
        If it is no PNG.
    """
    if Path(path).suffix.lower() != ".png":
        raise OptionError(f"suffix {Path(path).suffix!r}; expected .png for --side-by-side", path)


def _beside(target: str, found: Input, folder: str | None) -> str | None:
    """Return the name that what belongs to a result takes its own from: the result's or, in another folder, one like it."""
    if folder is None:
        return None if target == STREAM else target
    return os.path.join(folder, found.under, "stdout" if target == STREAM else os.path.basename(target))


def with_suffix(name: str, suffix: str, kind: str | None = None) -> str:
    """Return a file's name with something added before what tells its kind: perhaps two suffixes, as in a.ome.tif and a.nii.gz.

    Parameters
    ----------
    name : str
        Without its folder.
    suffix : str
        What is added.
    kind : str, optional
        Takes the place of what tells the kind.

    Raises
    ------
    OptionError
        If what is added would name a folder.
    """
    if Path(suffix).name != suffix and suffix:
        raise OptionError(f"--suffix {suffix}; expected a part of a file's name, as _restored (--output names folders)")
    path = Path(name)
    twofold = path.suffixes[-2:-1] == [".ome"] or name.lower().endswith(".nii.gz")
    ending = "".join(path.suffixes[-2:]) if twofold else path.suffix
    return name.removesuffix(ending) + suffix + (ending if kind is None else kind)


def folder_of(name: str | None, inputs: Sequence[Input], of_files: Sequence[str], what: str) -> str | None:
    """Return a name that the user gave if it means a folder for what comes of the inputs.

    Raises
    ------
    OptionError
        If it means a file, and there are several inputs.
    """
    if name is None:
        return None
    several = len(inputs) > 1 or any(found.in_folder for found in inputs)
    new_folder = several and not os.path.lexists(name) and not name.lower().endswith(tuple(of_files))
    if name != STREAM and (name.endswith(os.sep) or new_folder or (Path(name).is_dir() and not is_image_folder(name))):
        return name
    if len(inputs) > 1:
        raise OptionError(f"{len(inputs)} inputs and one {what}, {name}; expected a folder")
    return None
