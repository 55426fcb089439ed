"""The norm-upsample-ReLU block of a decoder: channel normalisation, linear upsampling by 2, ReLU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from cgdenoise.generators.kernels import native

_EPSILON = 1e-5
"""Added to the variance before its root is taken: the value of torch's batch normalisation, which the paper's code uses."""


_OF_PICTURES = 4
"""Axes of several pictures with their channels: one more is a volume's."""


def norm_upsample_relu(a: Tensor, gain: Tensor, shift: Tensor, upsampled: bool) -> Tensor:
    """Return ReLU(U(gain * (a - mean) / deviation + shift)), with U linear upsampling by 2 along each axis, or the identity.

    The normalisation is that of each picture's channels over its own pixels: batch normalisation with a batch of one
    (Heckel & Soltanolkotabi, ICLR 2020). It comes before the upsampling, on a quarter of the values.

    Parameters
    ----------
    a : Tensor
        [M, H, W, C], M independent pictures, or [M, D, H, W, C], volumes.
    gain, shift : Tensor
        [M, C], float32.
    upsampled : bool
        Whether U upsamples.

    Returns
    -------
    Tensor
        [M, 2H, 2W, C] or [M, H, W, C], of volumes accordingly, of `a`'s dtype.
    """
    if a.ndim != _OF_PICTURES or not native.supports(a):
        return composed_block(a, gain, shift, upsampled)
    pictures = zip(a, gain, shift, strict=True)
    blocks = [_NormUpsampleReLU.apply(*picture, upsampled) for picture in pictures]  # type: ignore[no-untyped-call]
    return blocks[0][None] if len(blocks) == 1 else torch.stack(blocks)


def composed_block(a: Tensor, gain: Tensor, shift: Tensor, upsampled: bool) -> Tensor:
    """Compute `norm_upsample_relu` by torch's own functions: for other devices, and as the reference of the compiled ones."""
    members, *size, channels = a.shape
    # The pictures' channels side by side are one picture, which batch normalisation then takes apart by channel.
    x = a.movedim(-1, 1).reshape(1, members * channels, *size)
    x = functional.batch_norm(x, None, None, gain.flatten(), shift.flatten(), training=True, eps=_EPSILON)
    if upsampled:
        x = upsample(x)
    return functional.relu(x).reshape(members, channels, *x.shape[2:]).movedim(1, -1)


def upsample(x: Tensor) -> Tensor:
    """Return [N, C, H, W] or [N, C, D, H, W] interpolated linearly to twice the size along each axis.

    Pixel centres are at half integers, borders are repeated.
    """
    return functional.interpolate(x, scale_factor=2, mode="bilinear" if x.ndim == 4 else "trilinear", align_corners=False)


class _NormUpsampleReLU(torch.autograd.Function):
    """`norm_upsample_relu` of one picture, [H, W, C]: two sums and two passes, forward and backward."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, gain: Tensor, shift: Tensor, upsampled: bool) -> Tensor:
        a = a.contiguous()
        height, width, channels = a.shape
        sums = torch.empty(2, channels, dtype=torch.float64)
        native.call("moments", a.dtype, (a, sums), (height, width, channels))
        offset, square = sums / (height * width)  # means of the values less the first pixel's, and of their squares
        inverse = (square - offset * offset).clamp_(min=0).add_(_EPSILON).rsqrt_()
        slope = gain * inverse
        intercept = shift - (a[0, 0] + offset) * slope
        scale = 2 if upsampled else 1
        out = a.new_empty(scale * height, scale * width, channels)
        native.call("forward", a.dtype, (a, slope.float(), intercept.float(), out), (height, width, channels, upsampled))
        ctx.save_for_backward(a, out, offset, inverse, slope)
        ctx.upsampled = upsampled
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        a, out, offset, inverse, slope = ctx.saved_tensors
        height, width, channels = a.shape
        count = height * width
        result, sums = torch.empty_like(a), torch.empty(2, channels, dtype=torch.float64)
        pictures = (gradients[0].contiguous(), out, a, result, sums)
        native.call("backward", a.dtype, pictures, (height, width, channels, ctx.upsampled))
        for_shift = sums[0]
        for_gain = inverse * (sums[1] - offset * sums[0])
        # For a: slope * (g - mean of g - normalised a * mean of (g * normalised a)), as p * g + q * a + r.
        q = -slope * inverse * for_gain / count
        r = -slope * for_shift / count - q * (a[0, 0] + offset)
        native.call("combine", a.dtype, (result, a, torch.stack([slope, q, r]).float()), (height, width, channels))
        return result, for_gain.float(), for_shift.float(), None
