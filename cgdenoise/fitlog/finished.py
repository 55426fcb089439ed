"""Whether a result is there already: what the log beside it says, against what would be done."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cgdenoise.errors import CgDenoiseError
from cgdenoise.fitlog.reader import read_log
from cgdenoise.fitlog.records import Record, dump
from cgdenoise.images import hash_of_folder

_OF_THE_MACHINE = ("threads", "device")
"""Options that say where a result is computed, not which."""


@dataclass(frozen=True)
class Finished:
    """What a log says of a result.

    Attributes
    ----------
    input, output : str
        Names, as they were given.
    output_sha256 : str or None
        Of the result's bytes.
    made_by : dict
        Everything that decides the result: version, command, hash of the input, options.
    complete : bool
        Whether no page was interrupted or failed.
    """

    input: str
    output: str
    output_sha256: str | None
    made_by: Record
    complete: bool


def made_by(version: str, command: str, input_sha256: str, options: Record) -> Record:
    """Return everything that decides a result, as it reads after a round trip through a log."""
    kept = without_machine(options)
    found: Record = json.loads(
        dump([{"version": version, "command": command, "input_sha256": input_sha256, "options": kept}]).decode()
    )
    return found


def without_machine(options: Record) -> Record:
    """Return the options that decide which result is made, not where."""
    return {key: value for key, value in options.items() if key not in _OF_THE_MACHINE}


def read_finished(log: str | os.PathLike[str]) -> Finished | None:
    """Return what a log says of its result; None if there is no such log, or it cannot be read."""
    try:
        pages = read_log(log)
        first, ends = pages[0].header, [page.end for page in pages]
        return Finished(
            str(ends[0]["input"]),
            str(ends[0]["output"]),
            ends[0].get("output_sha256"),
            made_by(first["versions"]["cgdenoise"], first["command"], first["input"]["sha256"], first["options"]),
            all(end["status"] == "complete" for end in ends),
        )
    except (CgDenoiseError, KeyError, TypeError, AttributeError):
        return None


def logs_beside(path: str | os.PathLike[str]) -> list[Path]:
    """Return where the log of a result may be, were it one."""
    return [Path(path).with_suffix(".fit.jsonl"), Path(f"{os.fspath(path)}.fit.jsonl")]


def is_output(finished: Finished, path: str | os.PathLike[str]) -> bool:
    """Tell whether a file has the bytes that were written as a result."""
    try:
        if os.path.isdir(path):
            return hash_of_folder(path) == finished.output_sha256
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == finished.output_sha256
    except OSError:
        return False


def sha256(data: bytes) -> str:
    """Return the hash by which a result is known."""
    return hashlib.sha256(data).hexdigest()


def seal(records: list[Record], digest: str) -> list[Record]:
    """Return a log's records with the hash of the output in their ends, by which it is known again."""
    return [{**record, "output_sha256": digest} if record["type"] == "end" else record for record in records]
