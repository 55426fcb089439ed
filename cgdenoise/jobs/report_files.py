"""The report of one result or of many: a web page, or an index and a page for each."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgdenoise import images
from cgdenoise.errors import LogError, OptionError
from cgdenoise.fitlog import story
from cgdenoise.jobs.plan import check_output
from cgdenoise.jobs.report import MARK, Result, as_text, embedded, filled, load, page_of
from cgdenoise.jobs.shown import grey_levels, shown_range
from cgdenoise.reading import reading
from cgdenoise.restoration.units import Array

_THUMBNAIL = 160
"""Side of a thumbnail in pixels, about."""

_WITHOUT_RESULT = 4
"""Doubt of an input that failed, which comes before all that `story.doubt` knows."""


@dataclass(frozen=True)
class Entry:
    """A line of an index.

    Attributes
    ----------
    name, noise : str
        What it is, and what noise it had.
    doubt : int
        How much it is to be doubted.
    doubts : tuple of str
        Why.
    picture : str
        Address of the thumbnail; empty if there is none.
    link : str
        Address of its page; empty if there is none.
    """

    name: str
    noise: str
    doubt: int
    doubts: tuple[str, ...]
    picture: str = ""
    link: str = ""

    @staticmethod
    def of(result: Result, link: str) -> Entry:
        """Return the line of a result whose page has an address."""
        end = result.log.end
        told = [end["error"] or "", "" if end["status"] == "complete" else end["status"], *end["warnings"]]
        picture = "" if result.after is None else embedded(_thumbnail(result.after))
        return Entry(
            result.name, story.noise(result.log.header), story.doubt(result.log), tuple(filter(None, told)), picture, link
        )

    @staticmethod
    def without_result(name: str, error: str) -> Entry:
        """Return the line of an input that could not be restored."""
        return Entry(Path(name).name, "", _WITHOUT_RESULT, (error,))


def check_report(target: str, replaces: bool, renews: bool = False) -> None:
    """Check, before the work, that a report can be written.

    Parameters
    ----------
    target : str
        Name of the page, or of the index.
    replaces : bool
        Whether it may take the place of any file.
    renews : bool
        Whether it may take the place of another report.

    Raises
    ------
    OptionError
        If it is not the name of a web page.
    ImageError
        If it exists and may not be replaced, or cannot be written.
    """
    if Path(target).suffix.lower() not in (".html", ".htm"):
        raise OptionError("no web page; expected a name with .html", target)
    check_output(target, replaces or (renews and _is_report(target)))


def write_report(
    logs: Sequence[str],
    failed: Sequence[tuple[str, str]],
    target: str,
    replaces: bool,
    folder: str | None = None,
    start: Array | None = None,
) -> None:
    """Write the report of results.

    Parameters
    ----------
    logs : sequence of str
        Their logs.
    failed : sequence of (str, str)
        Inputs that have no result, and why.
    target : str
        Name of the page; of several results, of an index. It is replaced: `check_report` is to be asked before.
    replaces : bool
        Whether pages of several results may take the place of files that are no reports.
    folder : str, optional
        For the pages of several results; beside the index, and named like it, if not given. It is made.
    start : array, optional
        Of a single result of measurements, the picture that is usual without any prior.
    """
    first = load(logs[0], start) if len(logs) == 1 and not failed else []
    if len(first) == 1:
        images.write_together({target: _page(first[0])})
        return
    place = Path(target).with_suffix("").with_name(f"{Path(target).stem}_pages") if folder is None else Path(folder)
    images.make_folder(place)
    entries = [Entry.without_result(*failure) for failure in failed]
    for log in logs:
        for result in load(log):
            name = f"{len(entries) - len(failed) + 1:04d}.html"
            check_report(str(place / name), replaces, renews=True)
            images.write_together({str(place / name): _page(result)})
            entries.append(Entry.of(result, name if folder is not None else f"{place.name}/{name}"))
    images.write_together({target: index_of(entries).encode()})


def index_of(entries: Sequence[Entry]) -> str:
    """Return a web page that lists results: those to be doubted first."""
    items = []
    for entry in sorted(entries, key=lambda entry: -entry.doubt):
        doubts = "".join(f'<div class="doubt">{as_text(text)}</div>' for text in entry.doubts)
        picture = f'<img alt="" src="{entry.picture}">' if entry.picture else "<span></span>"
        line = f"<div><b>{as_text(entry.name)}</b><br>{as_text(entry.noise)}{doubts}</div>"
        link = f' href="{html.escape(entry.link, quote=True)}"' if entry.link else ""
        items.append(f"<a{link}>{picture}{line}</a>")
    doubted = sum(entry.doubt > 0 for entry in entries)
    title = f"{len(entries)} result{'s' * (len(entries) != 1)}, {doubted} to be looked at"
    return filled(title, f'<h1>{title}</h1><div class="list">{"".join(items)}</div>')


def _page(result: Result) -> bytes:
    with reading(result.path, LogError, "a log that can be shown"):
        return page_of(result).encode()


def _thumbnail(values: Array) -> NDArray[np.uint8]:
    step = max(1, max(values.shape[:2]) // _THUMBNAIL)
    small = values[::step, ::step].astype(np.float64)
    return grey_levels(small, *shown_range(small))


def _is_report(path: str) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return MARK in file.read(1024)
    except OSError:
        return False
