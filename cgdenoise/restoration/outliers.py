"""Measurements that are far off, as dead detectors and spikes make them: no image that explains the others explains these."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from cgdenoise.operators import Measurement
from cgdenoise.operators.least_squares import pilot
from cgdenoise.restoration.competition import Trial
from cgdenoise.restoration.measured import scale_of
from cgdenoise.restoration.total_variation import Iterate, minimise_variation

# By hand where nothing else is said; what was found of spikes and without them is in `benchmarks/NOTES.md`, "Outliers".

_FOLDS, _ITERATIONS = 4, 150
"""Parts that are held out in turn, and iterations with the rest."""

_PULLS: tuple[float, ...] = (8.0, 2.0, 0.5)
"""Most that a measurement may pull, as a share of what all do; the first part that is held out chooses."""

_USUAL, _FAR = 0.75, 16.0
"""Share of the measurements whose errors are usual, and how many times the largest of these is far off: 18 standard deviations of
normal noise. With 12 times 0.28 % of one scan's rays were."""

_ROUNDS = 3
"""Times that it is tried: with some outliers left out, others are found."""

_CLIPPED = 0.1
"""Share of the measurements, at each end, that count by less in the first image."""

_PILOT = 10
"""Conjugate gradients of the first image."""

_SAMPLE = 1_000_000
"""Measurements by which quantiles are judged, for the time."""


def far_off(measurement: Measurement) -> Tensor:
    """Return which measurements are far off, bool, of the shape of y; a tenth of them at most.

    An image of little total variation with the least sum of absolute errors (Chan & Esedoglu, SIAM J. Appl. Math., 2005) goes
    along with most measurements and not with a few that are wrong. It is made without a quarter of them, and foretells these,
    four times.

    Parameters
    ----------
    measurement : Measurement
        Real, of real images (C, H, W), in double precision on the CPU; its sigma does not count.
    """
    off = torch.zeros_like(measurement.valid, dtype=torch.bool)
    for _ in range(_ROUNDS):
        found = _far_from_others(replace(measurement, valid=torch.where(off, 0, measurement.valid)))
        off = off | found
        if not found.any():
            break
    return off


def _far_from_others(measurement: Measurement) -> Tensor:
    known = measurement.valid > 0
    rng = torch.Generator().manual_seed(0)
    fold = torch.randint(_FOLDS, measurement.y.shape, generator=rng)
    first = pilot(_clipped(measurement, known), _PILOT)
    scale = scale_of(first, with_phase=False)
    if scale is None:
        return torch.zeros_like(known)
    scaled = measurement.normalised(scale.offset, scale.factor).to("cpu", torch.float32)
    start = ((first - scale.offset) / scale.factor).float()
    probe = torch.randn(start.shape, generator=rng)
    errors, pulls = torch.zeros(measurement.y.shape), _PULLS
    for number in range(_FOLDS):
        trial = Trial.of(scaled, fold == number)
        begun = Iterate.first(trial.training, start)
        seen = float(trial.training.forward(probe).norm() / probe.norm()) / begun.gain
        found = [
            trial.judging.residual(minimise_variation(trial.training, begun, 0.0, _ITERATIONS, most=pull / seen).image).abs()
            for pull in pulls
        ]
        best = min(range(len(found)), key=lambda k: _quantile(found[k], trial.judging.valid > 0, 0.5))
        pulls = (pulls[best],)
        errors += found[best]
    return known & (errors > _FAR * _quantile(errors, known, _USUAL))


def _clipped(measurement: Measurement, known: Tensor) -> Measurement:
    """Return the measurements with the extreme ones at their quantiles."""
    low, high = (_quantile(measurement.y, known, share) for share in (_CLIPPED, 1 - _CLIPPED))
    return replace(measurement, y=measurement.y.clamp(low, high))


def _quantile(values: Tensor, known: Tensor, share: float) -> float:
    chosen = values[known]
    return float(torch.quantile(chosen[:: 1 + len(chosen) // _SAMPLE], share)) if len(chosen) else 0.0
