"""Pictures whose one page is the measurement, and those that the results become."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError
from cgdenoise.images import Picture
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


def visible(picture: Picture) -> NDArray[np.bool_] | None:
    """Return where a picture of one page is visible, (H, W): where its alpha is above half of full; None if it is throughout."""
    if picture.alpha is None:
        return None
    seen: NDArray[np.bool_] = picture.alpha[0] > picture.peak / 2  # as `inputs.read_mask` has it
    return None if seen.all() else seen


def filled(picture: Picture) -> Picture:
    """Return a picture of one page that is visible throughout: what was not has its full alpha."""
    seen = visible(picture)
    if seen is None or picture.alpha is None:
        return picture
    return replace(picture, alpha=(np.where(seen, picture.alpha[0], picture.peak).astype(picture.dtype),))


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
