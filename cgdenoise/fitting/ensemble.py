"""Several fits of one problem: the choice of depth, members of different seeds, restarts of failed fits, the average."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from cgdenoise.fitting.holdout import hold_out
from cgdenoise.fitting.loop import Problem, Schedule, fit, identity
from cgdenoise.fitting.members import EnsembleResult, Member, average, depth_scores, has_failed, score_of
from cgdenoise.fitting.plan import Preset
from cgdenoise.fitting.results import FitLabel, FitResult, Step, StopReason
from cgdenoise.fitting.stopping import Budget, Circumstances, StoppingRule, rule_of
from cgdenoise.fitting.warm import WARM_PATIENCE, Keeper, Start, is_near
from cgdenoise.generators.build import build
from cgdenoise.generators.spec import GeneratorSpec
from cgdenoise.operators import Identity, Measurement
from cgdenoise.runtime import rng_for

_RESTARTS = 2
"""How often a failed fit is made again, with other random numbers. By hand; not measured."""

_RIVAL = 0.02
"""Relative excess of predicted error up to which a depth takes turns with the best one. By hand; with half
of it one image of three loses 0.1 dB, twice changes none (`best`; benchmarks/NOTES.md, "Constants of the fits")."""

_PROBE_SIDE = 192
"""Pixels of each side, at most, that probe fits see. By hand; with 256 the preset `fast` took 28 s instead of 26 (512² RGB, an
earlier state; benchmarks/NOTES.md, "Constants of the fits")."""

Split = Callable[[Tensor, float, torch.Generator], tuple[Tensor, Tensor]]
"""Takes what was measured (1 or 0, [1, ...]), the share to hold out and random numbers; returns what `hold_out` does."""


@dataclass(frozen=True)
class _Task:
    """Fits to make together: of which generator, on which splits, whether they only choose the depth, and from where."""

    spec: GeneratorSpec
    splits: Sequence[int]
    probe: bool
    start: Start | None = None


@dataclass
class Ensemble:
    """Fits of one image, made one after the other or several at once.

    Attributes
    ----------
    measurement : Measurement
        Of an image [C, H, W] or, through an operator, a volume [C, D, H, W], scaled to a range of about 1, on the device, finite
        everywhere. The stopping rules and the recognition of failed fits use its noise level. Where every pixel is measured by
        itself (`Identity`), fits are judged by their predicted error, and probe fits see the middle of the image; else by the
        error on held-out measurements alone.
    preset : Preset
        How to fit.
    seed : int
        Of all fits; each derives its own stream.
    split : callable
        Which measurements are held out together.
    dtype : torch.dtype
        Of the generators' activations.
    together : int
        How many members of one depth are fitted at once, as one product; fewer if the device's memory is too small.
    on_step : callable
        Sees every evaluation of every fit.
    cancelled : callable
        True ends the running fit and the ensemble.
    start : Start or None
        What one fit may start from, in place of all others, if it predicts the held-out measurements better than fresh weights.
    """

    measurement: Measurement
    preset: Preset
    seed: int
    split: Split = hold_out
    dtype: torch.dtype = torch.float32
    together: int = 1
    on_step: Callable[[FitLabel, Step], None] = lambda label, step: None
    cancelled: Callable[[], bool] = lambda: False
    start: Start | None = None
    members: list[Member] = field(default_factory=list, init=False)
    left: Start | None = field(default=None, init=False)

    def run(self) -> EnsembleResult:
        """Choose the depth, fit the members, average them.

        Raises
        ------
        FailedFitsError
            If every fit failed.
        TooEarlyError
            If it was cancelled before any fit of the whole image.
        """
        for task in self._plan():
            for attempt in range(_RESTARTS + 1):
                members = self._fit(task, attempt, self._next_index())
                self.members += members
                if self._interrupted():
                    return self._averaged()
                failed = [split for split, member in zip(task.splits, members, strict=True) if member.failed]
                if not failed:
                    break
                task = replace(task, splits=failed, start=None)
        return self._averaged()

    def _averaged(self) -> EnsembleResult:
        return replace(average(self.members, self.measurement.operator.in_shape), start=self.left)

    def _next_index(self) -> int:
        return 1 + max((member.label.index for member in self.members), default=-1)

    def _plan(self) -> Iterator[_Task]:
        """Yield what to fit; each task is asked for when those before it are done."""
        size = self.measurement.operator.in_shape[1:]
        candidates = list(dict.fromkeys(spec.limited_to(size) for spec in self.preset.generators))
        if self.start is not None and self.start.spec in candidates and self._is_near(self.start):
            yield _Task(self.start.spec, [self.start.split], probe=False, start=self.start)
            return
        probe = self.preset.has_probes and len(candidates) > 1
        for number, spec in enumerate(candidates):
            # One split for all candidates: the noise of the same held-out pixels then cancels in the comparison.
            yield _Task(spec, [0], probe)
            if number and self._best_depth() != spec.depth:
                break
        scores = depth_scores(self.members)
        least = min(scores.values())
        if not math.isfinite(least):
            return
        rivals = sorted((spec for spec in candidates if spec.depth in scores), key=lambda spec: scores[spec.depth])
        rivals = [spec for spec in rivals if scores[spec.depth] <= least * (1 + _RIVAL)][: 1 if probe else None]
        fitted = sum(not member.failed and not member.label.probe for member in self.members)
        # Depths of equal quality err differently: averaging over them gains more than over seeds alone (benchmarks/README.md).
        queue = [(rivals[number % len(rivals)], number + 1) for number in range(self.preset.members - fitted)]
        while queue:
            spec = queue[0][0]
            splits = [split for of, split in queue if of is spec][: self.together]
            queue = [(of, split) for of, split in queue if split not in splits]
            yield _Task(spec, splits, probe=False)

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
        iterations = self.preset.probe_iterations if task.probe else self.preset.max_iterations
        first, warm = (start, False) if task.start is None else (task.start.index, True)
        indices = range(first, first + len(task.splits))
        labels = [FitLabel(index, first, task.spec.depth, attempt, task.probe, iterations, warm) for index in indices]
        generator, problem = self._posed(task, indices)
        if task.start is not None:
            generator.load_state_dict(task.start.weights)
        rule = Budget() if task.probe else self._rule(warm)
        keeper = Keeper(generator, rule.monitor())
        alone = len(labels) == 1 and not task.probe
        results = fit(
            generator,
            problem,
            optimiser=self.preset.optimiser,
            stop=rule,
            schedule=Schedule(iterations, self.preset.averaging),
            observers=[lambda member, step: self.on_step(labels[member], step), *[keeper.observe] * alone],
            cancelled=self.cancelled,
        )
        members = [
            Member(label, result, self._score(result), of_fit, failed=not task.probe and self._has_failed(result))
            for label, result, of_fit in zip(labels, results, (problem.held_out > 0).cpu(), strict=True)
        ]
        if alone and not members[0].failed:
            self.left = Start(task.spec, first, task.splits[0], keeper.weights)
        return members

    def _posed(self, task: _Task, indices: Sequence[int]) -> tuple[nn.Module, Problem]:
        """Return the generators of a task's fits, whose numbers give them their random ones, and what they are fitted to."""
        y, valid = self.measurement.y[None], self.measurement.valid[None]
        if task.probe and self._sees_pixels:
            y, valid = _centre(y), _centre(valid)
        split = [self.split(valid.cpu(), self.preset.hold_out, rng_for(self.seed, 0, number)) for number in task.splits]
        training, held_out = (_laid_out(torch.cat(weights).to(y.device)) for weights in zip(*split, strict=True))
        channels, *size = y.shape[1:] if self._sees_pixels else self.measurement.operator.in_shape
        rngs = [rng_for(self.seed, 1, index) for index in indices]
        generator = build(task.spec, channels, tuple(size), rngs, self.dtype).to(y.device)
        forward = identity if self._sees_pixels else self.measurement.operator
        return generator, Problem(_laid_out(y), training, held_out, forward)

    def _is_near(self, start: Start) -> bool:
        task = _Task(start.spec, [start.split], probe=False)
        return is_near(start.weights, *self._posed(task, [start.index]), self.measurement.sigma)

    def _score(self, result: FitResult) -> float:
        return score_of(result.chosen, self._judging_sigma)

    def _has_failed(self, result: FitResult) -> bool:
        return has_failed(result, self._variance, self.measurement.sigma)

    def _rule(self, warm: bool) -> StoppingRule:
        patience = round(self.preset.patience * (WARM_PATIENCE if warm else 1))
        return rule_of(self.preset.stop, Circumstances(patience, self.measurement.sigma, self._sees_pixels))

    @property
    def _sees_pixels(self) -> bool:
        return isinstance(self.measurement.operator, Identity)

    @property
    def _judging_sigma(self) -> float:
        """0 through an operator: `predicted_error` is that of the fitted pixels, while the others are wanted."""
        return self.measurement.sigma if self._sees_pixels else 0.0

    @cached_property
    def _variance(self) -> float:
        """Variance of the pixels about their channel's mean, the error of a constant image; of other data, the mean square."""
        y, valid = self.measurement.y, self.measurement.valid
        if not self._sees_pixels:
            return float((y.abs().square() * valid).sum() / valid.sum())
        counts = valid.sum(dim=(1, 2), keepdim=True).clamp(min=1)
        mean = (y * valid).sum(dim=(1, 2), keepdim=True) / counts
        return float(((y - mean).square() * valid).sum() / valid.sum())

    def _interrupted(self) -> bool:
        return any(member.result.reason is StopReason.INTERRUPTED for member in self.members)

    def _best_depth(self) -> int:
        scores = depth_scores(self.members)
        return min(scores, key=lambda depth: scores[depth])


_CHANNELS_INNERMOST = {4: torch.channels_last, 5: torch.channels_last_3d}
"""By the number of axes."""


def _laid_out(image: Tensor) -> Tensor:
    """Return the image in the layout of the generators' output: mixed layouts are slow to compute with."""
    layout = _CHANNELS_INNERMOST.get(image.ndim)
    return image if layout is None else image.contiguous(memory_format=layout)


def _centre(image: Tensor) -> Tensor:
    """Return the middle of a large image: it is enough to choose a depth by."""
    top, left = (max(side - _PROBE_SIDE, 0) // 2 for side in image.shape[2:])
    return image[..., top : top + _PROBE_SIDE, left : left + _PROBE_SIDE].contiguous()
