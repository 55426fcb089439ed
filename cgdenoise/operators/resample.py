"""Down-sampling: a picture with fewer pixels."""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor
from torch.nn import functional

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import ForwardOperator, Shape
from cgdenoise.operators.tensors import like, on_parts


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
        super().__init__(in_shape, (*in_shape[:-2], *(-(-side // factor) for side in in_shape[-2:])))
        self._kernel = kernel
        if kernel is Kernel.BOX:
            self._block = min(factor, in_shape[-2]), min(factor, in_shape[-1])
            ones = torch.ones(1, *in_shape[-2:], dtype=torch.float64)
            self._areas = functional.avg_pool2d(ones, self._block, ceil_mode=True, divisor_override=1)[0]
        else:
            self._vertical, self._horizontal = (_bicubic(side, factor) for side in in_shape[-2:])

    def _forward(self, x: Tensor) -> Tensor:
        return on_parts(self._means if self._kernel is Kernel.BOX else self._weighted, x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return on_parts(self._spread if self._kernel is Kernel.BOX else self._weighted_adjoint, y)

    def _means(self, x: Tensor) -> Tensor:
        planes = x.reshape(-1, *self.in_shape[-2:])
        means = functional.avg_pool2d(planes, self._block, ceil_mode=True, count_include_pad=False)
        return means.reshape(*x.shape[:-2], *self.out_shape[-2:])

    def _spread(self, y: Tensor) -> Tensor:
        shares = y / like(self._areas, y)
        blocks = shares.repeat_interleave(self._block[1], -1).repeat_interleave(self._block[0], -2)
        return blocks[..., : self.in_shape[-2], : self.in_shape[-1]]

    def _weighted(self, x: Tensor) -> Tensor:
        return like(self._vertical, x) @ x @ like(self._horizontal, x).mT

    def _weighted_adjoint(self, y: Tensor) -> Tensor:
        return like(self._vertical, y).mT @ y @ like(self._horizontal, y)


def _bicubic(size: int, factor: int) -> Tensor:
    """Return the matrix that down-samples one axis, [ceil(size / k), size], float64."""
    centres = (torch.arange(-(-size // factor), dtype=torch.float64) + 0.5) * factor
    distance = (torch.arange(size, dtype=torch.float64) + 0.5 - centres[:, None]).abs() / factor
    weights = _keys(distance)
    return weights / weights.sum(1, keepdim=True)


def _keys(t: Tensor) -> Tensor:
    """Return the cubic convolution kernel with a = -1/2 (Keys, IEEE Trans. ASSP, 1981)."""
    near = (1.5 * t - 2.5) * t**2 + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return torch.where(t < 1, near, torch.where(t < 2, far, 0))
