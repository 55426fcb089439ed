"""Least squares through a forward operator: what the measurements say of an image without any prior."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.operators import Downsample, Measurement

_ROUNDING = 1e-20
"""Squared norm of the gradient, relative to that of the adjoint of the measurements, at which only rounding remains. By hand,
above the squared rounding of float64, which is 5e-32; not measured."""

_COARSE, _COARSE_ITERATIONS = 8, 50
"""Blocks along the shorter side of the coarse image that a pilot begins with, and iterations to solve for it. By hand: a grey,
square image then has 64 unknowns, which exact arithmetic would find in as many iterations; not measured."""


@torch.no_grad()
def conjugate_gradients(measurement: Measurement, start: Tensor, iterations: int, damping: float = 0.0) -> Tensor:
    """Return an image nearer to min ||V (A x - y)||² + damping ||x - start||² than the start, by conjugate gradients (CGLS).

    Without damping it converges to the minimiser that is nearest to the start: what the measurements do not see stays as it is.
    Where A A^H is a multiple of a projection (a mask, sampled Fourier lines, a subsampled DCT, means of blocks), the first
    iteration arrives. (Hestenes & Stiefel, 1952.)

    Parameters
    ----------
    measurement : Measurement
        A, y, and V, which says what was measured.
    start : Tensor
        [*in_shape].
    iterations : int
        At most so many; fewer where the gradient vanishes.
    damping : float
        At least 0; the noise's variance over that of the start's errors gives the most probable image if both are white.
    """
    x, residual = start.clone(), measurement.residual(start)
    gradient = measurement.adjoint(residual)
    direction, energy = gradient, _energy(gradient)
    least = _ROUNDING * _energy(measurement.adjoint(measurement.y))
    for _ in range(iterations):
        if not energy > least:
            break
        image = measurement.forward(direction)
        step = energy / (_energy(image) + damping * _energy(direction))
        x = x + step * direction
        residual = residual - step * image
        gradient = measurement.adjoint(residual) - damping * (x - start)
        before, energy = energy, _energy(gradient)
        direction = gradient + energy / before * direction
    return x


def pilot(measurement: Measurement, iterations: int) -> Tensor:
    """Return a first image, whose range is wanted: a few large blocks, improved by a few steps of least squares.

    Least squares alone shrinks what the measurements hardly see: random measurements, a quarter as many as pixels, leave a
    quarter of the image's energy. They do see the blocks.

    Parameters
    ----------
    measurement : Measurement
        Of real images (C, H, W) or volumes (C, D, H, W), in double precision.
    iterations : int
        Of the steps after the blocks.
    """
    shape, device = measurement.operator.in_shape, measurement.y.device
    shorter = min((side for side in shape[1:] if side > 1), default=1)  # a signal is an image of one row
    factor = max(1, shorter // _COARSE)
    down = Downsample(shape, factor, axes=len(shape) - 1).to(device)
    blank = torch.zeros(down.out_shape, dtype=torch.float64, device=device)
    # A block that noisy measurements hardly see, as beyond the frame of a blurred picture, is noise a hundred times as strong.
    spread = factor ** (len(shape) - 1)  # by which a block's number is above its pixels' values
    power = float((spread * constant_image(measurement)).square().mean())
    damping = measurement.variance / power if power else 0.0
    blocks = conjugate_gradients(measurement.of(down.H), blank, _COARSE_ITERATIONS, damping)
    return conjugate_gradients(measurement, down.adjoint(blocks), iterations)


def constant_image(measurement: Measurement) -> Tensor:
    """Return the image, constant in every channel, that explains the measurements best, of its shape.

    Parameters
    ----------
    measurement : Measurement
        Of real images (C, H, W), or volumes (C, D, H, W).
    """
    shape, like = measurement.operator.in_shape, measurement.y
    channel = (-1, *[1] * (len(shape) - 1))
    ones = torch.eye(shape[0], dtype=like.dtype.to_real(), device=like.device)
    gram = torch.stack([measurement.normal(one.view(channel).expand(shape)).flatten(1).sum(1) for one in ones])
    # The pseudoinverse, as an operator need not see a constant.
    levels: Tensor = torch.linalg.pinv(gram, hermitian=True) @ measurement.adjoint(like).flatten(1).sum(1)
    return levels.view(channel).expand(shape)


def range_of(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the first and the last percentile (by hand; not measured), or the extremes if those are equal."""
    low, high = np.percentile(values, [1, 99])
    return (float(low), float(high)) if low < high else (float(values.min()), float(values.max()))


def _energy(x: Tensor) -> float:
    return float(torch.view_as_real(x).square().sum() if x.is_complex() else x.square().sum())
