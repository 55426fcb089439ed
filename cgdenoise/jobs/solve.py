"""The solution of a linear inverse problem, and what its log says."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from cgdenoise.errors import MeasurementError
from cgdenoise.fitlog.outcome import Names, Outcome, evaluation_record, likeness_of, outcome_of, page_log
from cgdenoise.fitlog.records import Record
from cgdenoise.jobs.options import Options
from cgdenoise.problems.problem import LinearProblem
from cgdenoise.problems.verdict import judge
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.reconstruct import run_reconstruction
from cgdenoise.restoration.results import RestorationError, Snapshot
from cgdenoise.restoration.units import OF_VOLUME, Array

_ONE_UNIT = 10.0
"""Ratio of the ranges of a picture and its reference up to which they may be of one unit. By hand."""


@dataclass(frozen=True)
class Solution:
    """A reconstruction.

    Attributes
    ----------
    image : array
        Of the operator's `in_shape`, in the unit of the image.
    picture : array
        What `LinearProblem.view` shows of it.
    outcome : Outcome
        How it went.
    evaluations : list of dict
        Of the fits, for the log.
    """

    image: Array
    picture: Array
    outcome: Outcome
    evaluations: list[Record]


def solve(problem: LinearProblem, options: Options, reference: Array | None, hooks: Hooks) -> Solution:
    """Reconstruct the image.

    Parameters
    ----------
    problem : LinearProblem
        Its noise level counts, not what the options say.
    options : Options
        How.
    reference : array or None
        Clean picture as `view` shows it, to compare with; of a volume also as the operator takes it, or without its one channel.
        It adds figures to the log and does nothing else.
    hooks : Hooks
        To watch it and to end it.

    Raises
    ------
    MeasurementError
        If the reference is of another shape than the picture, or not finite; and as `reconstruct`.
    """
    if reference is not None:
        reference = _as_shown(problem, reference)
    evaluations: list[Record] = []

    def observe(snapshot: Snapshot) -> None:
        seen = replace(snapshot, image=lambda: problem.shown(snapshot.image()))
        evaluations.append(evaluation_record(0, seen, reference))

    request = problem.request(options.preset, options.seed, options.device)
    failure = None
    try:
        result = run_reconstruction(request, replace(hooks, observers=[observe]))
    except RestorationError as error:
        result, failure = error.best, str(error)
    result = problem.solved(result)
    picture = problem.view(result.image)
    verdict = judge(problem, result, failure)
    outcome = replace(
        outcome_of(0, result, picture, problem.shown, reference),
        status=verdict.status,
        error=verdict.error,
        warnings=(*verdict.warnings, *_other_unit(picture, reference)),
        missing=problem.missing,
        start=_start(problem, reference),
    )
    return Solution(result.image, picture, outcome, evaluations)


def solution_log(names: Names, problem: LinearProblem, solution: Solution, settings: Record, description: Record) -> list[Record]:
    """Return the records of a solution's log; the settings are all that the user chose, the description is the input's."""
    scale = solution.outcome.result.scale
    described = description | {
        "operator": str(problem.operator),
        "measurements": list(problem.y.shape),
        "order": "row-major",
        "scale": None if scale is None else asdict(scale),
        "missing": problem.missing,
        **problem.found,
    }
    return page_log(names, described, settings, solution.outcome, solution.evaluations)


def _start(problem: LinearProblem, reference: Array | None) -> Record | None:
    if problem.start is None or reference is None:
        return None
    return {"name": problem.start.name, **likeness_of(problem.shown(problem.start.image()), reference)}


def without_prior(problem: LinearProblem) -> Array:
    """Return the picture that is usual without any prior; blank if nothing is."""
    return problem.shown(np.zeros(problem.operator.in_shape) if problem.start is None else problem.start.image())


def _other_unit(picture: Array, reference: Array | None) -> tuple[str, ...]:
    """Say if a reference cannot be of the picture's unit, as 8-bit values beside a scan's."""
    if reference is None:
        return ()
    spans = float(np.ptp(picture)), float(np.ptp(reference))
    if max(spans) <= _ONE_UNIT * min(spans):
        return ()
    return (
        f"the reference spans {spans[1]:.3g}, the picture {spans[0]:.3g}: they are not of one unit, PSNR and SSIM say nothing",
    )


def _as_shown(problem: LinearProblem, reference: Array) -> Array:
    """Return a reference in the layout of the picture, if it has its shape and is real and finite."""
    expected = problem.shown(np.zeros(problem.operator.in_shape)).shape
    if len(expected) == OF_VOLUME and reference.shape == (expected[-1], *expected[:-1]):
        reference = np.moveaxis(reference, 0, -1)
    if len(expected) == OF_VOLUME and (*reference.shape, 1) == expected:
        reference = reference[..., None]
    if reference.shape != expected:
        raise MeasurementError(f"the reference has shape {reference.shape}; expected {expected}, as the reconstruction")
    if reference.dtype.kind not in "uif" or not np.isfinite(reference).all():
        raise MeasurementError(f"the reference is of {reference.dtype} and has to be real and finite throughout")
    return reference
