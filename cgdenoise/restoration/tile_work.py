"""The work of one tile: what is the same in all of them, and who restores them, here or elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from cgdenoise.fitting.members import TooEarlyError
from cgdenoise.fitting.plan import Preset
from cgdenoise.noise import NoiseModel
from cgdenoise.noise.impulse import find_impulses
from cgdenoise.noise.known import KnownNoise
from cgdenoise.progress import Progress
from cgdenoise.restoration.denoising import Denoising
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.patch_stages import patch_stages
from cgdenoise.restoration.pipeline import Context, made, run_stages
from cgdenoise.restoration.preprocess import Prepared, prepare, values_of
from cgdenoise.restoration.units import Array, Layout, Scale, values_in
from cgdenoise.restoration.whole import fits_stage
from cgdenoise.runtime import choose_device

_PART = 100.0
"""Work of a tile, as progress counts it: its unit is an iteration of a fit, and how many a tile has is not known before."""


@dataclass(frozen=True)
class Common:
    """What is the same in all tiles, as a sample of the image decided it; a few kilobytes, for it is sent with each of them.

    Attributes
    ----------
    preset : Preset
        With the depth that was chosen, and as many iterations as the fit that counted most was kept at.
    scale : Scale
        From the user's units to that of the tiles' results.
    known : KnownNoise
        What the user knows of the noise, on that scale.
    model : NoiseModel
        Of the noise, likewise; without a mask of impulses.
    impulses : bool
        Whether there are any.
    prepared : Prepared
        Without pixels: how the sample was prepared.
    error_unit : float
        As `Denoising` has it.
    failed : bool
        Whether no fit came near the sample.
    """

    preset: Preset
    scale: Scale
    known: KnownNoise
    model: NoiseModel
    impulses: bool
    prepared: Prepared
    error_unit: float
    failed: bool

    @staticmethod
    def of(state: Denoising) -> Common:
        """Return what a sample, after all stages, has decided."""
        model, prepared = made(state.model), made(state.prepared)
        pixels = torch.zeros(1, prepared.y.shape[1], 0, 0)
        return Common(
            state.preset if state.failed else _settled(state),
            state.scale,
            state.known,
            replace(model, impulses=np.zeros((0, 0, prepared.y.shape[1]), bool)),
            bool(model.impulses.any()),
            replace(prepared, y=pixels, valid=pixels),
            state.error_unit,
            state.failed,
        )

    def normalised(self, pixels: Array) -> NDArray[np.float64]:
        """Return pixels (H, W, C) as they are stored on the scale of the tiles; NaN where missing."""
        return self.scale.normalise(values_in(pixels))

    def leaves(self, normalised: NDArray[np.float64]) -> bool:
        """Tell whether a tile stays as it is: it is constant, or nothing is missing and there is no noise to remove."""
        measured = np.isfinite(normalised)
        if not measured.any(axis=(0, 1)).all():
            return True
        if (np.nanmin(normalised, axis=(0, 1)) == np.nanmax(normalised, axis=(0, 1))).all():
            return bool(measured.all())
        filters = self.preset.guided or self.failed
        return filters and bool(measured.all()) and not self.prepared.noise.level


@dataclass(frozen=True)
class TileTask:
    """All that the restoration of a tile needs; it can be sent elsewhere.

    Attributes
    ----------
    index : int
        Of the tile.
    pixels : (H, W, C) array
        As they are stored.
    common : Common
        What all tiles share.
    seed : int
        Of the tile's random numbers.
    device : str
        As `denoise` takes it.
    """

    index: int
    pixels: Array
    common: Common
    seed: int
    device: str

    def restored(self, hooks: Hooks) -> NDArray[np.float32] | None:
        """Return the tile (H, W, C) on the scale of the whole; None if the caller left no time for it."""
        common, normalised = self.common, self.common.normalised(self.pixels)
        if common.leaves(normalised):
            return normalised.astype(np.float32)
        impulses = find_impulses(normalised).mask if common.impulses else np.zeros(normalised.shape, bool)
        model = replace(common.model, impulses=impulses)
        begun = Denoising(
            common.preset,
            normalised,
            common.scale,
            common.known,
            model,
            prepare(normalised, model, like=common.prepared),
            common.error_unit,
            settled=True,
        )
        context = Context.of(choose_device(self.device), self.seed, hooks, normalised[..., 0].size)
        try:
            done = run_stages([fits_stage(Layout(3, -1)), *patch_stages()[:-1]], begun, context)
        except TooEarlyError:
            return None
        if context.interrupted:
            return None
        image = made(done.prepared).restored(made(done.mixture).image[None])
        return values_of(image[0]).astype(np.float32)


class Crew(Protocol):
    """Who restores tiles."""

    def restored(
        self, tasks: Iterator[TileTask], there: int, count: int, hooks: Hooks
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield tiles with their numbers, in any order; they end early if the caller asks for it.

        Parameters
        ----------
        tasks : iterator of TileTask
            Made as they are asked for, each of which takes memory.
        there, count : int
            Tiles that are there already, for which there is no task, and those of the whole image.
        hooks : Hooks
            Of the whole.
        """
        ...


class Here:
    """Restores tiles in this process, one after the other."""

    def restored(
        self, tasks: Iterator[TileTask], there: int, count: int, hooks: Hooks
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield tiles with their numbers, in order."""
        for number, task in enumerate(tasks, there + 1):
            if hooks.cancelled():
                return
            done = task.restored(part_of(hooks, f"tile {number} of {count}", number, count + 1))
            if done is None:
                return
            yield task.index, done


def part_of(hooks: Hooks, name: str, before: int, parts: int, of: int = 1) -> Hooks:
    """Return the hooks of `of` of several parts of the work, of about the same size, of which some were `before`."""

    def progress(now: Progress) -> None:
        share = of * now.done / (now.done + now.left) if now.done + now.left else 0.0
        hooks.progress(Progress(name, _PART * (before + share), _PART * (parts - before - share), now.stage))

    return Hooks(progress, hooks.cancelled)


def _settled(state: Denoising) -> Preset:
    """Return the preset with the depth and the iterations of the sample's leading fit, and nothing left to decide."""
    fits, size = made(state.fits), (state.normalised.shape[0], state.normalised.shape[1])
    leading = max(fits.members, key=lambda member: member.weight)
    spec = next(spec for spec in state.preset.generators if spec.limited_to(size).depth == leading.label.depth)
    iterations = leading.result.chosen.iteration
    return replace(state.preset, generators=(spec,), probe_iterations=0, max_iterations=iterations, stop="none")
