"""What a reconstruction is worth, by what the measurements say of it."""

from __future__ import annotations

from dataclasses import dataclass

from cgdenoise.problems.problem import LinearProblem
from cgdenoise.restoration.results import Restoration


@dataclass(frozen=True)
class Verdict:
    """What a reconstruction is worth.

    Attributes
    ----------
    status : str
        "complete", "interrupted", "failed" where every fit failed, or "unexplained" where no measurement is explained.
    error : str or None
        Why it is "failed" or "unexplained".
    warnings : tuple of str
        What looks wrong.
    """

    status: str
    error: str | None
    warnings: tuple[str, ...]


def judge(problem: LinearProblem, result: Restoration, failure: str | None) -> Verdict:
    """Judge a reconstruction; `failure` is why every fit failed, if that is so."""
    warnings = (*result.warnings, *problem.warnings)
    if failure is not None:
        return Verdict("failed", failure, warnings)
    evidence = result.evidence
    if result.interrupted or evidence is None:
        return Verdict("interrupted" if result.interrupted else "complete", None, warnings)
    if evidence.explains_nothing and not problem.certain:
        error = f"nothing is explained: {evidence.summary()}; expected the operator that made the measurements"
        return Verdict("unexplained", error, warnings)
    doubt = evidence.doubt(problem.predicted)
    cause = "they tell little of one another" if problem.certain else f"{problem.operator} may not be what made them"
    doubts = (f"the measurements are hardly explained: {doubt}; {cause}",) if doubt else ()
    return Verdict("complete", None, warnings + doubts)
