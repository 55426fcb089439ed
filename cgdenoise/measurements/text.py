"""Numbers in text: a vector, or a matrix of rows, as spreadsheets, MATLAB and NumPy write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import MeasurementError
from cgdenoise.reading import check_affordable

_ROOM = 16
"""Bytes of memory for each of the file, at most: of a digit and a comma comes a complex number, beside the text. By hand."""

_SHOWN = 40
"""Characters of a wrong word in a message."""


def read_text(path: Path) -> NDArray[Any]:
    """Return the numbers of a text file, [rows, columns], float64 or complex128.

    They stand between commas, semicolons, tabs or spaces; where semicolons part them a comma is a decimal point. Complex ones
    are as 1+2j or 1+2i. What follows # or % is a comment, and a first line without any number a heading.

    Raises
    ------
    MeasurementError
        If something else is in it, or the rows have not the same length; without the path.
    """
    check_affordable(_ROOM * path.stat().st_size)
    rows: list[NDArray[Any]] = []
    for number, words in _lines(path.read_text("utf-8-sig")):
        row = _numbers(words)
        if isinstance(row, str):
            if not rows and not any(_is_number(word) for word in words):
                continue
            raise MeasurementError(f"line {number}: {row[:_SHOWN]!r}; expected numbers")
        if rows and len(row) != len(rows[0]):
            raise MeasurementError(f"line {number} has {len(row)} numbers; expected {len(rows[0])}, as the first one")
        rows.append(row)
    if not rows:
        raise MeasurementError("no numbers; expected some, between commas, semicolons, tabs or spaces")
    return np.stack(rows)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that are not blank, in words, with their numbers from 1."""
    semicolons = ";" in text
    for number, line in enumerate(text.splitlines(), 1):
        content = re.split("[#%]", line, maxsplit=1)[0].strip()
        if semicolons:
            content = content.replace(",", ".")
        elif "," in content:
            content = content.replace(",", ";")
        words = content.split(";") if ";" in content else content.split()
        if words and not words[-1].strip():  # a line may end in what parts its numbers
            words.pop()
        if words:
            yield number, [word.strip() for word in words]


def _numbers(words: list[str]) -> NDArray[Any] | str:
    """Return the words as numbers, or the first one that is none."""
    try:
        return np.array(words, np.float64)
    except ValueError:
        wrong = [word for word in words if not _is_number(word)]
        return wrong[0] if wrong else np.array([_complex(word) for word in words])


def _is_number(word: str) -> bool:
    try:
        _complex(word)
    except ValueError:
        return False
    return True


def _complex(word: str) -> complex:
    """Return a number in the spelling of Python or MATLAB."""
    return complex(re.sub(r"(?<=[\d.])i(?=\)?$)", "j", word))
