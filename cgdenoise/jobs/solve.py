"""The solution of a linear inverse problem, what it is worth, and the records of its log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import MeasurementError
from cgdenoise.fitlog import records as record
from cgdenoise.jobs.batch import Options, PageOutcome, evaluation_record, page_records, part_records, quality_record
from cgdenoise.problems.problem import LinearProblem
from cgdenoise.progress import Progress
from cgdenoise.restoration.evidence import Evidence
from cgdenoise.restoration.reconstruct import reconstruct
from cgdenoise.restoration.results import RestorationError, Snapshot
from cgdenoise.restoration.units import Scale

Array = NDArray[Any]


@dataclass(frozen=True)
class Verdict:
    """What a reconstruction is worth.

    Attributes
    ----------
    status : str
        "complete", "interrupted", "failed" where every fit collapsed, or "unexplained" where no measurement is explained.
    error : str or None
        Why it is "failed" or "unexplained".
    warnings : tuple of str
        What looks wrong.
    """

    status: str
    error: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Solution:
    """A reconstruction.

    Attributes
    ----------
    image : array
        Of the operator's `in_shape`, in the unit of the image.
    picture : array
        What `LinearProblem.view` shows of it.
    outcome : PageOutcome
        How it went.
    verdict : Verdict
        What it is worth.
    scale : Scale or None
        What was divided out for the fit and put back; None where every fit collapsed.
    records : list of dict
        The log.
    """

    image: Array
    picture: Array
    outcome: PageOutcome
    verdict: Verdict
    scale: Scale | None
    records: list[record.Record]


def solve(
    problem: LinearProblem,
    options: Options,
    description: record.Record,
    *,
    reference: Array | None,
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
) -> Solution:
    """Reconstruct the image and gather its log.

    Parameters
    ----------
    problem : LinearProblem
        Its noise level counts, not that of the options.
    options : Options
        How.
    description : dict
        Of the input, with its `name`, for the log.
    reference : array, optional
        Clean picture as `view` shows it, to compare with. It adds figures to the log and does nothing else.
    progress : callable
        Sees how far it is.
    cancelled : callable
        True ends the running fit.

    Raises
    ------
    MeasurementError
        If the reference is of another shape than the picture, or not finite; and as `reconstruct`.
    """
    if reference is not None:
        _check_reference(problem, reference)
    evaluations: list[record.Record] = []

    def observe(snapshot: Snapshot) -> None:
        seen = replace(snapshot, image=lambda: problem.view(snapshot.image()))
        evaluations.append(evaluation_record(0, seen, reference))

    message, scale, evidence = None, None, None
    try:
        image, result, scale, evidence = reconstruct(
            problem.operator,
            problem.y,
            sampling=problem.sampling,
            sigma=problem.sigma,
            preset=options.preset,
            seed=options.seed,
            device=options.device,
            consistency=problem.consistency,
            observers=[observe],
            progress=progress,
            cancelled=cancelled,
        )
    except RestorationError as error:
        image, result, message = error.best, error.result, str(error)
    result = replace(result, sigma_estimated=problem.sigma_estimated)
    picture = problem.view(image)
    quality = quality_record(picture, reference)
    parts = part_records(result, problem.view, reference)
    outcome = PageOutcome(0, result, quality.get("psnr"), quality.get("ssim"), parts, message)
    description = description | {
        "operator": str(problem.operator),
        "measurements": list(problem.y.shape),
        "order": "row-major",
        "scale": None if scale is None else asdict(scale),
        "missing": problem.missing,
    }
    records = page_records(description, replace(options, sigma=problem.sigma), outcome, evaluations)
    verdict = _judge(problem, outcome, evidence)
    records[-1] |= {"status": verdict.status, "warnings": list(verdict.warnings)}
    if verdict.error:
        records[-1]["error"] = verdict.error
    if evidence:
        records[-1]["evidence"] = asdict(evidence)
    return Solution(image, picture, outcome, verdict, scale, records)


def _judge(problem: LinearProblem, outcome: PageOutcome, evidence: Evidence | None) -> Verdict:
    if outcome.status != "complete" or evidence is None:
        return Verdict(outcome.status, outcome.error, problem.warnings)
    if evidence.explains_nothing and not problem.certain:
        error = f"nothing is explained: {evidence.summary()}; expected the operator that made the measurements"
        return Verdict("unexplained", error, problem.warnings)
    doubt = evidence.doubt(problem.predicted)
    cause = "they tell little of one another" if problem.certain else f"{problem.operator} may not be what made them"
    doubts = (f"the measurements are hardly explained: {doubt}; {cause}",) if doubt else ()
    return Verdict("complete", None, problem.warnings + doubts)


def _check_reference(problem: LinearProblem, reference: Array) -> None:
    expected = problem.view(np.zeros(problem.operator.in_shape)).shape
    if reference.shape != expected:
        raise MeasurementError(f"the reference has shape {reference.shape}; expected {expected}, as the reconstruction")
    if reference.dtype.kind not in "uif" or not np.isfinite(reference).all():
        raise MeasurementError(f"the reference is of {reference.dtype} and has to be real and finite throughout")
