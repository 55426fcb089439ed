"""Which pages of a picture follow each other."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from cgdenoise.errors import ImageError
from cgdenoise.fitting.warm import Start
from cgdenoise.images import Picture


def sequences(picture: Picture) -> list[list[int]]:
    """Return the pages that follow each other in time or, where there is no time, in depth: for each other index one list.

    Raises
    ------
    ImageError
        If the pages are not known to follow each other, or have several shapes.
    """
    numbers = np.arange(len(picture.pages))
    if picture.stack is not None:
        axis = next((axis for axis in "TZ" if axis in picture.stack.axes), None)
        if axis is None:
            raise ImageError("no axis T or Z whose frames could help each other; expected one, in the metadata or in --axes")
        numbers = np.moveaxis(numbers.reshape(picture.stack.shape), picture.stack.axes.index(axis), -1)
    if len(picture.pages) == 1 or len({page.shape for page in picture.pages}) > 1:
        raise ImageError("one page, or pages of several sizes; expected frames of one size that can help each other")
    return [[int(number) for number in line] for line in numbers.reshape(-1, numbers.shape[-1])]


class Starts:
    """What the fits of frames have left for those of the next ones.

    Parameters
    ----------
    before : mapping of int to int
        For each frame that follows another the number of that one; empty if every frame is fitted anew.
    """

    def __init__(self, before: Mapping[int, int]) -> None:
        self._after = {number: after for after, number in before.items()}
        self._left: dict[int, Start] = {}

    def keep(self, number: int, start: Start | None) -> None:
        """Keep what a frame has left, if one follows it."""
        if start is not None and number in self._after:
            self._left[self._after[number]] = start

    def take(self, number: int) -> Start | None:
        """Return what the frame before has left, which is then forgotten; None if there is nothing."""
        return self._left.pop(number, None)


def frames_before(picture: Picture) -> dict[int, int]:
    """Return for each page that follows another the number of that one.

    Raises
    ------
    ImageError
        As `sequences`.
    """
    return {after: before for line in sequences(picture) for before, after in itertools.pairwise(line)}
