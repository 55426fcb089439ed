"""The identity: every pixel is measured, as for denoising."""

from __future__ import annotations

from torch import Tensor

from cgdenoise.operators.base import ForwardOperator, Shape


class Identity(ForwardOperator):
    """Returns the image itself; its own adjoint. Norm 1.

    Parameters
    ----------
    shape : tuple of int
        Of the image.
    """

    def __init__(self, shape: Shape):
        super().__init__(shape, shape)

    def _forward(self, x: Tensor) -> Tensor:
        return x

    def _adjoint(self, y: Tensor) -> Tensor:
        return y
