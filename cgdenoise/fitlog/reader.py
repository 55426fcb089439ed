"""A fit log read back: one entry a page, checked as far as a drawing relies on it."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from typing import Any

from cgdenoise.errors import LogError
from cgdenoise.fitlog.records import Record
from cgdenoise.reading import reading

_LARGEST = 1 << 30
"""Bytes of a log, at most. A page has some hundred kilobytes, so that this is a stack of thousands."""


@dataclass(frozen=True)
class FitLog:
    """One page of a fit log.

    Attributes
    ----------
    header, end : dict
        First and closing record.
    evaluations, fits : list of dict
        What lies between, in order.
    """

    header: Record
    evaluations: list[Record]
    fits: list[Record]
    end: Record


def read_log(path: str | os.PathLike[str]) -> list[FitLog]:
    """Read a fit log, one entry a page.

    Raises
    ------
    LogError
        If it cannot be read, is not JSON lines, or is not the log of a finished run.
    """
    with reading(path, LogError, "a fit log"):
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)  # a device or a pipe may have no end
        if len(data) > _LARGEST:
            raise LogError(f"more than {_LARGEST} bytes; expected a fit log, which is smaller")
        try:
            records = [_parsed(line) for line in data.decode("utf-8").splitlines()]
        except (ValueError, RecursionError) as error:
            raise LogError("not a fit log; expected JSON lines") from error
        return _pages(records)


def _parsed(line: str) -> Any:
    """Return a line's value. NaN, infinity and integers beyond 64 bits are not JSON's, or not drawable; ValueError tells."""
    return json.loads(line, parse_int=_whole, parse_float=_real, parse_constant=_real)


def _whole(digits: str) -> int:
    if abs(number := int(digits)) >= 2**63:
        raise ValueError(f"{digits} is beyond 64 bits")
    return number


def _real(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"{digits} is not finite")
    return number


_FORMER_NAMES = {"trial": "probe", "collapsed": "failed"}
"""Fields of format 1 whose names are others now."""


def _pages(records: list[Any]) -> list[FitLog]:
    for number, found in enumerate(records, start=1):
        if not (isinstance(found, dict) and isinstance(found.get("type"), str) and isinstance(found.get("page"), int)):
            raise LogError(f"line {number}: not a fit log; expected a JSON object with a type and a page")
    formats = {found.get("format") for found in records if found["type"] == "header"}
    if 1 in formats:
        records = [{_FORMER_NAMES.get(key, key): value for key, value in found.items()} for found in records]
    if formats & {1, 2}:
        records = [_counted_from_1(found) for found in records]
    pages = []
    for page in sorted({found["page"] for found in records}):
        of_page: dict[str, list[Record]] = {kind: [] for kind in _FIELDS}
        for found in records:
            if found["page"] == page and found["type"] in of_page:
                of_page[found["type"]].append(found)
        if len(of_page["header"]) != 1 or len(of_page["end"]) != 1:
            raise LogError(f"page {page} has no header or no end; expected the log of a finished run")
        pages.append(FitLog(of_page["header"][0], of_page["evaluation"], of_page["fit"], of_page["end"][0]))
    if not pages:
        raise LogError("empty; expected a fit log")
    return pages


def _counted_from_1(found: Record) -> Record:
    counts = {key: found[key] + 1 for key in ("page", "fit", "group") if isinstance(found.get(key), int)}
    return found | counts


_Number = int | float
_FIELDS: dict[str, dict[str, Any]] = {
    "header": {"page": int, "sigma": _Number | None, "input": dict},
    "evaluation": {
        "page": int,
        "fit": int,
        "iteration": int,
        "residual_rms": _Number | None,
        "held_out_rms": _Number | None,
    },
    "fit": {"page": int, "fit": int, "depth": int, "probe": bool, "iteration": int},
    "end": {"page": int, "status": str, "reason": str},
}
"""What a drawing of the log relies on: the fields of each type of record, and their types."""


def check_fields(log: FitLog, name: str) -> None:
    """Check that one page of a log has what is needed to draw it.

    Raises
    ------
    LogError
        If a field is missing or of the wrong type; the message names the file.
    """
    for found in (log.header, *log.evaluations, *log.fits, log.end):
        wrong = [key for key, kind in _FIELDS[found["type"]].items() if not isinstance(found.get(key, ...), kind)]
        if not isinstance(found.get("psnr"), _Number | None):
            wrong.append("psnr")
        if found is log.header and not wrong and not isinstance(found["input"].get("name"), str):
            wrong.append("input name")
        if wrong:
            problem = f"{wrong[0]} of a record of type {found['type']} is missing or of the wrong type"
            raise LogError(f"{problem}; expected a log that a fit has written", name)
