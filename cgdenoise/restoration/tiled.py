"""A large image restored tile by tile, after what has to be the same in all of them was decided on a sample of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cgdenoise.fitting.plan import Preset
from cgdenoise.noise.stripes import find_stripes
from cgdenoise.reading.on_disk import let_go
from cgdenoise.restoration.denoising import DenoisingRequest
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.memory import bytes_needed
from cgdenoise.restoration.pipeline import Context
from cgdenoise.restoration.results import Restoration
from cgdenoise.restoration.sample import sample_of
from cgdenoise.restoration.tile_work import Common, Crew, TileTask, part_of
from cgdenoise.restoration.tiles import Tile, Tiling, blended
from cgdenoise.restoration.units import (
    BAND,
    Array,
    Layout,
    Scale,
    bands_of,
    check_image,
    check_large_image,
    is_constant,
    values_in,
)
from cgdenoise.restoration.whole import constant, restoration_of, restored_state, stages_of_a_sample
from cgdenoise.runtime import choose_device, memory_error, seed_for

_OF_THE_SCALE = 1 << 22
"""Pixels from all over the image that its scale is taken from, about. By hand: percentiles want no more."""

_LOOKED_AT = 384
"""Side of the middle of the image that is asked for stripes. By hand: they are told from a few hundred lines, and it takes less
memory than a tile."""

_SEEDS = 3
"""Of the tiles, in the key of their random numbers: 0 to 2 are those of fits and of what follows them."""


class Kept(Protocol):
    """Where restored tiles wait for their turn; if they outlive the run, one which is killed goes on where it was."""

    def __contains__(self, index: int) -> bool:
        """Tell whether there is a tile."""
        ...

    def find(self, index: int) -> NDArray[np.float32] | None:
        """Return a tile, None if it is not there."""
        ...

    def add(self, index: int, values: NDArray[np.float32]) -> None:
        """Keep a tile."""
        ...


class KeptForOnce:
    """Keeps tiles in memory until they are asked for."""

    def __init__(self) -> None:
        self._tiles: dict[int, NDArray[np.float32]] = {}

    def __contains__(self, index: int) -> bool:
        """Tell whether a tile waits."""
        return index in self._tiles

    def find(self, index: int) -> NDArray[np.float32] | None:
        """Return a tile, and forget it."""
        return self._tiles.pop(index, None)

    def add(self, index: int, values: NDArray[np.float32]) -> None:
        """Keep a tile."""
        self._tiles[index] = values


Sink = Callable[[slice, NDArray[np.float64]], None]
"""Takes rows of the restored image, from top to bottom: which, and their values (rows, W, C) in the image's units."""


def denoise_tiles(request: DenoisingRequest, tiling: Tiling, sink: Sink, kept: Kept, crew: Crew, hooks: Hooks) -> Restoration:
    """Restore an image tile by tile; the whole is never in memory but as it was given.

    The scale comes from all of the image. Windows from all over it, put together, are restored as one image: the law of the
    noise, the depth of the generator and the iteration at which it stops are what they were there, in every tile.

    Parameters
    ----------
    request : DenoisingRequest
        What to restore, and how.
    tiling : Tiling
        Of the image.
    sink : callable
        Takes the result.
    kept : Kept
        Tiles of an earlier run, of the same image and the same choices.
    crew : Crew
        Who restores the tiles; all that decides them is decided here.
    hooks : Hooks
        If they end it, what is not restored is given as it was. Observers see the fits of the sample alone.

    Returns
    -------
    Restoration
        Without images. Its fits and noise are those of the sample; a warning says what is in the image and not undone in tiles.

    Raises as `denoise` does, and TooEarlyError.
    """
    start = time.perf_counter()
    device = choose_device(request.device)
    view = Layout.of(request.image, request.channel_axis).view(request.image)
    check_large_image(view)
    sample = replace(request, image=sample_of(view, tiling.side), channel_axis=-1)
    let_go(view)
    windows = check_image(sample.image)
    if is_constant(windows):
        _give_back(view, sink)
        return replace(constant(request, (0, 0, 0), device.type), seconds=time.perf_counter() - start)
    with memory_error(f"not enough memory on {device.type} for tiles of {tiling.side} pixels; expected a smaller --memory"):
        scale = _scale_of(view, request.preset)
        part = part_of(hooks, "sample", 0, tiling.count + 1)
        context = Context.of(device, request.seed, replace(part, observers=hooks.observers), windows[..., 0].size)
        state = restored_state(sample, windows, scale, context, stages_of_a_sample(Layout(3, -1)))
        found = restoration_of(state, sample, context, 0.0)
        left: list[int] = []
        restored = _restored(view, tiling, Common.of(state), request, kept, crew, hooks, left)
        for rows, values in blended(tiling, view.shape[2], restored):
            sink(rows, values * scale.factor + scale.offset)
    return replace(
        found,
        image=np.zeros(0),
        parts=tuple(replace(part, image=None) for part in found.parts),
        interrupted=found.interrupted or hooks.cancelled(),
        seconds=time.perf_counter() - start,
        warnings=(*found.warnings, *_not_undone(view, request)),
        tiles=tiling.count,
        tiles_left=len(left),
    )


def _give_back(view: Array, sink: Sink) -> None:
    for number, band in enumerate(bands_of(view)):
        sink(slice(number * BAND, number * BAND + len(band)), values_in(band))


def _not_undone(view: Array, request: DenoisingRequest) -> tuple[str, ...]:
    """Say what the middle of an image (H, W, C) shows that is undone in whole images, and not in tiles."""
    height, width, channels = view.shape
    top, left = (max(0, side - _LOOKED_AT) // 2 for side in (height, width))
    middle = values_in(view[top : top + _LOOKED_AT, left : left + _LOOKED_AT])
    if not np.isfinite(middle).any(axis=(0, 1)).all() or is_constant(middle):
        return ()
    if not find_stripes(middle).present:
        return ()
    needed = bytes_needed((height, width), channels, request.preset) / 1e9
    stripes = "it has stripes (rows or columns with offsets of their own), which tiles keep"
    return (f"{stripes}; as a whole it would take {needed:.1f} GB of memory",)


def _restored(
    view: Array,
    tiling: Tiling,
    common: Common,
    request: DenoisingRequest,
    kept: Kept,
    crew: Crew,
    hooks: Hooks,
    left: list[int],
) -> Iterator[NDArray[np.float32]]:
    """Yield the tiles, restored, on the scale of the whole; those that there was no time for as they were, and note them."""

    def pixels(tile: Tile) -> Array:
        part = view[tile.rows, tile.columns].copy()
        let_go(view)
        return part

    missing = [tile for tile in tiling.tiles() if tile.index not in kept]
    tasks = (
        TileTask(tile.index, pixels(tile), common, seed_for(request.seed, _SEEDS, tile.index), request.device) for tile in missing
    )
    coming = crew.restored(tasks, tiling.count - len(missing), tiling.count, hooks)
    for tile in tiling.tiles():
        while tile.index not in kept and (come := next(coming, None)) is not None:
            kept.add(*come)
        done = kept.find(tile.index)
        if done is None:
            left.append(tile.index)
            done = common.normalised(pixels(tile)).astype(np.float32)
        yield done


def _scale_of(view: Array, preset: Preset) -> Scale:
    """Return the scale of an image (H, W, C), from pixels all over it and, where the generator is bounded, from its extremes."""
    if preset.is_bounded:
        values = (values_in(band) for band in bands_of(view))
        ends = [(np.fmin.reduce(band, axis=None), np.fmax.reduce(band, axis=None)) for band in values]
        low, high = np.fmin.reduce([low for low, _ in ends]), np.fmax.reduce([high for _, high in ends])
        return Scale(float(low), float(high - low))
    step = max(1, round((view[..., 0].size / _OF_THE_SCALE) ** 0.5))
    parts = [values_in(band[:, ::step]) for band in bands_of(view[::step])]
    return Scale.of(np.concatenate(parts), whole_range=False)
