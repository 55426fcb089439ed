"""Measurements that count by different weights."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import Field, ForwardOperator
from cgdenoise.operators.tensors import like


class Weights(ForwardOperator):
    """An array times weights. `Weights(1 / s) @ A` makes noise of the levels s that of level 1; real ones are their own adjoint.

    Parameters
    ----------
    weights : Tensor or array
        Finite, in floating point, of the array's shape. With complex ones the array is complex.

    Raises
    ------
    OperatorError
        If they are not.
    """

    def __init__(self, weights: Tensor | NDArray[Any]):
        self._weights = torch.as_tensor(weights)
        shape, is_complex = tuple(self._weights.shape), self._weights.is_complex()
        super().__init__(shape, shape, Field.COMPLEX if is_complex else Field.EITHER)
        if not (is_complex or self._weights.is_floating_point()) or not self._weights.isfinite().all():
            raise OperatorError(f"weights of {self._weights.dtype}; expected finite numbers in floating point")

    def _forward(self, x: Tensor) -> Tensor:
        return like(self._weights, x) * x

    def _adjoint(self, y: Tensor) -> Tensor:
        return like(self._weights, y).conj() * y
