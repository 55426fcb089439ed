"""Several fits of one problem: the choice of depth, members from different seeds, collapse and restart, the average."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from cgdenoise.errors import CgDenoiseError
from cgdenoise.fitting.holdout import hold_out
from cgdenoise.fitting.loop import Problem, fit, identity
from cgdenoise.fitting.plan import Preset
from cgdenoise.fitting.results import Evaluation, FitLabel, FitResult, Step, StopReason
from cgdenoise.fitting.stopping import Budget, HoldOut, NoiseLevel, Plateau, StoppingRule, leverage, predicted_error
from cgdenoise.generators.decoder import build
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.operators import ForwardOperator
from cgdenoise.runtime import rng_for

_RESTARTS = 2

_STUCK = 0.5
"""A fit whose error is more than this part of the data's variance has hardly begun."""

_TEMPERATURE = 0.04
"""Relative excess of predicted error at which a fit's weight in the average falls by e."""

_RIVAL = 0.02
"""Relative excess of predicted error up to which a depth takes its turn with the best one."""

_DEPTH_BIAS = 0.01
"""By so much, relative to the whole error, the estimate flatters a generator for each level that it is deeper.

Shallow generators give a pixel more weight in its own restoration, and `predicted_error` charges them a little too
much for it: 0.9 to 1.3 % between depths 4 and 5 on four photographs with known noise (benchmarks/README.md).
"""

_BEGUN = 10
"""Iterations after which the picture of an interrupted fit is worth keeping."""

_TRIAL_SIDE = 192
"""Trials see so many pixels of each side at most."""

_FAIR_CHANCE = 100
"""Iterations before which a fit that was cut short cannot be called stuck."""


Split = Callable[[Tensor, float, torch.Generator], tuple[Tensor, Tensor]]
"""Takes what was measured (1 or 0, [1, ...]), the share to hold out and random numbers; returns what `hold_out` does."""


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
    collapsed : bool
        Whether it is stuck.
    weight : float
        In the average.
    """

    label: FitLabel
    result: FitResult
    score: float
    held_out: Tensor
    collapsed: bool = False
    weight: float = 0.0


class TooEarlyError(CgDenoiseError):
    """The restoration was interrupted before any fit of the whole image had begun."""


class CollapsedError(CgDenoiseError):
    """No fit came near the data. Holds all fits, and the least bad one, whose image may be kept."""

    def __init__(self, members: Sequence[Member]) -> None:
        super().__init__(
            f"all {len(members)} fits collapsed; expected an error below {_STUCK:.0%} of the image's variance: "
            "the image may have no structure that the generator can express"
        )
        self.members = tuple(members)
        self.best = min(members, key=lambda member: member.score)


@dataclass(frozen=True)
class EnsembleResult:
    """The average, [1, C, H, W], all fits in the order they ran, and the depth that was chosen."""

    image: Tensor
    members: tuple[Member, ...]
    depth: int

    @property
    def interrupted(self) -> bool:
        """Whether the caller asked for an end before all fits were done."""
        return any(member.result.reason is StopReason.INTERRUPTED for member in self.members)

    @property
    def leverage(self) -> float:
        """Share that a pixel's own value has in its restoration; 0 where nothing was held out."""
        return sum(member.weight * leverage(member.result.chosen) for member in self.members if member.weight)


@dataclass(frozen=True)
class _Task:
    """Fits to be made together: of which generator, on which splits of the pixels, and whether they only choose the depth."""

    spec: DecoderSpec
    splits: Sequence[int]
    trial: bool


@dataclass
class Ensemble:
    """Fits of one image, made one after the other or several at once.

    Attributes
    ----------
    y, valid : Tensor
        [1, ...] on the device: the measurements, finite everywhere, of an image that is scaled to a range of about 1; and 1
        where there is one. For denoising both are of the image's shape, [1, C, H, W].
    preset : Preset
        How to fit.
    sigma : float
        Noise level in the units of `y`: for the stopping rules and for telling a collapse.
    seed : int
        Of all fits; each derives its own stream.
    dtype : torch.dtype
        Of the generators' activations.
    together : int
        So many members of one depth are fitted at once, as one product; fewer if the device's memory is too small.
    on_step : callable
        Sees every evaluation of every fit.
    cancelled : callable
        True ends the running fit and the ensemble.
    operator : ForwardOperator or None
        From images (C, H, W) to measurements, on the device; None is the identity. Through an operator fits are judged by the
        error on held-out measurements alone, and trials see the whole image.
    split : callable
        Which measurements are held out together.
    """

    y: Tensor
    valid: Tensor
    preset: Preset
    sigma: float
    seed: int
    dtype: torch.dtype = torch.float32
    together: int = 1
    on_step: Callable[[FitLabel, Step], None] = lambda label, step: None
    cancelled: Callable[[], bool] = lambda: False
    operator: ForwardOperator | None = None
    split: Split = hold_out
    members: list[Member] = field(default_factory=list)

    def run(self) -> EnsembleResult:
        """Choose the depth, fit the members, average them.

        Raises
        ------
        CollapsedError
            If every fit collapsed.
        TooEarlyError
            If it was cancelled before any fit of the whole image.
        """
        for task in self._plan():
            for attempt in range(_RESTARTS + 1):
                members = self._fit(task, attempt, len(self.members))
                self.members += members
                if self._interrupted():
                    return self._combine()
                collapsed = [split for split, member in zip(task.splits, members, strict=True) if member.collapsed]
                if not collapsed:
                    break
                task = replace(task, splits=collapsed)
        return self._combine()

    def _plan(self) -> Iterator[_Task]:
        """Yield what to fit; each task is asked for when the ones before it are done."""
        size = (self._image_shape[1], self._image_shape[2])
        candidates = list(dict.fromkeys(spec.limited_to(size) for spec in self.preset.decoders))
        trial = self.preset.has_trials and len(candidates) > 1
        for number, spec in enumerate(candidates):
            # One split for all candidates: the noise of the same held-out pixels then cancels in the comparison.
            yield _Task(spec, [0], trial)
            if number and self._best_depth() != spec.depth:
                break
        scores = _depth_scores(self.members)
        least = min(scores.values())
        if not math.isfinite(least):
            return
        rivals = sorted((spec for spec in candidates if spec.depth in scores), key=lambda spec: scores[spec.depth])
        rivals = [spec for spec in rivals if scores[spec.depth] <= least * (1 + _RIVAL)][: 1 if trial else None]
        fitted = sum(not member.collapsed and not member.label.trial for member in self.members)
        # Depths that do equally well err differently: averaging over them gains more than over seeds alone.
        queue = [(rivals[number % len(rivals)], number + 1) for number in range(self.preset.members - fitted)]
        while queue:
            spec = queue[0][0]
            splits = [split for of, split in queue if of is spec][: self.together]
            queue = [(of, split) for of, split in queue if split not in splits]
            yield _Task(spec, splits, trial=False)

    def _fit(self, task: _Task, attempt: int, start: int) -> list[Member]:
        """Fit a task's members at once, or in halves if they do not fit into the device's memory."""
        try:
            return self._fit_at_once(task, attempt, start)
        except torch.OutOfMemoryError:
            if len(task.splits) == 1:
                raise
        self.together = len(task.splits) // 2
        first, second = task.splits[: self.together], task.splits[self.together :]
        members = self._fit(replace(task, splits=first), attempt, start)
        return members + self._fit(replace(task, splits=second), attempt, start + len(members))

    def _fit_at_once(self, task: _Task, attempt: int, start: int) -> list[Member]:
        iterations = self.preset.trial_iterations if task.trial else self.preset.max_iterations
        indices = range(start, start + len(task.splits))
        labels = [FitLabel(index, start, task.spec.depth, attempt, task.trial, iterations) for index in indices]
        cropped = task.trial and self.operator is None
        y, valid = (_centre(self.y), _centre(self.valid)) if cropped else (self.y, self.valid)
        split = [self.split(valid.cpu(), self.preset.hold_out, rng_for(self.seed, 0, number)) for number in task.splits]
        training, held_out = (_laid_out(torch.cat(weights).to(y.device)) for weights in zip(*split, strict=True))
        channels, height, width = y.shape[1:] if self.operator is None else self._image_shape
        rngs = [rng_for(self.seed, 1, index) for index in indices]
        results = fit(
            build(task.spec, channels, (height, width), rngs, self.dtype).to(y.device),
            Problem(_laid_out(y), training, held_out, self.operator or identity),
            optimiser=self.preset.optimiser,
            stop=Budget() if task.trial else self._rule(),
            max_iterations=iterations,
            averaging=self.preset.averaging,
            observers=[lambda member, step: self.on_step(labels[member], step)],
            cancelled=self.cancelled,
        )
        return [
            Member(
                label, result, _score(result.chosen, self._judging_sigma), of_fit, not task.trial and self._has_collapsed(result)
            )
            for label, result, of_fit in zip(labels, results, (held_out > 0).cpu(), strict=True)
        ]

    def _has_collapsed(self, result: FitResult) -> bool:
        return has_collapsed(result, self._variance, self.sigma)

    def _rule(self) -> StoppingRule:
        preset = self.preset
        if preset.stop == "holdout" and self.operator is not None and not self.sigma:
            return Plateau(preset.patience)
        if preset.stop == "holdout":
            return HoldOut(preset.patience, self._judging_sigma)
        return NoiseLevel(self.sigma) if preset.stop == "noise-level" else Budget()

    @property
    def _image_shape(self) -> tuple[int, ...]:
        return tuple(self.y.shape[1:]) if self.operator is None else self.operator.in_shape

    @property
    def _judging_sigma(self) -> float:
        """0 through an operator: `predicted_error` speaks of the fitted pixels, and it is the others that are wanted."""
        return self.sigma if self.operator is None else 0.0

    @cached_property
    def _variance(self) -> float:
        """Variance of the measured values about their channel's mean: the error of a constant. Of other data, the mean square."""
        if self.operator is not None:
            return float((self.y.abs().square() * self.valid).sum() / self.valid.sum())
        counts = self.valid.sum(dim=(2, 3), keepdim=True).clamp(min=1)
        mean = (self.y * self.valid).sum(dim=(2, 3), keepdim=True) / counts
        return float(((self.y - mean).square() * self.valid).sum() / self.valid.sum())

    def _interrupted(self) -> bool:
        return any(member.result.reason is StopReason.INTERRUPTED for member in self.members)

    def _best_depth(self) -> int:
        scores = _depth_scores(self.members)
        return min(scores, key=lambda depth: scores[depth])

    def _combine(self) -> EnsembleResult:
        """Average the sound fits, each weighted by how near the predicted error of its depth comes to the least."""
        full = [member for member in self.members if not member.label.trial and _has_begun(member)]
        done = [member for member in full if member.result.reason is not StopReason.INTERRUPTED]
        whole = [member for member in self.members if member.result.image.shape[1:] == self._image_shape and _has_begun(member)]
        pool = done or full or whole
        if not pool:
            raise TooEarlyError("interrupted before there was a picture to keep; nothing was written")
        sound = [member for member in pool if not member.collapsed]
        if not sound:
            raise CollapsedError(pool)
        scores = _depth_scores(sound)
        least = min(scores.values())
        raw = {member.label.index: _weight(scores[member.label.depth], least) for member in sound}
        total = sum(raw.values())
        members = tuple(replace(m, weight=raw.get(m.label.index, 0.0) / total) for m in self.members)
        image = torch.stack([m.weight * m.result.image for m in members if m.weight]).sum(dim=0)
        return EnsembleResult(image, members, min(scores, key=lambda depth: scores[depth]))


def _has_begun(member: Member) -> bool:
    """Tell whether a fit's picture is more than its random start."""
    return member.result.reason is not StopReason.INTERRUPTED or member.result.chosen.iteration >= _BEGUN


def _laid_out(image: Tensor) -> Tensor:
    """Return the image in the layout of the generators' output: mixed layouts are slow to compute with."""
    return image.contiguous(memory_format=torch.channels_last) if image.ndim == 4 else image


def _centre(image: Tensor) -> Tensor:
    """Return the middle of a large image: it is enough to choose a depth by."""
    top, left = (max(side - _TRIAL_SIDE, 0) // 2 for side in image.shape[2:])
    return image[..., top : top + _TRIAL_SIDE, left : left + _TRIAL_SIDE].contiguous()


def _depth_scores(members: Sequence[Member]) -> dict[int, float]:
    """Return each depth's mean score, with the bias of the estimate between depths taken out.

    The mean, because members of one depth differ by the noise of their held-out pixels rather than in quality.
    """
    scores: dict[int, list[float]] = {}
    for member in members:
        scores.setdefault(member.label.depth, []).append(math.inf if member.collapsed else member.score)
    shallowest = min(scores)
    return {d: (1 + _DEPTH_BIAS * (d - shallowest)) * sum(found) / len(found) for d, found in scores.items()}


def has_collapsed(result: FitResult, variance: float, sigma: float) -> bool:
    """Tell whether a fit is stuck: not finite, or its error both far above the noise and near that of a constant.

    Parameters
    ----------
    result : FitResult
        Of the fit. One of fewer than 100 iterations, by interruption or by its budget, has had no chance yet and counts
        as sound if it is finite.
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
    return error > _STUCK * variance and error > 4 * sigma**2


def had_fair_chance(result: FitResult) -> bool:
    """Tell whether a fit ended by itself, or after so many iterations that more would hardly change what it is."""
    cut_short = result.reason in (StopReason.INTERRUPTED, StopReason.BUDGET)
    return not cut_short or (bool(result.history) and result.history[-1].iteration >= _FAIR_CHANCE)


def _score(chosen: Evaluation, sigma: float) -> float:
    """Return the predicted error, or what stands in for it where nothing was held out or nothing is finite."""
    if not math.isfinite(chosen.residual):
        return math.inf
    if not math.isfinite(chosen.held_out):
        return chosen.residual
    return predicted_error(chosen, sigma) if sigma else chosen.held_out


def _weight(score: float, least: float) -> float:
    return math.exp((1 - score / least) / _TEMPERATURE) if least > 0 else float(score == least)
