"""The pointwise (1x1) convolution of several pictures, each with its own matrix."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_SMALL = 2048
"""Entries of a matrix up to which its gradient is summed over rows of pixels rather than in one product. On two cores and at 512²
that took 4.8 ms an iteration instead of 7.8 (`benchmarks/README.md`); the border itself is by hand, above the thin layers of the
presets, and was not measured."""


def pointwise_convolution(x: Tensor, matrix: Tensor) -> Tensor:
    """Return each picture's pointwise convolution with its matrix.

    Parameters
    ----------
    x : Tensor
        [M, H, W, in], or of a volume [M, D, H, W, in].
    matrix : Tensor
        [M, out, in], float32.

    Returns
    -------
    Tensor
        [M, ..., out], of `x`'s dtype.
    """
    result: Tensor = _PointwiseConvolution.apply(x, matrix)  # type: ignore[no-untyped-call]
    return result


class _PointwiseConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor) -> Tensor:
        matrix = matrix.to(x.dtype)
        ctx.save_for_backward(x, matrix)
        return torch.bmm(x.flatten(1, -2), matrix.mT).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, matrix = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        for_x = None
        if ctx.needs_input_grad[0]:
            for_x = torch.bmm(gradient.flatten(1, -2), matrix).view(x.shape)
        if matrix[0].numel() <= _SMALL:
            # A small result of a very long sum: matrix products share out its entries among the cores, of which there
            # are too few. Row by row it takes half the time.
            rows = torch.bmm(gradient.flatten(0, -3).mT, x.flatten(0, -3))
            for_matrix = rows.view(len(x), -1, *matrix.shape[1:]).sum(1, dtype=torch.float32)
        else:
            for_matrix = torch.bmm(gradient.flatten(1, -2).mT, x.flatten(1, -2)).float()
        return for_x, for_matrix
