"""Total variation: the most nearly piecewise constant image that the measurements allow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor

from cgdenoise.operators import Measurement
from cgdenoise.operators.norm import power_iteration
from cgdenoise.progress import Tick, no_tick

_STEP = 0.1
"""Ratio of the two step sizes, for images with a range of about 1. The iteration converges with any."""

_POWERS, _MARGIN = 20, 1.05
"""Steps of the power iteration for the norm of A, and the factor for what these leave out."""

_WEIGHTS = (32.0, 8.0, 2.0, 0.5)
"""Weights to try, in variances of the noise, large first. By hand: the truth chose 32 for a phantom, 2 or less for photographs,
where half and twice of the weight are worth 0.05 dB (`benchmarks/NOTES.md`, "Priors in contest")."""

_BLOCK, _MOST = 50, 10
"""Iterations between two looks at the measurements that judge, and how often one looks, at most. By hand; not measured."""

_WORTH = 0.02
"""Part of the judging error by which a block has to lessen it, or the weight is lowered. With 0.005, in two blocks, photographs
take twice as many for 0.1 dB of total variation alone, and phantoms end the same."""

_OF_VOLUME, _LEAST = 3, 0.1
"""Axes of a volume, and the least weight that the differences along its depth may have. By hand."""

_OF_A_FILTER = 0.03
"""Time of an iteration in parts of that of a filter of the same image, for the progress alone."""


@dataclass(frozen=True)
class Iterate:
    """Where an iteration stands: enough to go on from, with another weight or with more measurements.

    Attributes
    ----------
    image : Tensor
        [C, H, W], or of a volume [C, D, H, W].
    gradients : Tensor
        Dual variable of the gradients, [2, C, H, W], or [3, C, D, H, W]; no pixel's is longer than 1.
    misfit : Tensor
        Dual variable of the measurements, of the shape of these.
    gain : float
        What the measurements are divided by, about the norm of A.
    depth : float
        Weight of the differences along the depth of a volume, those along its rows and columns having 1.
    """

    image: Tensor
    gradients: Tensor
    misfit: Tensor
    gain: float
    depth: float = 1.0

    @staticmethod
    def first(measurement: Measurement, start: Tensor) -> Iterate:
        """Return the state in which an iteration begins at an image, [C, *size], for these measurements or a part of them.

        Slices of a volume may lie further apart than its pixels: the differences between them count for as much less as they are
        larger in the first image.
        """
        probe = torch.randn(start.shape, generator=torch.Generator().manual_seed(0)).to(start)
        *_, squared_norm = islice(power_iteration(measurement.normal, probe), _POWERS)
        gain, dual = _MARGIN * float(squared_norm) ** 0.5, start.new_zeros(start.ndim - 1, *start.shape)
        return Iterate(start, dual, torch.zeros_like(measurement.y), gain, _weight_of_depth(start))


@torch.no_grad()
def minimise_variation(
    measurement: Measurement, begun: Iterate, weight: float, iterations: int, tick: Tick = no_tick, most: float = math.inf
) -> Iterate:
    """Go on towards min ||V (A x - y)||² / 2 + weight TV(x); with a weight of 0 towards min TV(x) subject to V A x = V y.

    TV is the sum over the pixels of the length of the gradient, isotropic (Rudin, Osher & Fatemi, Physica D, 1992) but for the
    depth of a volume, all channels together (Blomgren & Chan, IEEE TIP 1998), so that edges lie in the same place in all of them,
    and in both parts of complex numbers. By the primal-dual iteration of Chambolle & Pock (J. Math. Imaging Vision, 2011,
    algorithm 1) with both terms dualised: an iteration takes A and its adjoint once, and nothing is inverted.

    Parameters
    ----------
    measurement : Measurement
        Of real images (C, H, W) or volumes (C, D, H, W), with a range of about 1.
    begun : Iterate
        Where to go on from.
    weight : float
        At least 0. The most probable image has the variance of the noise over the mean length of its gradients.
    iterations : int
        How many.
    tick : callable
        Called after each iteration, see `pixels_varied`.
    most : float
        Bound of the dual variable of real measurements: the most that one of them may pull. With a weight of 0 and a bound c
        it is min TV(x) + c / gain ||V (A x - y)||_1, which a few wrong measurements do not move.
    """
    x, gradients, misfit = begun.image, begun.gradients, begun.misfit
    # The norm of the gradient is at most 2 for each axis, squared 4; that of A over its gain 1: together 3 for images.
    norm = math.sqrt(4 * (len(gradients) - 1 + begun.depth**2) + 1)
    primal, dual = _STEP / norm, 1 / (norm * _STEP)
    damping = 1 + dual * weight / begun.gain**2
    extrapolated = x
    for _ in range(iterations):
        gradients = gradients + dual * gradient(extrapolated, begun.depth)
        gradients = gradients / gradients.square().sum((0, 1)).sqrt().clamp(min=1)
        # The proximal map of the conjugate of ||r||² / (2 weight), r the residual.
        misfit = (misfit - dual / begun.gain * measurement.residual(extrapolated)) / damping
        if most < math.inf:
            misfit = misfit.clamp(-most, most)
        following = x - primal * (gradient_adjoint(gradients, begun.depth) + measurement.adjoint(misfit) / begun.gain)
        extrapolated, x = 2 * following - x, following
        tick(_OF_A_FILTER * x[0].numel())
    return replace(begun, image=x, gradients=gradients, misfit=misfit)


def _weight_of_depth(image: Tensor) -> float:
    """Return how many times smaller the differences between the planes of a volume are than those within them; 1 for pictures."""
    if image.ndim <= _OF_VOLUME or min(image.shape[1:]) == 1:
        return 1.0
    between, *within = (float(torch.diff(image, dim=axis).abs().mean()) for axis in range(1, image.ndim))
    return min(1 / _LEAST, max(_LEAST, sum(within) / len(within) / between)) if between else 1.0


Course = tuple[float, ...]
"""The weights of an iteration, one for each of its blocks."""


def choose_course(
    training: Measurement, error: Callable[[Tensor], float], start: Tensor, tick: Tick = no_tick
) -> tuple[Tensor, Course]:
    """Lower the weight and end where the image errs least on measurements that it does not see; return it and how it was made.

    The end may come before the minimum, and be better than that: a phantom from an eighth of the lines of 8 coils is at 38 dB
    after 150 iterations and at 33 after 300, and what was held out tells.

    Parameters
    ----------
    training : Measurement
        What it sees. Without noise the weight is 0.
    error : callable
        Takes an image, [C, H, W], to its error on the measurements that it does not see.
    start : Tensor
        A first image, [C, H, W].
    tick : callable
        As of `minimise_variation`.
    """
    found, fresh = Iterate.first(training, start), False
    course: Course = ()
    best, least = (start, course), math.inf
    weights = [factor * training.variance for factor in _WEIGHTS] if training.sigma else [0.0]
    for _ in range(_MOST):
        found, course = minimise_variation(training, found, weights[0], _BLOCK, tick), (*course, weights[0])
        now = error(found.image)
        helps = now < (1 - _WORTH) * least
        if now < least:
            best, least = (found.image, course), now
        if not helps:
            if fresh or len(weights) == 1:
                break
            weights = weights[1:]
        fresh = not helps
    return best


def follow_course(measurement: Measurement, course: Course, start: Tensor, tick: Tick = no_tick) -> Tensor:
    """Return what a course, found with a part of the measurements, makes of all of them, [C, H, W]."""
    found = Iterate.first(measurement, start)
    for weight in course:
        found = minimise_variation(measurement, found, weight, _BLOCK, tick)
    return found.image


def pixels_varied(shape: tuple[int, ...]) -> float:
    """Return how many pixels both report to `tick` in all, at most, for an image [C, *size]."""
    return pixels_iterated(shape, 2 * _MOST * _BLOCK)


def pixels_iterated(shape: tuple[int, ...], iterations: int) -> float:
    """Return how many pixels so many iterations of `minimise_variation` report to `tick`, for an image [C, *size]."""
    return _OF_A_FILTER * iterations * math.prod(shape[1:])


def gradient(x: Tensor, depth: float = 1.0) -> Tensor:
    """Return the differences to the next pixel along each axis, 0 behind the last: [axes, C, *size] for [C, *size].

    In a volume, [C, D, H, W], those along the first axis are taken `depth` times.
    """
    found = torch.stack([torch.diff(x, dim=axis, append=x.narrow(axis, -1, 1)) for axis in range(1, x.ndim)])
    if len(found) == _OF_VOLUME:
        found[0] *= depth
    return found


def gradient_adjoint(p: Tensor, depth: float = 1.0) -> Tensor:
    """Return the adjoint of `gradient`, which is minus the divergence: [C, *size] for [axes, C, *size]."""
    found = torch.zeros_like(p[0])
    for axis, along in enumerate((depth * p[0], *p[1:]) if len(p) == _OF_VOLUME else p, start=1):
        steps = along.narrow(axis, 0, along.shape[axis] - 1)
        found.narrow(axis, 1, steps.shape[axis]).add_(steps)
        found.narrow(axis, 0, steps.shape[axis]).sub_(steps)
    return found
