"""The noise level of measurements of an image, by those that are held out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from cgdenoise.operators import Measurement
from cgdenoise.operators.least_squares import pilot
from cgdenoise.progress import Tick, no_tick
from cgdenoise.restoration.competition import Trial
from cgdenoise.restoration.total_variation import Iterate, minimise_variation, pixels_iterated

HELD_OUT, FOLDS = 0.1, 2
"""Share of the measurements that judge, and how often others are chosen for it. One choice of so few may miss strong noise: a
phantom from a third of a DCT, noise 25, in two cases of four with 5 %, in one with 10 %, and half of the level with 20 %."""

_WEIGHTS, _STEP = 6, 4.0
"""Weights to try beside 0, and the ratio of one to the next: levels by twos, from the error of a first image down to a 32nd."""

_BLOCK = 50
"""Iterations with each weight, as `total_variation` has them."""

_FITTING = 4.0
"""The weight of total variation that held-out measurements choose, in variances of the noise: 2 or less for photographs, 32 for
phantoms (`benchmarks/NOTES.md`, "Priors in contest"). By hand between the two: a level that is off by a factor of 2 costs 0.2 to
0.5 dB ("Unknown noise level" there)."""

_WORTH = 0.02
"""Part of the held-out error by which noise has to explain more than exact measurements do. By hand, as in `total_variation`."""

_PILOT = 10
"""Conjugate gradients of the first image. By hand."""


def estimate_by_hold_out(measurement: Measurement, choices: Sequence[Tensor], tick: Tick = no_tick) -> float:
    """Return the noise level: that with which total variation, fitted to the others, errs least on the held-out measurements.

    It is rough. Where noise is too weak to be told from what the image leaves unexplained, it is 0, which costs little there.

    Parameters
    ----------
    measurement : Measurement
        Of real images (C, H, W) with a range of about 1; its own sigma does not count.
    choices : sequence of Tensor
        Which of its measurements are held out, bool; each is tried.
    tick : callable
        Called after each iteration, see `pixels_estimated`.
    """
    # What is wanted is the variance of each real number, of which a complex one has two.
    parts = 2 if measurement.y.is_complex() else 1
    trials = [Trial.of(replace(measurement, sigma=0.0), held_out) for held_out in choices]
    starts = [pilot(trial.training.to("cpu", torch.float64), _PILOT).to(measurement.valid) for trial in trials]
    total = sum(trial.error(start) for trial, start in zip(trials, starts, strict=True))
    largest = total / (2 * parts * max(1, sum(int(held_out.sum()) for held_out in choices)))
    weights = (*(largest / _STEP**k for k in range(_WEIGHTS)), 0.0)
    errors = torch.zeros(len(weights), dtype=torch.float64)
    for trial, start in zip(trials, starts, strict=True):
        found = Iterate.first(trial.training, start)
        for number, weight in enumerate(weights):
            found = minimise_variation(trial.training, found, weight, _BLOCK, tick)
            errors[number] += trial.error(found.image)
    best = int(errors.argmin())
    if errors[-1] <= (1 + _WORTH) * errors[best]:
        return 0.0
    return math.sqrt(parts * weights[best] / _FITTING)


def pixels_estimated(shape: tuple[int, ...]) -> float:
    """Return how many pixels `estimate_by_hold_out` reports to `tick` in all, for an image [C, H, W]."""
    return pixels_iterated(shape, FOLDS * (_WEIGHTS + 1) * _BLOCK)
