"""Linear maps of tensors, as operators compute them: gradients by the adjoint, both parts of complex numbers, precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Linear = Callable[[Tensor], Tensor]


def linear(forward: Linear, adjoint: Linear, x: Tensor) -> Tensor:
    """Return forward(x), with the adjoint as its gradient.

    For maps that autograd cannot see through, or for which it would keep more than it needs: a linear map's gradient takes
    none of its input.
    """
    result: Tensor = _Linear.apply(forward, adjoint, x)  # type: ignore[no-untyped-call]
    return result


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, forward: Linear, adjoint: Linear, x: Tensor) -> Tensor:
        ctx.maps = forward, adjoint
        return forward(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        forward, adjoint = ctx.maps
        return None, None, linear(adjoint, forward, gradients[0])


def on_parts(real_map: Linear, x: Tensor) -> Tensor:
    """Apply a real-linear map that treats leading dimensions alike to a real array, or to both parts of a complex one."""
    if not x.is_complex():
        return real_map(x)
    real, imaginary = real_map(torch.stack([x.real, x.imag]))
    return torch.complex(real, imaginary)


def like(held: Tensor, x: Tensor) -> Tensor:
    """Return a held tensor in the precision of the input."""
    return held.to(x.dtype.to_complex() if held.is_complex() else x.dtype.to_real())
