"""The journal of a batch: JSON lines that say of each input what has become of it, on the disk as soon as it has."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cgdenoise import images
from cgdenoise.errors import LogError
from cgdenoise.fitlog.finished import without_machine
from cgdenoise.fitlog.records import Record, dump
from cgdenoise.reading import reading

JOURNAL_FORMAT = 1
"""Version of the journal's format, in each record of type batch; docs/log.md has the fields."""

_LARGEST = 1 << 30
"""Bytes of a journal, at most: some hundred for each input, so that this is a batch of millions."""


class Journal:
    """A journal that is being written. Each record is on the disk when its call returns.

    Parameters
    ----------
    path : str
        Of the file, which is made. One that is there must be the journal of a batch with the same command and options.
    command : str
        What is done with the inputs.
    inputs : int
        How many there are.
    options : dict
        That the results depend on.

    Raises
    ------
    LogError
        If the file is something else.
    ImageError
        If it cannot be written.
    """

    def __init__(self, path: str, command: str, inputs: int, options: Record) -> None:
        from cgdenoise import __version__

        self._path = path
        begun: Record = json.loads(dump([{"command": command, "options": without_machine(options)}]))
        head = b""
        if os.path.lexists(path):
            for run in _read(path, "expected a new name, or a journal"):
                if run["type"] == "batch" and {key: run.get(key) for key in begun} != begun:
                    raise LogError("the journal of a batch with other options; expected the same ones, or a new name", path)
            head = b"" if _is_whole(path) else b"\n"  # a torn line before it ends here
        about = {"version": __version__, "inputs": inputs, "pid": os.getpid(), "host": platform.node()}
        images.append(path, head + dump([{"type": "batch", "format": JOURNAL_FORMAT, "time": _now(), **begun, **about}]))

    def write(self, kind: str, source: str | None, **fields: str | float | None) -> None:
        """Add a record about an input, or about all if it is None.

        Raises
        ------
        ImageError
            If it cannot be written.
        """
        about = {} if source is None else {"input": source}
        images.append(self._path, dump([{"type": kind, "time": _now(), **about, **fields}]))


@dataclass
class Status:
    """What a journal says.

    Attributes
    ----------
    command : str
        What was done.
    runs : int
        How often it was begun.
    inputs : int
        How many there were in the last run.
    states : dict
        The last record of each input. One that is skipped after it was done is done.
    began, last : datetime
        When the last run began, and when it last wrote.
    end : str or None
        How the last run ended: "complete" or "interrupted"; None if it did not say.
    going : bool or None
        Whether the process of the last run is alive; None if this machine cannot tell.
    made : int
        Results that the last run has made.
    """

    command: str
    runs: int
    inputs: int
    began: datetime
    last: datetime
    end: str | None
    going: bool | None
    made: int
    states: dict[str, Record] = field(default_factory=dict)

    def named(self, kind: str) -> list[Record]:
        """Return the last records of the inputs in a state: "running", "done", "failed" or "skipped"."""
        return [found for found in self.states.values() if found["type"] == kind]

    @property
    def waiting(self) -> int:
        """Number of inputs of which nothing has been said."""
        return max(0, self.inputs - len(self.states))

    @property
    def seconds(self) -> float:
        """How long the last run went on, as far as it wrote."""
        return (self.last - self.began).total_seconds()


def read_journal(path: str) -> Status:
    """Read a journal, also one whose writer was killed in the middle of a line.

    Raises
    ------
    LogError
        If it cannot be read, or is no journal.
    """
    status: Status | None = None
    done: dict[str, Record] = {}
    for record in _read(path, "expected a journal"):
        time = datetime.fromisoformat(record["time"])
        if record["type"] == "batch":
            before = status.states if status else {}
            runs = status.runs + 1 if status else 1
            status = Status(record["command"], runs, record["inputs"], time, time, None, _is_alive(record), 0, before)
            continue
        assert status is not None  # _read sees to it
        status.last = time
        if record["type"] == "end":
            status.end, status.going = record["status"], False
        else:
            done.update({record["input"]: record} if record["type"] == "done" else {})
            passed = record["type"] == "skipped" and record["input"] in done
            status.states[record["input"]] = done[record["input"]] if passed else record
            status.made += record["type"] == "done"
    if status is None:
        raise LogError("nothing in it yet; expected a journal", path)
    return status


_FIELDS: dict[str, dict[str, Any]] = {
    "batch": {"time": str, "command": str, "inputs": int},
    "running": {"time": str, "input": str, "output": str},
    "done": {"time": str, "input": str, "output": str, "status": str, "seconds": int | float},
    "failed": {"time": str, "input": str, "error": str},
    "skipped": {"time": str, "input": str, "output": str},
    "end": {"time": str, "status": str},
}
"""What is relied on: the types of records, and the types of their fields."""


def _read(path: str, expected: str) -> Iterator[Record]:
    """Yield the records of a journal, a batch first; a line that is not whole is passed over."""
    with reading(path, LogError, "a journal"):
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise LogError(f"more than {_LARGEST} bytes; expected a journal, which is smaller")
        begun = False
        for line in data.splitlines():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                record = None
            if record is None and (begun or line.startswith(b'{"type": "batch"')):
                continue
            if not _is_record(record):
                raise LogError(f"not the journal of a batch; {expected} that --journal has written")
            begun = begun or record["type"] == "batch"
            if not begun:
                raise LogError(f"does not begin as a journal does; {expected} that --journal has written")
            yield record


def _is_record(found: object) -> bool:
    if not (isinstance(found, dict) and found.get("type") in _FIELDS):
        return False
    return all(isinstance(found.get(key), kind) for key, kind in _FIELDS[found["type"]].items())


def _is_whole(path: str) -> bool:
    data = Path(path).read_bytes()
    return not data or data.endswith(b"\n")


def _is_alive(batch: Record) -> bool | None:
    """Tell whether the process that wrote a record is there, on this machine; signal 0 asks, but on Windows it ends."""
    if batch.get("host") != platform.node() or not isinstance(batch.get("pid"), int) or sys.platform == "win32":
        return None
    try:
        os.kill(batch["pid"], 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
