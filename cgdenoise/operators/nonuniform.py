"""The Fourier transform at any points of the plane: radial lines, spirals. By FINUFFT, an optional dependency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import Field, ForwardOperator, Shape
from cgdenoise.operators.tensors import linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ACCURACY = {torch.complex64: 1e-6, torch.complex128: 1e-12}
"""Relative error of a transform that is asked for, near the rounding of its precision."""


class NonUniformFourier(ForwardOperator):
    """The transform of the last two axes of a complex image at given points: [..., H, W] to [..., m].

    At the points of the grid it is `Fourier`, with the same centre and factor. (Barnett, Magland & af Klinteberg, "A parallel
    nonuniform fast Fourier transform library based on an 'exponential of semicircle' kernel", SIAM J. Sci. Comput., 2019.) It
    computes on the CPU; arrays of another device are brought there and back.

    Parameters
    ----------
    in_shape : tuple of int
        (..., H, W).
    points : array
        Across (along W) and down (along H), [m, 2], in cycles for each pixel: -0.5 to 0.5.

    Raises
    ------
    OperatorError
        If the points are of another shape or out of range, or FINUFFT is not installed.
    """

    def __init__(self, in_shape: Shape, points: NDArray[np.float64]):
        if len(in_shape) < 2 or points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise OperatorError(
                f"points of shape {list(points.shape)} for images of {list(in_shape)}; expected [m, 2] and a plane"
            )
        if not np.abs(points).max() <= 0.5:
            raise OperatorError(f"points up to {np.abs(points).max():.4g} cycles for each pixel; expected 0.5 at most")
        try:
            import finufft
        except ImportError as error:
            hint = "install it with: pip install 'cgdenoise[nufft]', or pip install finufft"
            raise OperatorError(f"samples off the grid need finufft; {hint}") from error
        super().__init__(in_shape, (*in_shape[:-2], len(points)), Field.COMPLEX)
        self._finufft = finufft
        self.points = points
        radians = 2 * np.pi * points
        self._down, self._across = np.ascontiguousarray(radians[:, 1]), np.ascontiguousarray(radians[:, 0])

    def _forward(self, x: Tensor) -> Tensor:
        return linear(self._sampled, self._spread, x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return linear(self._spread, self._sampled, y)

    def _sampled(self, x: Tensor) -> Tensor:
        return self._transformed(self._finufft.nufft2d2, x, 2, -1, torch.get_num_threads())

    def _spread(self, y: Tensor) -> Tensor:
        # One thread: several add up in any order, and the same seed would give other bytes.
        return self._transformed(self._finufft.nufft2d1, y, 1, 1, 1, self.in_shape[-2:])

    def _transformed(self, transform: Any, values: Tensor, axes: int, sign: int, threads: int, *modes: Shape) -> Tensor:
        stack = np.ascontiguousarray(values.detach().cpu().reshape(-1, *values.shape[values.ndim - axes :]).numpy())
        down, across = (points.astype(stack.real.dtype, copy=False) for points in (self._down, self._across))
        found = transform(down, across, stack, *modes, isign=sign, eps=_ACCURACY[values.dtype], nthreads=threads)
        found = found * found.dtype.type((self.in_shape[-2] * self.in_shape[-1]) ** -0.5)
        return torch.from_numpy(found).to(values.device).reshape(*values.shape[: values.ndim - axes], *found.shape[1:])


def density_compensation(operator: NonUniformFourier, iterations: int = 20) -> NDArray[np.float64]:
    """Return weights for the points, [m], in inverse proportion to how densely they lie.

    Each is divided by what the weights of all amount to around it until that is 1 (Pipe & Menon, Magn. Reson. Med., 1999). The
    kernel is the transform of a triangle as wide as the image, which is nowhere negative. 20 iterations are by hand.
    """
    height, width = operator.in_shape[-2:]
    plane = NonUniformFourier((height, width), operator.points)
    window = _triangle(height)[:, None] * _triangle(width)
    weights = torch.ones(plane.out_shape, dtype=torch.complex64)
    for _ in range(iterations):
        weights = weights / plane(window * plane.adjoint(weights)).abs().clamp(min=1e-6)
    return weights.real.double().numpy()


def _triangle(side: int) -> Tensor:
    return 1 - (torch.arange(side) - side // 2).abs() / (side // 2 + 1)
