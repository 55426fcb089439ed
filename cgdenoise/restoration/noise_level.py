"""The noise level of measurements of an image, by those that are held out; and whether held-out pixels believe in one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from cgdenoise.operators import Measurement
from cgdenoise.operators.least_squares import pilot, range_of
from cgdenoise.patches.inpainting import fill_missing
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

_WINDOW = 192
"""Side of the part of a picture in which pixels judge, for the time. By hand."""

_JUDGES = (5, 64, 1)
"""Seed of the pixels that judge: none that a mask may have been made with, as they would all be missing."""

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


def is_worth_taking_away(values: NDArray[np.float64], level: float) -> bool:
    """Tell whether known pixels are foretold better by the others if these are taken to have noise: of texture that is not so.

    Of clean crops of 128², half of the pixels missing, whose differences gave a level, pixels erred by 1.00 to 1.05 of what they
    do without noise if half of that was assumed, and by 1.04 to 1.18 if the whole was. With noise of 10 of 255 the smaller of
    both was 0.93 to 0.99.

    Parameters
    ----------
    values : (H, W, C) array
        In any unit; NaN where missing, at some places.
    level : float
        Of the noise, above 0. In a large picture its middle judges.
    """
    planes = np.moveaxis(_middle(values), 2, 0)
    known = np.isfinite(planes)
    if not known.any():
        return False
    judging = known & (np.random.default_rng(_JUDGES).random(planes.shape[1:]) < HELD_OUT)
    low, high = range_of(planes[known])
    scaled, training = (planes - low) / (high - low or 1.0), known & ~judging
    y, seen, start = (torch.from_numpy(x).float() for x in (scaled, training, _nearest(scaled, training)))

    def error(sigma: float) -> float:
        filled = fill_missing(y, seen, start, sigma)
        return float(np.square(filled.numpy() - scaled)[judging].sum())

    # Of strong texture a half foretells more than the whole, which costs detail.
    sigma = level / (high - low or 1.0)
    return bool(training.any()) and min(error(sigma / 2), error(sigma)) < (1 - _WORTH) * error(0.0)


def _middle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    top, left = (max(0, side - _WINDOW) // 2 for side in values.shape[:2])
    return values[top : top + _WINDOW, left : left + _WINDOW]


def _nearest(planes: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return planes with the nearest known value of each at its other places; 0 where there is none."""
    filled = np.zeros_like(planes)
    for plane, there, into in zip(planes, known, filled, strict=True):
        if there.any():
            places = distance_transform_edt(~there, return_distances=False, return_indices=True)
            into[...] = plane[tuple(places)]
    return filled


def pixels_estimated(shape: tuple[int, ...]) -> float:
    """Return how many pixels `estimate_by_hold_out` reports to `tick` in all, for an image [C, H, W]."""
    return pixels_iterated(shape, FOLDS * (_WEIGHTS + 1) * _BLOCK)
