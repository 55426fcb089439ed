"""Which channels of a stack are restored together: pages put together or taken apart, and back again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cgdenoise.errors import ImageError
from cgdenoise.images import Picture
from cgdenoise.images.picture import MOST_CHANNELS, channel_count
from cgdenoise.images.stack import Stack
from cgdenoise.names import Channels
from cgdenoise.restoration.units import Array

Places = tuple[tuple[int, int], ...]
"""Of the channels of a page: for each of them, the page and the channel of the file's picture."""


@dataclass(frozen=True)
class Arrangement:
    """A picture as it is restored.

    Attributes
    ----------
    picture : Picture
        Of other pages than the file's: several of those together, each a channel, or one channel of one of them.
    places : tuple
        For each of its pages where its channels are from.
    """

    picture: Picture
    places: tuple[Places, ...]

    def back(self, pages: Sequence[Array], like: Picture) -> list[Array]:
        """Return restored pages in the order and the shapes of the file's picture."""
        found = [np.empty(page.shape, page.dtype) for page in like.pages]
        for page, places in zip(pages, self.places, strict=True):
            for channel, (number, place) in enumerate(places):
                target, values = found[number], page if page.ndim == 2 else page[..., channel]
                (target if target.ndim == 2 else target[..., place])[...] = values
        return found


def arrange(picture: Picture, channels: Channels | None) -> Arrangement | None:
    """Arrange the pages of a picture so that its channels are restored together, or each by itself; None if they are so already.

    Raises
    ------
    ImageError
        If there is nothing that is known to be a channel.
    """
    places: list[Places]
    stack = picture.stack or Stack("", ())
    if channels is Channels.SEPARATE and any(channel_count(page) > 1 for page in picture.pages):
        places = [((number, c),) for number, page in enumerate(picture.pages) for c in range(channel_count(page))]
        stack = Stack(stack.axes + "C", (*stack.shape, channel_count(picture.pages[0])))
    elif channels is Channels.JOINT and picture.stack is not None and "C" in picture.stack.axes:
        places = _groups(picture)
        at = stack.axes.index("C")
        stack = Stack(stack.axes.replace("C", ""), stack.shape[:at] + stack.shape[at + 1 :])
    elif channels is Channels.JOINT and all(channel_count(page) == 1 for page in picture.pages):
        raise ImageError("no channels to restore together; expected an axis C, in the metadata of OME or ImageJ or in --axes")
    else:
        return None
    pages = tuple(_together(picture, group) for group in places)
    return Arrangement(replace(picture, pages=pages, alpha=None, stack=stack if stack.axes else None), tuple(places))


def _groups(picture: Picture) -> list[Places]:
    """Return the pages of each time and depth, in the order of their channels."""
    assert picture.stack is not None
    numbers = np.moveaxis(np.arange(len(picture.pages)).reshape(picture.stack.shape), picture.stack.axes.index("C"), -1)
    if numbers.shape[-1] > MOST_CHANNELS:
        raise ImageError(f"{numbers.shape[-1]} channels; expected at most {MOST_CHANNELS} to be restored together")
    if len({page.shape for page in picture.pages}) > 1 or picture.pages[0].ndim > 2:
        raise ImageError("pages of several sizes or channels; expected one grey image a channel")
    return [tuple((int(number), 0) for number in group) for group in numbers.reshape(-1, numbers.shape[-1])]


def _together(picture: Picture, places: Places) -> Array:
    pages = [picture.pages[number] for number, _ in places]
    planes = [page if page.ndim == 2 else page[..., place] for page, (_, place) in zip(pages, places, strict=True)]
    return planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)
