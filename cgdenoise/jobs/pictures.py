"""Pictures whose one page is the measurement, and those that the results become."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError
from cgdenoise.images import Picture
from cgdenoise.jobs.inputs import volume_of
from cgdenoise.restoration.units import Array


def only_page(picture: Picture) -> Array:
    """Return the page of a picture that has one.

    Raises
    ------
    ImageError
        If it has more.
    """
    if len(picture.pages) != 1:
        raise ImageError(f"{len(picture.pages)} pages; expected one")
    return picture.pages[0]


def page_or_volume(picture: Picture) -> Array:
    """Return the page of a picture that has one, (H, W) or (H, W, C), else all of them as a volume, (D, H, W, C).

    Raises
    ------
    ImageError
        If they are not of one shape, or run over more than one axis.
    """
    if len(picture.pages) == 1:
        return picture.pages[0]
    if picture.stack is not None and sum(side > 1 for side in picture.stack.shape) > 1:
        raise ImageError(
            f"{len(picture.pages)} pages over the axes {picture.stack.axes}; expected one axis, of a volume's planes"
        )
    return volume_of(picture.pages)


def visible(picture: Picture) -> NDArray[np.bool_] | None:
    """Return where a picture is visible, (H, W), or (D, H, W) of a volume: where its alpha is above half; None if throughout."""
    if picture.alpha is None:
        return None
    seen: NDArray[np.bool_] = np.stack(picture.alpha) > picture.peak / 2  # as `inputs.read_mask` has it
    return None if seen.all() else seen[0] if len(seen) == 1 else seen


def filled(picture: Picture) -> Picture:
    """Return a picture that is visible throughout: what was not has its full alpha."""
    if picture.alpha is None:
        return picture
    seen = (alpha > picture.peak / 2 for alpha in picture.alpha)
    alphas = (np.where(shown, alpha, picture.peak) for shown, alpha in zip(seen, picture.alpha, strict=True))
    return picture if visible(picture) is None else replace(picture, alpha=tuple(alpha.astype(picture.dtype) for alpha in alphas))


def enlarged(picture: Picture, factor: int) -> Picture:
    """Return a blank picture of one page like another, with both sides, and the resolution in its metadata, multiplied."""
    page, dpi = only_page(picture), picture.metadata.dpi
    shape = (page.shape[0] * factor, page.shape[1] * factor, *page.shape[2:])
    return Picture(
        pages=(np.zeros(shape, page.dtype),),
        alpha=None if picture.alpha is None else (np.kron(picture.alpha[0], np.ones((factor, factor), page.dtype)),),
        container=picture.container,
        # What is written verbatim states the old size.
        metadata=replace(picture.metadata, verbatim=None, dpi=dpi and (dpi[0] * factor, dpi[1] * factor)),
    )
