"""Measurements that count by different weights."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import ForwardOperator
from cgdenoise.operators.tensors import like


class Weights(ForwardOperator):
    """An array times real weights; its own adjoint. `Weights(1 / s) @ A` makes noise of the levels s that of level 1.

    Parameters
    ----------
    weights : Tensor or array
        Real and finite, of the array's shape.

    Raises
    ------
    OperatorError
        If they are not.
    """

    def __init__(self, weights: Tensor | NDArray[Any]):
        self._weights = torch.as_tensor(weights)
        super().__init__(tuple(self._weights.shape), tuple(self._weights.shape))
        if not self._weights.is_floating_point() or not self._weights.isfinite().all():
            raise OperatorError(f"weights of {self._weights.dtype}; expected finite real numbers in floating point")

    def _forward(self, x: Tensor) -> Tensor:
        return like(self._weights, x) * x

    def _adjoint(self, y: Tensor) -> Tensor:
        return like(self._weights, y) * y
