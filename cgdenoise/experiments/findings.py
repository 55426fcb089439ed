"""What an experiment is given and what it returns."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[np.float64]

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Photograph:
    """A real picture to experiment on: its name, and its values, (H, W) or (H, W, 3), in 0 to 1."""

    name: str
    values: Array


@dataclass(frozen=True)
class Setting:
    """What an experiment works with.

    Attributes
    ----------
    photographs : sequence of Photograph
        At least one.
    quick : bool
        Smaller and fewer: a minute or two on two cores rather than as the paper has it.
    seed : int
        Of all random numbers.
    device : str
        Where generators are fitted, as torch names it.
    progress : callable
        Takes what is being done, in a few words, and which share of the whole is done, 0 to 1.
    remember : callable
        Takes a name and what computes some numbers, and returns these; where an experiment is kept in files, numbers of an
        interrupted run are not computed again. For experiments of hours.
    """

    photographs: Sequence[Photograph]
    quick: bool
    seed: int = 0
    device: str = "cpu"
    progress: Callable[[str, float], None] = lambda what, share: None
    remember: Callable[[str, Callable[[], list[float]]], list[float]] = lambda name, compute: compute()


@dataclass(frozen=True)
class Claim:
    """A statement of the paper and the number that was measured to check it.

    Attributes
    ----------
    statement : str
        In a sentence.
    measured, bound : float
        The number, and where it has to lie for the statement to hold.
    comparison : "<=" or ">="
        Of the number with the bound.
    """

    statement: str
    measured: float
    comparison: Literal["<=", ">="]
    bound: float

    @property
    def holds(self) -> bool:
        """Whether the number is where it has to be; NaN is nowhere."""
        return _COMPARISONS[self.comparison](self.measured, self.bound)

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "DOES NOT HOLD"
        return f"{verdict}: {self.statement}: {self.measured:.4g} (expected {self.comparison} {self.bound:g})"


@dataclass(frozen=True)
class Table:
    """Numbers in rows, as they go into a CSV file."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[float | int | str, ...]]


@dataclass(frozen=True)
class Findings:
    """What came of an experiment.

    Attributes
    ----------
    seen : str
        What the figure shows, in a few sentences.
    numbers : sequence of str
        The main ones, a line each.
    claims : tuple of Claim
        What was checked.
    table : Table
        The figure's data.
    figure : matplotlib Figure
        To be saved.
    """

    seen: str
    numbers: Sequence[str]
    claims: tuple[Claim, ...]
    table: Table
    figure: Figure
