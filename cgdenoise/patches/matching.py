"""Which patches of an image look alike: block matching in a window about each patch of a coarse grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from cgdenoise.progress import Tick, no_tick

TILE = 32
"""References along each side of a tile. All memory but that of a few images grows with its square: with windows of 37 pixels the
32² references have 6 MB of distances. The result does not depend on it."""


@dataclass(frozen=True)
class Search:
    """How groups of similar patches are formed.

    Attributes
    ----------
    patch : int
        Side of a patch, in pixels.
    count : int
        Patches in a group.
    window : int
        Side of the square in which the patches of a group lie, by their top-left corners: odd, in pixels, and centred on
        the reference.
    step : int
        Distance between neighbouring references, in pixels, along each axis: at most a patch, so that they cover the image.
    """

    patch: int
    count: int
    window: int
    step: int

    def limited_to(self, size: tuple[int, int]) -> Search:
        """Return the search as it fits an image of this height and width: each of its numbers the same or less."""
        patch = min(self.patch, *size)
        positions = [side - patch + 1 for side in size]
        window = min(self.window, 2 * max(positions) - 1)
        # All groups are of one size, and a reference in a corner has the fewest patches to choose from.
        choice = [min(side, window // 2 + 1) for side in positions]
        return Search(patch, min(self.count, choice[0] * choice[1]), window, min(self.step, patch))


@dataclass(frozen=True)
class Tile:
    """Neighbouring references, and the part of the image that all patches in their windows cover.

    Attributes
    ----------
    area : (slice, slice)
        That part, as rows and columns of the image.
    rows, columns : Tensor
        The references' top-left corners, counted from the area's, int64, [R] and [S]: each row with each column.
    """

    area: tuple[slice, slice]
    rows: Tensor
    columns: Tensor

    @property
    def references(self) -> int:
        """Number of references."""
        return len(self.rows) * len(self.columns)


def references(length: int, search: Search) -> Tensor:
    """Return where the references begin along an axis of so many pixels, int64: a step apart, and the last patch there is."""
    last = length - search.patch
    return torch.tensor([*range(0, last, search.step), last])


def tiles(size: tuple[int, int], search: Search, side: int = TILE) -> Iterator[Tile]:
    """Yield tiles that hold each reference of an image once. The last patch of each axis is always a reference.

    Parameters
    ----------
    size : (int, int)
        Height and width of the image.
    search : Search
        Limited to that size.
    side : int
        At most so many references along each side of a tile. The groups do not depend on it.
    """
    vertical, horizontal = (_stretches(length, search, side) for length in size)
    for rows, height in vertical:
        for columns, width in horizontal:
            yield Tile((height, width), rows, columns)


def similar_patches(guide: Tensor, patch: int, count: int, window: int, step: int, *, tile: int = TILE) -> Tensor:
    """Find for each patch of a coarse grid those that are most like it.

    Parameters
    ----------
    guide : Tensor
        Image to compare in, [C, H, W], finite. The distance of two patches is the sum of squared differences over their
        pixels and channels.
    patch, count, window, step : int
        See `Search`; less of each where the image is smaller.
    tile : int
        References along each side of a tile.

    Returns
    -------
    Tensor
        [N, count], int64: patches by their top-left corners, counted row by row in the (H - patch + 1) x (W - patch + 1)
        corners there are; the nearest first, and first of all the reference itself. N runs over the tiles.
    """
    size = (guide.shape[1], guide.shape[2])
    search = Search(patch, count, window, step).limited_to(size)
    groups = []
    for part in tiles(size, search, tile):
        rows, columns = part.area
        nearest = match(guide[:, rows, columns], part, search)
        width = columns.stop - columns.start - search.patch + 1
        row, column = nearest // width + rows.start, nearest % width + columns.start
        groups.append(row * (size[1] - search.patch + 1) + column)
    return torch.cat(groups)


def match(guide: Tensor, tile: Tile, search: Search) -> Tensor:
    """Find the patches that are most like a tile's references.

    Parameters
    ----------
    guide : Tensor
        The tile's area of the image to compare in, [C, H, W].
    tile : Tile
        The references, R x S of them.
    search : Search
        Limited to the size of the image.

    Returns
    -------
    Tensor
        [R * S, count], int64, as that of `similar_patches` but counted in the area.
    """
    return match_frames(guide[:, None], 0, tile, search)


def match_frames(guide: Tensor, frame: int, tile: Tile, search: Search) -> Tensor:
    """Find the patches that are most like a tile's references, in all of several frames.

    Parameters
    ----------
    guide : Tensor
        The tile's area of the frames to compare in, [C, F, H, W].
    frame : int
        Number of the references' own.
    tile, search
        As in `match`.

    Returns
    -------
    Tensor
        [R * S, count], int64: patches counted in the area, those of each frame after those of the frame before.
    """
    r = search.window // 2
    shifts = 2 * r + 1
    rows, columns = (corners.to(guide.device) for corners in (tile.rows, tile.columns))
    distances = torch.stack([_distances(guide[:, frame], other, tile, search) for other in guide.unbind(1)], dim=2)
    distances[:, :, frame, r, r] = -1  # the reference comes before any exact copy of it
    found = distances.view(len(rows), len(columns), -1).topk(search.count, largest=False).indices
    number, shift = found // shifts**2, found % shifts**2
    row = rows[:, None, None] + shift // shifts - r
    column = columns[:, None] + shift % shifts - r
    height, width = (side - search.patch + 1 for side in guide.shape[2:])
    return ((number * height + row) * width + column).view(-1, search.count)


def _distances(reference: Tensor, guide: Tensor, tile: Tile, search: Search) -> Tensor:
    """Return the distances of a tile's references in one image, [C, H, W], from the patches about their places in another.

    Returns
    -------
    Tensor
        [R, S, shifts, shifts].
    """
    p, r = search.patch, search.window // 2
    shifts = 2 * r + 1
    rows, columns = (corners.to(guide.device) for corners in (tile.rows, tile.columns))
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) + p - top, int(columns[-1]) + p - left
    # An infinite pixel makes a distance infinite: patches that reach beyond the image are never among the nearest.
    around = functional.pad(guide, (r, r, r, r), value=torch.inf)
    distances = guide.new_empty(len(rows), len(columns), shifts, shifts)
    for dy in range(shifts):
        squares = guide.new_zeros(shifts, height, width)
        for channel, shifted in zip(reference, around, strict=True):
            here = channel[top : top + height, left : left + width]
            # [dx, height, width], a view: all horizontal shifts of the strip at once.
            strip = shifted[top + dy : top + dy + height, left : left + width + 2 * r].unfold(1, width, 1).transpose(0, 1)
            squares += (strip - here).square_()
        # The distances are wanted at the references only, which makes the sums over patches cheap.
        of_rows = _box_sums(squares, 1, rows - top, p)
        distances[:, :, dy] = _box_sums(of_rows, 2, columns - left, p).permute(1, 2, 0)
    return distances


def overlapped(
    like: Tensor,
    guide: Tensor,
    search: Search,
    side: int,
    estimate: Callable[[tuple[slice, ...], Tensor], tuple[Tensor, Tensor]],
    tick: Tick = no_tick,
) -> Tensor:
    """Estimate an image tile by tile from the groups of each, and average where the estimates overlap.

    Parameters
    ----------
    like : Tensor
        Of the estimate's shape and type, [C, H, W].
    guide : Tensor
        Image to compare patches in, [K, H, W].
    search : Search
        Limited to its size.
    side : int
        References along each side of a tile.
    estimate : callable
        Takes a tile's area, as an index of images, and its groups, as `match` gives them; returns the sum of each pixel's
        weighted estimates and that of their weights, both of the area.
    tick : callable
        Called after each tile.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    total, count = torch.zeros_like(like), torch.zeros_like(like)
    parts = list(tiles((guide.shape[1], guide.shape[2]), search, side))
    pixels = guide[0].numel() / sum(tile.references for tile in parts)
    for tile in parts:
        area = (slice(None), *tile.area)
        sums, counts = estimate(area, match(guide[area], tile, search))
        total[area] += sums
        count[area] += counts
        tick(pixels * tile.references)
    return total / count


def _box_sums(values: Tensor, dim: int, starts: Tensor, length: int) -> Tensor:
    """Return the sums of `length` neighbours along a dimension, from each of the starts."""
    total = values.index_select(dim, starts)
    for offset in range(1, length):
        total += values.index_select(dim, starts + offset)
    return total


def _stretches(length: int, search: Search, side: int) -> list[tuple[Tensor, slice]]:
    """Cut the references along one axis into stretches: each with what it covers, and counted from there."""
    margin = search.window // 2
    stretches = []
    for part in torch.split(references(length, search), side):
        start, stop = max(0, int(part[0]) - margin), min(length, int(part[-1]) + margin + search.patch)
        stretches.append((part - start, slice(start, stop)))
    return stretches
