"""The same numbers in an array of another shape."""

from __future__ import annotations

import math

from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import ForwardOperator, Shape


class Reshape(ForwardOperator):
    """An array with its sides taken otherwise, in row-major order. Unitary.

    Parameters
    ----------
    in_shape, out_shape : tuple of int
        Of as many numbers.

    Raises
    ------
    OperatorError
        If they are not.
    """

    def __init__(self, in_shape: Shape, out_shape: Shape):
        if math.prod(in_shape) != math.prod(out_shape):
            raise OperatorError(f"{list(in_shape)} as {list(out_shape)}; expected shapes of as many numbers")
        super().__init__(in_shape, out_shape)

    def _forward(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[: x.ndim - len(self.in_shape)], *self.out_shape)

    def _adjoint(self, y: Tensor) -> Tensor:
        return y.reshape(*y.shape[: y.ndim - len(self.out_shape)], *self.in_shape)
