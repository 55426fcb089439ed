"""Down-sampling: a picture with fewer pixels."""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import ForwardOperator, Shape, like, on_parts


class Kernel(StrEnum):
    """What a pixel of the smaller picture is the mean of."""

    BOX = "box"  # the area of the k x k pixels that it covers, as a sensor with larger pixels sees it
    BICUBIC = "bicubic"  # 4k x 4k pixels, weighted by Keys' cubic with a = -1/2: the anti-aliased bicubic of Pillow


class Downsample(ForwardOperator):
    """[..., H, W] to [..., ceil(H / k), ceil(W / k)]. Weights add up to 1: a constant image stays as it is.

    If k does not divide a side, the pixels at its end are the means of what is there. (Pillow and PyTorch would take the
    factor H / ceil(H / k) instead of k.)

    Parameters
    ----------
    in_shape : tuple of int
        (..., H, W).
    factor : int
        k, at least 1.
    kernel : Kernel
        The weights.

    Raises
    ------
    OperatorError
        If a parameter is out of range.
    """

    def __init__(self, in_shape: Shape, factor: int, kernel: Kernel = Kernel.BOX):
        if len(in_shape) < 2 or min(in_shape) < 1 or factor < 1:
            raise OperatorError(f"down-sampling of {list(in_shape)} by {factor}; expected (..., H, W) and a factor of at least 1")
        self._vertical, self._horizontal = (_weights(side, factor, kernel) for side in in_shape[-2:])
        super().__init__(in_shape, (*in_shape[:-2], len(self._vertical), len(self._horizontal)))

    def _forward(self, x: Tensor) -> Tensor:
        return on_parts(lambda part: like(self._vertical, part) @ part @ like(self._horizontal, part).mT, x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return on_parts(lambda part: like(self._vertical, part).mT @ part @ like(self._horizontal, part), y)


def _weights(size: int, factor: int, kernel: Kernel) -> Tensor:
    """Return the matrix that down-samples one axis, [ceil(size / k), size], float64."""
    centres = (torch.arange(-(-size // factor), dtype=torch.float64) + 0.5) * factor
    distance = (torch.arange(size, dtype=torch.float64) + 0.5 - centres[:, None]).abs() / factor
    weights = (distance < 0.5).double() if kernel is Kernel.BOX else _keys(distance)
    return weights / weights.sum(1, keepdim=True)


def _keys(t: Tensor) -> Tensor:
    """Return the cubic convolution kernel with a = -1/2 (Keys, IEEE Trans. ASSP, 1981)."""
    near = (1.5 * t - 2.5) * t**2 + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return torch.where(t < 1, near, torch.where(t < 2, far, 0))
