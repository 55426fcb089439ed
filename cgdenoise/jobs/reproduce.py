"""An experiment as files: its figure, the figure's data, and what is seen in it."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cgdenoise import __version__, images
from cgdenoise.errors import ImageError
from cgdenoise.experiments.drawing import encode
from cgdenoise.experiments.findings import Findings, Photograph, Setting, Table
from cgdenoise.experiments.registry import experiment_of

_KINDS = (".txt", ".csv", ".png", ".svg")

_WIDTH = 100
"""Columns of the text."""


@dataclass(frozen=True)
class Report:
    """What came of an experiment that was run, or was there already.

    Attributes
    ----------
    text : str
        What is seen, and the claims with their numbers.
    files : tuple of str
        Where that, the data and the figure are.
    holds : bool
        Whether all claims do.
    made : bool
        Whether it was run now.
    """

    text: str
    files: tuple[str, ...]
    holds: bool
    made: bool


def reproduce(name: str, folder: str, setting: Setting, force: bool) -> Report:
    """Run an experiment and write its files; one that is there from the same setting and version is not run again.

    Parameters
    ----------
    name : str
        Of the experiment.
    folder : str
        Where to; it is made.
    setting : Setting
        What to run it on.
    force : bool
        Run it, and replace what is there, whatever that is.

    Raises
    ------
    OptionError
        If there is no such experiment.
    ImageError
        If other files are there, or these cannot be written, or a photograph is too small.
    """
    experiment = experiment_of(name)
    files = tuple(os.path.join(folder, name + kind) for kind in _KINDS)
    made_by = f"Made by cgdenoise {__version__}: {_recipe(name, setting)}"
    if not force and (done := _finished(files, made_by)):
        return Report(done, files, "DOES NOT HOLD" not in done, made=False)
    images.make_folder(folder)
    for path in files:
        if not force and os.path.lexists(path):
            raise ImageError("exists, from another setting; expected a new folder (--force replaces it)", path)
        images.check_writable(path)
    start = time.perf_counter()
    memory = _Memory(os.path.join(folder, f"{name}.part.jsonl"), made_by)
    if force:
        memory.forget()
    findings = experiment.run(replace(setting, remember=memory.remember))
    seconds = time.perf_counter() - start
    text = _text(f"{experiment.title} ({experiment.source})", findings, [f"{seconds:.0f} s.", made_by])
    contents = (text.encode(), _csv(findings.table), encode(findings.figure, "png"), encode(findings.figure, "svg"))
    images.write_together(dict(zip(files, contents, strict=True)))
    memory.forget()
    return Report(text, files, all(claim.holds for claim in findings.claims), made=True)


class _Memory:
    """What an experiment has computed so far, in a file of JSON lines: one that was killed goes on where it was.

    Parameters
    ----------
    path : str
        Of the file. It is made with the first numbers.
    made_by : str
        What has to be the same for its numbers to count.
    """

    def __init__(self, path: str, made_by: str) -> None:
        self._path, self._made_by = path, made_by
        self._known: dict[str, list[float]] = {}
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                with contextlib.suppress(ValueError, KeyError, TypeError):  # the last line may be torn
                    entry = json.loads(line)
                    if entry["made_by"] == made_by:
                        self._known[entry["name"]] = [float(number) for number in entry["numbers"]]

    def remember(self, name: str, compute: Callable[[], list[float]]) -> list[float]:
        """Return numbers that are known by a name, or compute and keep them."""
        if name not in self._known:
            self._known[name] = compute()
            entry = {"made_by": self._made_by, "name": name, "numbers": self._known[name]}
            images.append(self._path, f"\n{json.dumps(entry)}\n".encode())  # a torn line before it ends here
        return self._known[name]

    def forget(self) -> None:
        """Know nothing, and remove the file."""
        self._known.clear()
        with contextlib.suppress(OSError):
            os.unlink(self._path)


def _recipe(name: str, setting: Setting) -> str:
    size = "quick" if setting.quick else "whole"
    return f"{name}, {size}, seed {setting.seed}, photographs {_hash(setting.photographs)}"


def _hash(photographs: Sequence[Photograph]) -> str:
    digest = hashlib.sha256()
    for photograph in photographs:
        digest.update(f"{photograph.name} {photograph.values.shape}".encode())
        digest.update(photograph.values.tobytes())
    return digest.hexdigest()[:16]


def _finished(files: Sequence[str], made_by: str) -> str | None:
    """Return the text of files that are all there and were made in the same way."""
    if not all(map(os.path.isfile, files)):
        return None
    try:
        text = Path(files[0]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return text if text.rstrip().endswith(made_by) else None


def _text(title: str, findings: Findings, remarks: Sequence[str]) -> str:
    seen = textwrap.wrap(findings.seen, _WIDTH)
    return "\n".join([title, "", *seen, "", *findings.numbers, "", *map(str, findings.claims), "", *remarks, ""])


def _csv(table: Table) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([f"{value:.8g}" if isinstance(value, float) else value for value in row] for row in table.rows)
    return text.getvalue().encode()
