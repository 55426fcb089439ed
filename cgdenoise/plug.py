"""The end of a reconstruction: groups of similar patches as the prior of a linear inverse problem."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cgdenoise.groups.channels import ChannelNoise
from cgdenoise.groups.ridge import first_estimate, refine
from cgdenoise.leastsquares import conjugate_gradients
from cgdenoise.operators import ForwardOperator

_FIRST, _LAST = 0.2, 0.01
"""Noise levels of the first pass and, without noise, of the last, in parts of the image's range of about 1."""

_PASSES = 24

_WHOLE = 10
"""Passes at the end that filter in two steps; the ones before, which are there for the coarse structure, in one."""

_MOMENTUM = 0.8
"""Part of a pass's change by which the next one begins further on: for what the measurements do not see, slow otherwise."""

_TRUST = 0.23
"""By which sigma² / level² is multiplied: a filtered image errs by more than the level (Zhang et al. have the same number)."""

_ITERATIONS = 10
"""Of the conjugate gradients. Masks, Fourier lines and a subsampled DCT take one or two."""


def plug_and_play(operator: ForwardOperator, y: Tensor, start: Tensor, sigma: float, passes: int = _PASSES) -> Tensor:
    """Refine a reconstruction from y = A x + noise by its own groups of similar patches.

    Half-quadratic splitting with a denoiser for the prior: each pass brings the image to the measurements,
    min ||A x - y||² + c sigma² / level² ||x - z||², and filters it as if it had white noise of that level, which falls from pass
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
    variance = sigma**2 / (2 if y.is_complex() else 1)  # of each real number
    last = max(_LAST, math.sqrt(variance))
    image, change = start, torch.zeros_like(start)
    levels = torch.logspace(math.log10(max(_FIRST, last)), math.log10(last), passes).tolist()
    for number, level in enumerate(levels):
        measured = conjugate_gradients(operator, y, image + _MOMENTUM * change, _ITERATIONS, _TRUST * variance / level**2)
        noise = ChannelNoise.equal(level, len(image))
        filtered = first_estimate(measured, noise)
        if number >= passes - _WHOLE:
            filtered = refine(measured, filtered, noise)
        image, change = filtered, filtered - image
    return image if sigma else conjugate_gradients(operator, y, image, _ITERATIONS)
