"""Volumes by their planes: what groups of similar patches do for pictures, along each axis, averaged."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_NARROWEST = 8
"""Pixels that planes have along their shorter side at least, where others have: fewer hold no patch of `ridge.FIRST`. By hand."""

_PICTURE = 3
"""Axes of a picture with its channels."""

Shares = dict[int, float]
"""How much the planes across each axis of a volume count, in parts of 1; {0: 1} of a picture, which is one."""


def by_planes(estimate: Callable[..., Tensor], shares: Shares, *images: Tensor) -> Tensor:
    """Return what an estimator of pictures makes of images.

    Parameters
    ----------
    estimate : callable
        Takes as many pictures as there are images, [C, H, W], to one.
    shares : mapping of int to float
        As `equal_shares` has them, or others.
    images : Tensor
        Pictures, [C, H, W], which it takes as they are; or volumes, [C, D, H, W]. These are estimated plane by plane, across each
        axis with a share, and the estimates averaged: what they err by is not the same.

    Returns
    -------
    Tensor
        Of the images' shape.
    """
    if images[0].ndim == _PICTURE:
        return estimate(*images)
    found = torch.zeros_like(images[0])
    for axis, share in shares.items():
        planes = zip(*(image.unbind(axis) for image in images), strict=True)
        found += share * torch.stack([estimate(*(plane.contiguous() for plane in of_one)) for of_one in planes], axis)
    return found


def equal_shares(shape: tuple[int, ...]) -> Shares:
    """Return the axes of a volume, [C, D, H, W], across which its planes are wide enough, with equal shares."""
    if len(shape) == _PICTURE:
        return {0: 1.0}
    narrow = {axis: min(side for other, side in enumerate(shape) if other not in (0, axis)) for axis in (1, 2, 3)}
    least = min(_NARROWEST, max(narrow.values()))
    axes = [axis for axis, side in narrow.items() if side >= least]
    return dict.fromkeys(axes, 1 / len(axes))
