"""An image at half its size, by its cosine transform, and what is found there put back among the low frequencies.

Noise of low frequencies is what patches see worst: across one it is nearly constant, as the image is. At half the size it is
within their reach. Pyramids of this kind are known with the low frequencies all from the coarse scale (Pierazzo, Morel &
Facciolo, "Multi-scale DCT denoising", IPOL 2017); here each scale gives half of them, as the errors of the two differ.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cgdenoise.patches.cosine import back, transformed

_SHARE = 0.5
"""The coarse scale's share in the lowest frequencies; all of them lose 0.05 dB at 25 of 255, 0.3 and 0.7 0.01
(`benchmarks/NOTES.md`, "Two scales")."""

_HALF = 0.5
"""Where that share has fallen to half, in parts of the frequencies that the coarse scale has: those near its end suffer from it.
0.3 and 0.5 are the same within 0.01 dB (as above). It falls as a Gaussian: after a sudden end an edge would ring through parts of
the image that have none, and `noise.residual` would miss that nothing was taken out there."""

_LEAST_SIDE = 64
"""Pixels of an image that is halved: below, groups have too few patches to choose from."""


def can_be_halved(image: Tensor) -> bool:
    """Tell whether an image [..., H, W] is large enough for `halved`."""
    return min(image.shape[-2:]) >= _LEAST_SIDE


def halved(image: Tensor) -> tuple[Tensor, float]:
    """Return an image at half its size, and the factor by which white noise becomes weaker, about a half.

    Parameters
    ----------
    image : Tensor
        [..., H, W].

    Returns
    -------
    half : Tensor
        [..., H // 2, W // 2]: the lower half of the frequencies along each axis. White noise stays white; unit and mean are kept.
    weaker : float
        The noise's standard deviation there, in parts of what it was.
    """
    height, width = image.shape[-2:]
    low = transformed(image)[..., : height // 2, : width // 2]
    weaker = math.sqrt((height // 2) * (width // 2) / (height * width))
    return back(low * weaker), weaker


def with_coarse(fine: Tensor, coarse: Tensor, removed: Tensor) -> Tensor:
    """Return a restoration whose low frequencies are partly those of the restoration of `halved`.

    Parameters
    ----------
    fine, coarse : Tensor
        [..., H, W] and [..., H // 2, W // 2].
    removed : Tensor
        Between 0 and 1 at each pixel, broadcast to `fine`: how far it may change there.

    Returns
    -------
    Tensor
        [..., H, W].
    """
    height, width = coarse.shape[-2:]
    stronger = math.sqrt(fine.shape[-2] * fine.shape[-1] / (height * width))
    share = _SHARE * _falling(height)[:, None] * _falling(width)
    change = torch.zeros_like(fine)
    change[..., :height, :width] = share.to(fine) * (stronger * transformed(coarse) - transformed(fine)[..., :height, :width])
    return fine + removed * back(change)


def _falling(length: int) -> Tensor:
    return torch.exp2(-(torch.arange(length) / (_HALF * length)).square())
