"""Reconstructions to compare with: total variation, wavelets, and what is usual for each problem. Images are [C, H, W]."""

import numpy as np
import torch
from skimage.restoration import inpaint_biharmonic
from torch import Tensor

from cgdenoise.operators import ForwardOperator, Measurement
from cgdenoise.operators.least_squares import conjugate_gradients
from cgdenoise.operators.norm import spectral_norm
from cgdenoise.restoration.wavelets import Wavelets

_LEAST = 1e-12
"""Below any length of a gradient that counts."""


def norm(operator: ForwardOperator) -> float:
    """Estimate ||A||, from below and within a few per cent."""
    return spectral_norm(operator, torch.Generator().manual_seed(0), rtol=0, max_iterations=30)


def total_variation(operator: ForwardOperator, y: Tensor, start: Tensor, weight: float, iterations: int = 400) -> Tensor:
    """Minimise ||A x - y||² / 2 + weight * sum |grad x|, isotropic, channels together; weight 0: TV alone subject to A x = y.

    Primal-dual (Chambolle & Pock, J. Math. Imaging Vision, 2011), both terms dualised, so that any operator will do. The ratio
    of the two step sizes is fitted to images with a range of about 1.
    """
    scale = 1 / (1.05 * norm(operator))
    x = extrapolated = start
    gradients, misfit = x.new_zeros(2, *x.shape), torch.zeros_like(y)
    # ||[grad; A scale]||² <= 8 + 1
    primal, dual = _STEP / 3, 1 / (3 * _STEP)
    # With the data term in units of its weight the dual variable of the gradients lies in the unit ball.
    for _ in range(iterations):
        gradients = gradients + dual * gradient(extrapolated)
        gradients = gradients / gradients.square().sum((0, 1)).sqrt().clamp(min=1)
        # F(r) = ||r - scale y||² / (2 scale² weight), of which this is the proximal map of the conjugate.
        misfit = (misfit + dual * scale * (operator(extrapolated) - y)) / (1 + dual * scale**2 * weight)
        following = x - primal * (gradient_adjoint(gradients) + scale * operator.adjoint(misfit))
        extrapolated, x = 2 * following - x, following
    return x if weight else conjugate_gradients(Measurement.complete(operator, y), x, 10)


_STEP = 0.1


def gradient(x: Tensor) -> Tensor:
    """Return differences to the next row and the next column, 0 at the end: [2, C, H, W]."""
    down, right = torch.zeros_like(x), torch.zeros_like(x)
    down[:, :-1] = x[:, 1:] - x[:, :-1]
    right[..., :-1] = x[..., 1:] - x[..., :-1]
    return torch.stack([down, right])


def gradient_adjoint(p: Tensor) -> Tensor:
    """Return the adjoint of `gradient`: minus the divergence, [C, H, W]."""
    down, right = p
    result = torch.zeros_like(down)
    result[:, :-1] -= down[:, :-1]
    result[:, 1:] += down[:, :-1]
    result[..., :-1] -= right[..., :-1]
    result[..., 1:] += right[..., :-1]
    return result


def wavelets(operator: ForwardOperator, y: Tensor, start: Tensor, weight: float, iterations: int = 200) -> Tensor:
    """Minimise ||A x - y||² / 2 + weight * ||W x||_1 over the details of a Daubechies basis, by FISTA with cycle spinning.

    (Beck & Teboulle, SIAM J. Imaging Sciences, 2009.) A random shift in each step makes up for a basis that is not invariant.
    """
    step = 1 / (1.05 * norm(operator)) ** 2
    rng, basis = np.random.default_rng(0), Wavelets(start)
    x = extrapolated = start
    momentum = 1.0
    for _ in range(iterations):
        down, across = rng.integers(0, 32, 2).tolist()
        lower = extrapolated - step * operator.adjoint(operator(extrapolated) - y)
        following = basis.shrunk(lower, step * weight, (down, across))
        momentum, before = (1 + (1 + 4 * momentum**2) ** 0.5) / 2, momentum
        extrapolated, x = following + (before - 1) / momentum * (following - x), following
    return x


def biharmonic(y: Tensor, valid: Tensor) -> Tensor:
    """Fill gaps by the biharmonic equation, as scikit-image does."""
    return torch.from_numpy(
        np.stack([inpaint_biharmonic(plane, known == 0) for plane, known in zip(y.numpy(), valid.numpy(), strict=True)])
    ).to(y)


def wiener(operator: ForwardOperator, y: Tensor, weight: float) -> Tensor:
    """Minimise ||A x - y||² + weight * ||grad x||²: Wiener's filter for images whose spectrum falls as 1 / f²."""
    x, b = torch.zeros(operator.in_shape), operator.adjoint(y)

    def normal(v: Tensor) -> Tensor:
        return operator.normal(v) + weight * gradient_adjoint(gradient(v))

    residual = b - normal(x)
    direction, energy = residual, residual.square().sum()
    for _ in range(200):
        image = normal(direction)
        step = energy / (direction * image).sum()
        x, residual = x + step * direction, residual - step * image
        before, energy = energy, residual.square().sum()
        if energy < 1e-10 * b.square().sum():
            break
        direction = residual + energy / before * direction
    return x


def richardson_lucy(operator: ForwardOperator, y: Tensor, iterations: int) -> Tensor:
    """Return the iterate of Richardson (1972) and Lucy (1974) from a constant; for images >= 0."""
    seen = operator.adjoint(torch.ones_like(y)).clamp(min=1e-6)
    x = torch.full(operator.in_shape, float(y.mean()))
    for _ in range(iterations):
        x = x * operator.adjoint(y.clamp(min=0) / operator(x).clamp(min=1e-6)) / seen
    return x


def sense(operator: ForwardOperator, y: Tensor, iterations: int) -> Tensor:
    """Return least squares by so many conjugate gradients from 0 (Pruessmann et al., Magn. Reson. Med., 2001)."""
    return conjugate_gradients(Measurement.complete(operator, y), torch.zeros(operator.in_shape), iterations)
