"""The end of a reconstruction: groups of similar patches as the prior of a linear inverse problem."""

from __future__ import annotations

import torch
from torch import Tensor

from cgdenoise.groups.channels import ChannelNoise
from cgdenoise.groups.ridge import nonlocal_ridge
from cgdenoise.leastsquares import conjugate_gradients
from cgdenoise.operators import ForwardOperator

_FIRST, _LAST = 0.1, 0.005
_PASSES = 12
_ITERATIONS = 10


def plug_and_play(operator: ForwardOperator, y: Tensor, start: Tensor, sigma: float, passes: int = _PASSES) -> Tensor:
    """Refine a reconstruction from y = A x + noise by its own groups of similar patches.

    Half-quadratic splitting with a denoiser for the prior: each pass brings the image to the measurements,
    min ||A x - y||² + sigma² / level² ||x - z||², and filters it as if it had white noise of that level, which falls from pass
    to pass to the level of the measurements' noise (Zhang et al., "Plug-and-Play Image Restoration with Deep Denoiser Prior",
    IEEE TPAMI 2021, arXiv 2008.13751). Without noise the first step is the projection onto the measurements (Tirer & Giryes,
    IEEE TIP 2019, arXiv 1710.06647).

    Parameters
    ----------
    operator : ForwardOperator
        A, from real images (C, H, W).
    y : Tensor
        [*out_shape].
    start : Tensor
        [C, H, W], finite, with a range of about 1.
    sigma : float
        Standard deviation of the noise in the unit of `y` (of a complex number: the root of E |noise|²). 0: the result agrees
        with the measurements, as far as 10 conjugate gradients take it.
    passes : int
        At least 1.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    variance = sigma**2 / (2 if y.is_complex() else 1)
    last = max(_LAST, variance**0.5)
    image = start
    for level in torch.logspace(*torch.tensor([_FIRST, last]).log10().tolist(), passes).tolist():
        image = conjugate_gradients(operator, y, image, _ITERATIONS, variance / level**2)
        image = nonlocal_ridge(image, ChannelNoise.equal(level, len(image)))
    if not sigma:
        image = conjugate_gradients(operator, y, image, _ITERATIONS)
    return image
