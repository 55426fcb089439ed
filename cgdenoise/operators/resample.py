"""Down-sampling: a picture with fewer pixels."""

from __future__ import annotations

from collections.abc import Callable
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


_POOLS: dict[int, Callable[..., Tensor]] = {2: functional.avg_pool2d, 3: functional.avg_pool3d}
"""By the number of axes."""


class Downsample(ForwardOperator):
    """[..., H, W] to [..., ceil(H / k), ceil(W / k)], volumes accordingly. Weights add up to 1: a constant image stays as it is.

    If k does not divide a side, the pixels at its end are the means of what is there. (Pillow and PyTorch would take the
    factor H / ceil(H / k) instead of k.)

    Parameters
    ----------
    in_shape : tuple of int
        (..., H, W).
    factor : int
        k, at least 1.
    kernel : Kernel
        The weights; of volumes BOX.
    axes : int
        2, or 3 for volumes, (..., D, H, W).

    Raises
    ------
    OperatorError
        If a parameter is out of range.
    """

    def __init__(self, in_shape: Shape, factor: int, kernel: Kernel = Kernel.BOX, axes: int = 2):
        if len(in_shape) < 2 or min(in_shape) < 1 or factor < 1:
            raise OperatorError(f"down-sampling of {list(in_shape)} by {factor}; expected (..., H, W) and a factor of at least 1")
        if axes not in _POOLS or len(in_shape) < axes or (kernel is not Kernel.BOX and axes != 2):
            raise OperatorError(f"down-sampling of {axes} axes of {list(in_shape)} by {kernel}; expected 2, or 3 by box")
        super().__init__(in_shape, (*in_shape[:-axes], *(-(-side // factor) for side in in_shape[-axes:])))
        self._kernel, self._size = kernel, in_shape[-axes:]
        if kernel is Kernel.BOX:
            self._block = tuple(min(factor, side) for side in self._size)
            ones = torch.ones(1, *self._size, dtype=torch.float64)
            self._areas = _POOLS[axes](ones, self._block, ceil_mode=True, divisor_override=1)[0]
        else:
            self._vertical, self._horizontal = (_bicubic(side, factor) for side in self._size)

    def _forward(self, x: Tensor) -> Tensor:
        return on_parts(self._means if self._kernel is Kernel.BOX else self._weighted, x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return on_parts(self._spread if self._kernel is Kernel.BOX else self._weighted_adjoint, y)

    def _means(self, x: Tensor) -> Tensor:
        axes = len(self._size)
        means = _POOLS[axes](x.reshape(-1, *self._size), self._block, ceil_mode=True, count_include_pad=False)
        return means.reshape(*x.shape[:-axes], *self.out_shape[-axes:])

    def _spread(self, y: Tensor) -> Tensor:
        blocks = y / like(self._areas, y)
        for axis, (block, side) in enumerate(zip(reversed(self._block), reversed(self._size), strict=True), start=1):
            blocks = blocks.repeat_interleave(block, -axis).narrow(-axis, 0, side)
        return blocks

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
