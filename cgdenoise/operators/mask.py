"""Pixel mask: some values of an array are measured, the others are not."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import ForwardOperator, Shape


class PixelMask(ForwardOperator):
    """Keeps what is measured and sets the rest to 0; its own adjoint. Norm 1.

    Parameters
    ----------
    mask : Tensor or array of bool or of the numbers 0 and 1
        True or 1 where a value is measured. Broadcast to `in_shape`: [H, W] masks all channels alike, [1, W] whole columns.
    in_shape : tuple of int or None
        Of the image; None takes that of the mask.

    Raises
    ------
    OperatorError
        If the mask has other values, measures nothing, or does not broadcast to `in_shape`.
    """

    def __init__(self, mask: Tensor | NDArray[Any], in_shape: Shape | None = None):
        values = torch.as_tensor(mask)
        shape = tuple(values.shape if in_shape is None else in_shape)
        super().__init__(shape, shape)
        if not ((values == 0) | (values == 1)).all():
            raise OperatorError("a mask has values other than 0 and 1")
        if not values.any():
            raise OperatorError("a mask measures nothing: all of it is 0")
        try:
            self._mask = values.bool().expand(shape)
        except RuntimeError:
            raise OperatorError(f"a mask of shape {list(values.shape)} does not broadcast to an image of {list(shape)}") from None

    def _forward(self, x: Tensor) -> Tensor:
        return torch.where(self._mask, x, 0)  # not a product, which would let NaN through where nothing was measured

    def _adjoint(self, y: Tensor) -> Tensor:
        return torch.where(self._mask, y, 0)
