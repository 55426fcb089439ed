"""Wavelets: the image with the fewest and smallest details that the measurements allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import islice

import torch
from torch import Tensor
from torch.nn import functional

from cgdenoise.operators import Measurement
from cgdenoise.operators.norm import power_iteration
from cgdenoise.progress import Tick, no_tick

_TAPS = (
    0.2303778133088965,
    0.7148465705529156,
    0.6308807679298589,
    -0.0279837694168599,
    -0.1870348117190930,
    0.0308413818355608,
    0.0328830116668852,
    -0.0105974017850690,
)
"""Daubechies' orthonormal filter with four vanishing moments (Comm. Pure Appl. Math., 1988, table 1)."""

_LEVELS = 4
"""Scales of details."""

_WEIGHTS = (64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.0)
"""Weights to try, in variances of the noise, large first, each for so many iterations. By hand: pictures ended at 8 to 1."""

_ITERATIONS, _PATIENCE = 60, 2
"""Iterations with each weight, and weights in a row that may make it worse. By hand."""

_POWERS, _MARGIN = 20, 1.05
"""Steps of the power iteration for the norm of A, and the factor for what these leave out."""

_OF_A_FILTER = 0.03
"""Time of an iteration in parts of that of a filter of the same image, for the progress alone."""

Course = tuple[float, ...]
"""The weights of an iteration."""


class Wavelets:
    """An orthonormal basis for images of one size, periodic, and thresholding in it.

    Parameters
    ----------
    like : Tensor
        [C, H, W], or of volumes [C, D, H, W]: its size, device and precision. Sides that 16 does not divide are continued by
        their last values.
    """

    def __init__(self, like: Tensor):
        self._shape = like.shape[1:]
        self._padded = [-(-side // 2**_LEVELS) * 2**_LEVELS for side in self._shape]
        self._steps = [tuple(_step(side >> level).to(like) for side in self._padded) for level in range(_LEVELS)]

    def coefficients(self, x: Tensor) -> Tensor:
        """Return the averages of the coarsest scale, in the first corner, and the details of all, [C, H', W']."""
        found = x.clone()
        for steps in self._steps:
            corner = _corner([len(step) for step in steps])
            for axis, step in enumerate(steps, start=1):
                found[corner] = _along(axis, step, found[corner])
        return found

    def image(self, coefficients: Tensor) -> Tensor:
        """Return the image of coefficients: the inverse, which is the adjoint."""
        found = coefficients.clone()
        for steps in reversed(self._steps):
            corner = _corner([len(step) for step in steps])
            for axis, step in enumerate(steps, start=1):
                found[corner] = _along(axis, step.mT, found[corner])
        return found

    def shrunk(self, x: Tensor, threshold: float, shift: Sequence[int]) -> Tensor:
        """Return an image, [C, *size], whose details are nearer to 0 by a threshold, in the basis shifted by so many pixels."""
        axes = tuple(range(1, x.ndim))
        behind = [width for side, wide in zip(self._shape, self._padded, strict=True) for width in (wide - side, 0)]
        padded = functional.pad(x[None], behind[::-1], mode="replicate")[0]
        found = self.coefficients(padded.roll(tuple(shift), axes))
        coarsest = _corner([side >> _LEVELS for side in self._padded])
        averages = found[coarsest].clone()
        found = functional.softshrink(found, threshold)
        found[coarsest] = averages
        return self.image(found).roll([-by for by in shift], axes)[_corner(self._shape)]


@torch.no_grad()
def follow_weights(measurement: Measurement, course: Course, start: Tensor, tick: Tick = no_tick) -> Tensor:
    """Go on towards min ||V (A x - y)||² / 2 + weight sum |details of x| with one weight after the other; return x, [C, H, W].

    By the accelerated iteration of Beck & Teboulle (SIAM J. Imaging Sciences, 2009), each step in a basis with another random
    shift (cycle spinning: Coifman & Donoho, 1995).

    Parameters
    ----------
    measurement : Measurement
        Of real images (C, H, W) or volumes (C, D, H, W), with a range of about 1.
    course : tuple of float
        The weights.
    start : Tensor
        A first image, of their shape.
    tick : callable
        Called after each iteration; see `pixels_shrunk`.
    """
    rng, basis = torch.Generator().manual_seed(0), Wavelets(start)
    *_, squared_norm = islice(power_iteration(measurement.normal, torch.randn(start.shape, generator=rng).to(start)), _POWERS)
    step = 1 / (_MARGIN**2 * float(squared_norm))
    x = start
    for weight in course:
        extrapolated, momentum = x, 1.0
        for _ in range(_ITERATIONS):
            shift = torch.randint(2**_LEVELS, (start.ndim - 1,), generator=rng).tolist()
            lower = extrapolated + step * measurement.adjoint(measurement.residual(extrapolated))
            following = basis.shrunk(lower, step * weight, shift)
            before, momentum = momentum, (1 + math.sqrt(1 + 4 * momentum**2)) / 2
            extrapolated, x = following + (before - 1) / momentum * (following - x), following
            tick(_OF_A_FILTER * x[0].numel())
    return x


def choose_weights(
    training: Measurement, error: Callable[[Tensor], float], start: Tensor, tick: Tick = no_tick
) -> tuple[Tensor, Course]:
    """Lower the weight and end where the image errs least on measurements that it does not see; return it and how it was made.

    Parameters
    ----------
    training : Measurement
        What it sees, with noise.
    error : callable
        Takes an image, [C, H, W], to its error on the measurements that it does not see.
    start : Tensor
        A first image, [C, H, W].
    tick : callable
        As of `follow_weights`.
    """
    course: Course = ()
    image, best, least, worse = start, (start, course), math.inf, 0
    for factor in _WEIGHTS:
        weight = factor * training.variance
        image, course = follow_weights(training, (weight,), image, tick), (*course, weight)
        now = error(image)
        best, least, worse = ((image, course), now, 0) if now < least else (best, least, worse + 1)
        if worse == _PATIENCE:
            break
    return best


def pixels_shrunk(shape: tuple[int, ...]) -> float:
    """Return how many pixels both report to `tick` in all, at most, for an image [C, H, W]."""
    return _OF_A_FILTER * 2 * len(_WEIGHTS) * _ITERATIONS * math.prod(shape[1:])


def _corner(sides: Sequence[int]) -> tuple[slice, ...]:
    """Return where the first so many values along each axis are, of all channels."""
    return (slice(None), *(slice(side) for side in sides))


def _along(axis: int, matrix: Tensor, x: Tensor) -> Tensor:
    """Return the products of a matrix with what lies along an axis."""
    return (matrix @ x.movedim(axis, -2)).movedim(-2, axis)


def _step(side: int) -> Tensor:
    """Return the matrix that takes a line to its averages and, behind them, its details, [side, side], orthogonal."""
    taps = torch.tensor(_TAPS, dtype=torch.float64)
    signs = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(len(taps) // 2)
    found = torch.zeros(side, side, dtype=torch.float64)
    rows = torch.arange(side // 2)
    for number, (average, detail) in enumerate(zip(taps, signs * taps.flip(0), strict=True)):
        columns = (2 * rows + number) % side
        found.index_put_((rows, columns), average, accumulate=True)
        found.index_put_((rows + side // 2, columns), detail, accumulate=True)
    return found
