"""Complex images from real arrays, which is what a generator makes."""

from __future__ import annotations

import torch
from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import Field, ForwardOperator, Shape


class ComplexFromChannels(ForwardOperator):
    """Two real channels, the real and the imaginary part, to a complex image: [2, ...] to [...].

    Linear over the reals, and unitary under Re <., .>: the adjoint is the inverse.

    Parameters
    ----------
    in_shape : tuple of int
        (2, H, W), or with any other sides after the 2.
    """

    def __init__(self, in_shape: Shape):
        if len(in_shape) < 2 or in_shape[0] != 2:
            raise OperatorError(f"images of shape {list(in_shape)}; expected 2 channels, the real and the imaginary part")
        super().__init__(in_shape, in_shape[1:], Field.REAL, Field.COMPLEX)

    def _forward(self, x: Tensor) -> Tensor:
        real, imaginary = x.unbind(-len(self.in_shape))
        return torch.complex(real, imaginary)

    def _adjoint(self, y: Tensor) -> Tensor:
        return torch.stack([y.real, y.imag], -len(self.in_shape))


class ComplexFromReal(ForwardOperator):
    """A real image as a complex one without imaginary part; the adjoint takes the real part.

    Parameters
    ----------
    in_shape : tuple of int
    """

    def __init__(self, in_shape: Shape):
        super().__init__(in_shape, in_shape, Field.REAL, Field.COMPLEX)

    def _forward(self, x: Tensor) -> Tensor:
        return torch.complex(x, torch.zeros_like(x))

    def _adjoint(self, y: Tensor) -> Tensor:
        return y.real
