"""Finished fits: which are sound, how much each counts, and their average."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cgdenoise.errors import CgDenoiseError
from cgdenoise.fitting.results import Evaluation, FitLabel, FitResult, StopReason
from cgdenoise.fitting.stopping import predicted_error
from cgdenoise.fitting.warm import Start

_STUCK, _FAR_ABOVE_NOISE = 0.5, 4.0
"""A fit has failed if its error is above this part of the data's variance and above so many variances of the noise. By hand; not
measured."""

_TEMPERATURE = 0.04
"""Relative excess of predicted error at which a fit's weight in the average falls by e. By hand; half and
twice of it change 0.1 dB at most (`best`; benchmarks/NOTES.md, "Constants of the fits")."""

_DEPTH_BIAS = 0.01
"""What the estimate flatters a generator by, relative to the whole error, for each level that it is deeper.

Shallow generators give a pixel more weight in its own restoration, and `predicted_error` charges them a little too
much for it: 0.9 to 1.3 % between depths 4 and 5 on four photographs with known noise (benchmarks/README.md).
"""

_BEGUN = 10
"""Iterations after which the picture of an interrupted fit is worth keeping. By hand; not measured."""

_FAIR_CHANCE = 100
"""Iterations before which a fit that was cut short cannot be called stuck. By hand: fits of photographs at depth 4 end by
themselves after 105 to 115 (benchmarks/NOTES.md, "Constants of the fits")."""


@dataclass(frozen=True)
class Member:
    """A finished fit.

    Attributes
    ----------
    label : FitLabel
        Which.
    result : FitResult
        How it went.
    score : float
        Its predicted error, in the units of the data, squared.
    held_out : Tensor
        Which of the data it was judged by, bool, on the CPU.
    failed : bool
        Whether it is stuck, as `has_failed` tells.
    weight : float
        In the average.
    """

    label: FitLabel
    result: FitResult
    score: float
    held_out: Tensor
    failed: bool = False
    weight: float = 0.0


class TooEarlyError(CgDenoiseError):
    """The restoration was interrupted before any fit of the whole image had begun."""


class FailedFitsError(CgDenoiseError):
    """No fit came near the data. Holds all fits, and the least bad one, whose image may be kept."""

    def __init__(self, members: Sequence[Member]) -> None:
        super().__init__(
            f"all {len(members)} fits failed; expected an error below {_STUCK:.0%} of the image's variance: "
            "the image may have no structure that the generator can express"
        )
        self.members = tuple(members)
        self.best = min(members, key=lambda member: member.score)


@dataclass(frozen=True)
class EnsembleResult:
    """The average, [1, C, H, W], all fits in the order they ran, the chosen depth, and what another fit may start from."""

    image: Tensor
    members: tuple[Member, ...]
    depth: int
    start: Start | None = None

    @property
    def interrupted(self) -> bool:
        """Whether the caller asked for an end before all fits were done."""
        return any(member.result.reason is StopReason.INTERRUPTED for member in self.members)


def average(members: Sequence[Member], image_shape: tuple[int, ...]) -> EnsembleResult:
    """Average the sound fits, each weighted by how near the predicted error of its depth comes to the least.

    Parameters
    ----------
    members : sequence of Member
        All fits, in the order they ran.
    image_shape : (int, int, int)
        Of the whole image: a probe fit's may be a part of it.

    Raises
    ------
    FailedFitsError
        If every fit failed.
    TooEarlyError
        If there was no time for any fit of the whole image.
    """
    full = [member for member in members if not member.label.probe and _has_begun(member)]
    done = [member for member in full if member.result.reason is not StopReason.INTERRUPTED]
    whole = [member for member in members if member.result.image.shape[1:] == image_shape and _has_begun(member)]
    pool = done or full or whole
    if not pool:
        raise TooEarlyError("interrupted before there was a picture to keep; nothing was written")
    sound = [member for member in pool if not member.failed]
    if not sound:
        raise FailedFitsError(pool)
    scores = depth_scores(sound)
    least = min(scores.values())
    raw = {member.label.index: _weight(scores[member.label.depth], least) for member in sound}
    total = sum(raw.values())
    weighted = tuple(replace(m, weight=raw.get(m.label.index, 0.0) / total) for m in members)
    image = torch.stack([m.weight * m.result.image for m in weighted if m.weight]).sum(dim=0)
    return EnsembleResult(image, weighted, min(scores, key=lambda depth: scores[depth]))


def _has_begun(member: Member) -> bool:
    """Tell whether a fit's picture is more than its random start."""
    return member.result.reason is not StopReason.INTERRUPTED or member.result.chosen.iteration >= _BEGUN


def depth_scores(members: Sequence[Member]) -> dict[int, float]:
    """Return each depth's mean score, with the bias of the estimate between depths taken out.

    The mean, because members of one depth differ by the noise of their held-out pixels rather than in quality.
    """
    scores: dict[int, list[float]] = {}
    for member in members:
        scores.setdefault(member.label.depth, []).append(math.inf if member.failed else member.score)
    shallowest = min(scores)
    return {d: (1 + _DEPTH_BIAS * (d - shallowest)) * sum(of_depth) / len(of_depth) for d, of_depth in scores.items()}


def has_failed(result: FitResult, variance: float, sigma: float) -> bool:
    """Tell whether a fit is stuck: not finite, or with an error far above the noise and near that of a constant image.

    Parameters
    ----------
    result : FitResult
        Of the fit. If interruption or its budget ended it before 100 iterations, it has had no chance yet, and counts as sound
        if it is finite.
    variance : float
        Variance of the data about their channels' means.
    sigma : float
        Noise level; both in the units of the data.
    """
    error = result.chosen.residual
    if not math.isfinite(error) or result.reason is StopReason.NOT_FINITE:
        return True
    if not had_fair_chance(result):
        return False
    return error > _STUCK * variance and error > _FAR_ABOVE_NOISE * sigma**2


def had_fair_chance(result: FitResult) -> bool:
    """Tell whether a fit ended by itself, or after so many iterations that more would hardly change what it is."""
    cut_short = result.reason in (StopReason.INTERRUPTED, StopReason.BUDGET)
    return not cut_short or (bool(result.history) and result.history[-1].iteration >= _FAIR_CHANCE)


def score_of(chosen: Evaluation, sigma: float) -> float:
    """Return the predicted error, or what replaces it where nothing was held out or nothing is finite."""
    if not math.isfinite(chosen.residual):
        return math.inf
    if not math.isfinite(chosen.held_out):
        return chosen.residual
    return predicted_error(chosen, sigma) if sigma else chosen.held_out


def _weight(score: float, least: float) -> float:
    return math.exp((1 - score / least) / _TEMPERATURE) if least > 0 else float(score == least)
