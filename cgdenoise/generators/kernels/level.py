"""A decoder level after its convolution: channel normalisation, bilinear doubling, ReLU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from cgdenoise.generators.kernels import native

_EPSILON = 1e-5


def level(a: Tensor, gain: Tensor, shift: Tensor, doubled: bool) -> Tensor:
    """Return ReLU(U(gain * (a - mean) / deviation + shift)), with U bilinear doubling or nothing.

    The normalisation is that of each picture's channels over its own pixels: batch normalisation with a batch of one
    (Heckel & Soltanolkotabi, ICLR 2020). It comes before the doubling, on a quarter of the values.

    Parameters
    ----------
    a : Tensor
        [M, H, W, C], M independent pictures.
    gain, shift : Tensor
        [M, C], float32.
    doubled : bool
        Whether U doubles.

    Returns
    -------
    Tensor
        [M, 2H, 2W, C] or [M, H, W, C], of `a`'s dtype.
    """
    if not native.supports(a):
        return composed_level(a, gain, shift, doubled)
    parts = [_Level.apply(*part, doubled) for part in zip(a, gain, shift, strict=True)]  # type: ignore[no-untyped-call]
    return parts[0][None] if len(parts) == 1 else torch.stack(parts)


def composed_level(a: Tensor, gain: Tensor, shift: Tensor, doubled: bool) -> Tensor:
    """Do what `level` does with torch's own functions: for other devices, and the reference of the compiled ones."""
    members, height, width, channels = a.shape
    # The pictures' channels side by side are one picture, which batch normalisation then takes apart by channel.
    x = a.permute(0, 3, 1, 2).reshape(1, members * channels, height, width)
    x = functional.batch_norm(x, None, None, gain.flatten(), shift.flatten(), training=True, eps=_EPSILON)
    if doubled:
        x = double(x)
    return functional.relu(x).reshape(members, channels, *x.shape[2:]).permute(0, 2, 3, 1)


def double(x: Tensor) -> Tensor:
    """Return [..., H, W] interpolated bilinearly to twice the size, pixel centres at half integers, borders repeated."""
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class _Level(torch.autograd.Function):
    """`level` of one picture, [H, W, C]: two sums and two passes, forward and backward."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, gain: Tensor, shift: Tensor, doubled: bool) -> Tensor:
        a = a.contiguous()
        height, width, channels = a.shape
        sums = torch.empty(2, channels, dtype=torch.float64)
        native.call("moments", a.dtype, (a, sums), (height, width, channels))
        beyond, square = sums / (height * width)  # of the values less the first pixel's
        inverse = (square - beyond * beyond).clamp_(min=0).add_(_EPSILON).rsqrt_()
        slope = gain * inverse
        intercept = shift - (a[0, 0] + beyond) * slope
        scale = 2 if doubled else 1
        out = a.new_empty(scale * height, scale * width, channels)
        native.call("forward", a.dtype, (a, slope.float(), intercept.float(), out), (height, width, channels, doubled))
        ctx.save_for_backward(a, out, beyond, inverse, slope)
        ctx.doubled = doubled
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        a, out, beyond, inverse, slope = ctx.saved_tensors
        height, width, channels = a.shape
        count = height * width
        result, sums = torch.empty_like(a), torch.empty(2, channels, dtype=torch.float64)
        pictures = (gradients[0].contiguous(), out, a, result, sums)
        native.call("backward", a.dtype, pictures, (height, width, channels, ctx.doubled))
        for_shift = sums[0]
        for_gain = inverse * (sums[1] - beyond * sums[0])
        # For a: slope * (g - mean of g - normalised a * mean of (g * normalised a)), as p * g + q * a + r.
        q = -slope * inverse * for_gain / count
        r = -slope * for_shift / count - q * (a[0, 0] + beyond)
        native.call("combine", a.dtype, (result, a, torch.stack([slope, q, r]).float()), (height, width, channels))
        return result, for_gain.float(), for_shift.float(), None
