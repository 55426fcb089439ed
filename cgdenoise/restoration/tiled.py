"""A large image restored tile by tile, after what has to be the same in all of them was decided on a sample of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from cgdenoise.fitting.members import TooEarlyError
from cgdenoise.fitting.plan import Preset
from cgdenoise.noise.impulse import find_impulses
from cgdenoise.progress import Progress
from cgdenoise.reading.on_disk import let_go
from cgdenoise.restoration.denoising import Denoising, DenoisingRequest
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.patch_stages import patch_stages
from cgdenoise.restoration.pipeline import Context, made, run_stages
from cgdenoise.restoration.preprocess import prepare, values_of
from cgdenoise.restoration.results import Restoration
from cgdenoise.restoration.sample import sample_of
from cgdenoise.restoration.tiles import Tiling, blended
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
from cgdenoise.restoration.whole import constant, fits_stage, restoration_of, restored_state
from cgdenoise.runtime import choose_device, memory_error, seed_for

_OF_THE_SCALE = 1 << 22
"""Pixels from all over the image that its scale is taken from, about. By hand: percentiles want no more."""

_SEEDS = 3
"""Of the tiles, in the key of their random numbers: 0 to 2 are those of fits and of what follows them."""

_PART = 100.0
"""Work of a tile, as progress counts it: its unit is an iteration of a fit, and how many a tile has is not known before."""


class Kept(Protocol):
    """Restored tiles that outlive the run, so that one which is killed goes on where it was."""

    def find(self, index: int) -> NDArray[np.float32] | None:
        """Return a tile that was kept, None if it was not."""
        ...

    def add(self, index: int, values: NDArray[np.float32]) -> None:
        """Keep a tile."""
        ...


class NothingKept:
    """Keeps no tile."""

    def find(self, index: int) -> None:
        """Return nothing."""

    def add(self, index: int, values: NDArray[np.float32]) -> None:
        """Forget the tile."""


Sink = Callable[[slice, NDArray[np.float64]], None]
"""Takes rows of the restored image, from top to bottom: which, and their values (rows, W, C) in the image's units."""


def denoise_tiles(request: DenoisingRequest, tiling: Tiling, sink: Sink, kept: Kept, hooks: Hooks) -> Restoration:
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
    hooks : Hooks
        If they end it, what is not restored is given as it was. Observers see the fits of the sample alone.

    Returns
    -------
    Restoration
        Without images. Its fits, noise and warnings are those of the sample.

    Raises
    ------
    ImageError, OptionError, MemoryLimitError, TooEarlyError
        As `denoise`.
    """
    start = time.perf_counter()
    device = choose_device(request.device)
    view = Layout.of(request.image, request.channel_axis).view(request.image)
    check_large_image(view)
    sample = replace(request, image=sample_of(view, tiling.side), channel_axis=-1)
    let_go(view)
    windows = check_image(sample.image)
    if is_constant(windows):
        tops = range(0, len(view), BAND)
        for top, band in zip(tops, bands_of(view), strict=True):
            sink(slice(top, top + len(band)), values_in(band))
        return replace(constant(request, (0, 0, 0), device.type), seconds=time.perf_counter() - start)
    with memory_error(f"not enough memory on {device.type} for tiles of {tiling.side} pixels; expected a smaller --memory"):
        scale = _scale_of(view, request.preset)
        part = _part_of(hooks, "sample", 0, tiling.count + 1)
        context = Context.of(device, request.seed, replace(part, observers=hooks.observers), windows[..., 0].size)
        state = restored_state(sample, windows, scale, context)
        found = restoration_of(state, sample, context, 0.0)
        restored = _restored(view, tiling, _Decided.by(state), request.seed, device, kept, hooks)
        for rows, values in blended(tiling, view.shape[2], restored):
            sink(rows, values * scale.factor + scale.offset)
    return replace(
        found,
        image=np.zeros(0),
        parts=tuple(replace(part, image=None) for part in found.parts),
        interrupted=found.interrupted or hooks.cancelled(),
        seconds=time.perf_counter() - start,
        tiles=tiling.count,
    )


@dataclass(frozen=True)
class _Decided:
    """What is the same in all tiles.

    Attributes
    ----------
    state : Denoising
        Of the sample, after all stages.
    preset : Preset
        With the depth that was chosen, and as many iterations as the fit that counted most was kept at.
    """

    state: Denoising
    preset: Preset

    @staticmethod
    def by(state: Denoising) -> _Decided:
        if state.failed:
            return _Decided(state, state.preset)
        fits, size = made(state.fits), (state.normalised.shape[0], state.normalised.shape[1])
        leading = max(fits.members, key=lambda member: member.weight)
        spec = next(spec for spec in state.preset.generators if spec.limited_to(size).depth == leading.label.depth)
        iterations = leading.result.chosen.iteration
        return _Decided(
            state,
            replace(state.preset, generators=(spec,), probe_iterations=0, max_iterations=iterations, stop="none"),
        )

    def restored(self, normalised: NDArray[np.float64], context: Context) -> NDArray[np.float32] | None:
        """Return a tile, (H, W, C) on the scale of the whole; None if there was no time for it."""
        model, prepared = made(self.state.model), made(self.state.prepared)
        if self._leaves(normalised):
            return normalised.astype(np.float32)
        impulses = find_impulses(normalised).mask if model.impulses.any() else np.zeros(normalised.shape, bool)
        model = replace(model, impulses=impulses)
        begun = Denoising(
            self.preset,
            normalised,
            self.state.scale,
            self.state.known,
            model,
            prepare(normalised, model, like=prepared),
            self.state.error_unit,
            settled=True,
        )
        try:
            done = run_stages([fits_stage(Layout(3, -1)), *patch_stages()[:-1]], begun, context)
        except TooEarlyError:
            return None
        if context.interrupted:
            return None
        image = made(done.prepared).restored(made(done.mixture).image[None])
        return values_of(image[0]).astype(np.float32)

    def _leaves(self, normalised: NDArray[np.float64]) -> bool:
        """Tell whether a tile stays as it is: it is constant, or nothing is missing and there is no noise to remove."""
        measured = np.isfinite(normalised)
        if not measured.any(axis=(0, 1)).all():
            return True
        if (np.nanmin(normalised, axis=(0, 1)) == np.nanmax(normalised, axis=(0, 1))).all():
            return bool(measured.all())
        filters = self.preset.guided or self.state.failed
        return filters and bool(measured.all()) and not made(self.state.prepared).noise.level


def _restored(
    view: Array, tiling: Tiling, decided: _Decided, seed: int, device: torch.device, kept: Kept, hooks: Hooks
) -> Iterator[NDArray[np.float32]]:
    """Yield the tiles, restored, on the scale of the whole; those that the caller left no time for as they were."""
    for tile in tiling.tiles():
        done = kept.find(tile.index)
        if done is None:
            normalised = decided.state.scale.normalise(values_in(view[tile.rows, tile.columns]))
            let_go(view)
            if not hooks.cancelled():
                part = _part_of(hooks, f"tile {tile.index + 1} of {tiling.count}", tile.index + 1, tiling.count + 1)
                context = Context.of(device, seed_for(seed, _SEEDS, tile.index), part, normalised[..., 0].size)
                done = decided.restored(normalised, context)
                if done is not None:
                    kept.add(tile.index, done)
            done = normalised.astype(np.float32) if done is None else done
        yield done


def _part_of(hooks: Hooks, name: str, before: int, parts: int) -> Hooks:
    """Return the hooks of one of several parts of the work, of about the same size, and so many of them done."""

    def progress(now: Progress) -> None:
        share = now.done / (now.done + now.left) if now.done + now.left else 0.0
        hooks.progress(Progress(name, _PART * (before + share), _PART * (parts - before - share), now.stage))

    return Hooks(progress, hooks.cancelled)


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
