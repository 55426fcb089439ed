"""Frames of one scene restored together, by groups of similar patches that have members in the frames before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from cgdenoise.noise import NoiseModel
from cgdenoise.noise.choose import MOSTLY_CLIPPED, TEXTURE
from cgdenoise.noise.clipping import clipped_share
from cgdenoise.noise.impulse import find_impulses
from cgdenoise.noise.residual import objection_to
from cgdenoise.progress import Tick
from cgdenoise.restoration.mixture import filter_patches
from cgdenoise.restoration.preprocess import Prepared, prepare, values_of
from cgdenoise.restoration.units import Array, Layout, Scale, check_image

AT_ONCE, AROUND = 8, 2
"""Frames that are given at once, and those before and after that are filtered with them. By hand: as many as groups reach."""


@dataclass(frozen=True)
class Frames:
    """Frames in their order, of one shape, (H, W) or (H, W, C), and what each has become by itself; in one unit."""

    noisy: Sequence[Array]
    alone: Sequence[Array]


def parts_of(count: int) -> Iterator[tuple[slice, slice]]:
    """Yield which of so many frames are given at once, and with which they are filtered."""
    for start in range(0, count, AT_ONCE):
        end = min(start + AT_ONCE, count)
        yield slice(start, end), slice(max(0, start - AROUND), min(count, end + AROUND))


def common_noise(models: Sequence[NoiseModel]) -> NoiseModel | None:
    """Return the noise that most frames have, of the middle level; None if it is none, or neighbouring pixels share it."""
    usable = [model for model in models if model.sigma > 0 and model.correlation_area == 1 and model.transform is None]
    if len(usable) <= len(models) / 2:
        return None
    kind = Counter(model.kind for model in usable).most_common(1)[0][0]
    alike = sorted((model for model in usable if model.kind is kind), key=lambda model: model.sigma)
    return alike[len(alike) // 2]


def restore_frames(frames: Frames, noise: NoiseModel, has_impulses: bool, estimates: int, tick: Tick) -> list[Array | None]:
    """Restore frames together.

    Parameters
    ----------
    frames : Frames
        Of one scene, which may move.
    noise : NoiseModel
        Of all of them, in their unit; white.
    has_impulses : bool
        Whether some values are impulses.
    estimates : int
        As `mixture.filter_patches` has it.
    tick : callable
        Called several times a second.

    Returns
    -------
    list of array or None
        Each frame, float64 in its layout; None where what was taken out does not look like the noise: it stays as it was alone.
    """
    layout = Layout.of(frames.noisy[0], -1)
    values = [check_image(frame) for frame in frames.noisy]
    scale = Scale.of(np.stack(values), whole_range=False)
    model = replace(noise.in_unit(scale.offset, scale.factor), stored=None)  # of frames JPEG's rounding is not undone
    normalised = [scale.normalise(frame) for frame in values]
    models = [replace(model, impulses=_impulses(frame, has_impulses)) for frame in normalised]
    prepared: list[Prepared] = []
    for frame, of_frame in zip(normalised, models, strict=True):
        prepared.append(prepare(frame, of_frame, like=prepared[0] if prepared else None))
    pilots = [_forward(prepared[0], scale.normalise(check_image(frame))) for frame in frames.alone]
    y = [torch.where(each.valid[0] > 0, each.y[0], pilot) for each, pilot in zip(prepared, pilots, strict=True)]
    image = filter_patches(torch.stack(y, 1), prepared[0].noise, torch.stack(pilots, 1), estimates, tick)
    return [
        None if _objection(each, of_frame, found) else scale.to_array(each.restored(found[None]), layout.ndim, -1)
        for each, of_frame, found in zip(prepared, models, image.unbind(1), strict=True)
    ]


def _impulses(normalised: NDArray[np.float64], has_impulses: bool) -> NDArray[np.bool_]:
    return find_impulses(normalised).mask if has_impulses else np.zeros(normalised.shape, bool)


def _forward(like: Prepared, normalised: NDArray[np.float64]) -> torch.Tensor:
    """Return a restored frame in the units of what is filtered, [C, H, W]."""
    stable = normalised if like.stabiliser is None else like.scale.normalise(like.stabiliser.forward(normalised))
    return Scale.to_tensors(stable)[0][0]


def _objection(prepared: Prepared, model: NoiseModel, found: torch.Tensor) -> str | None:
    level, measured = prepared.noise.level, prepared.measured
    residual = (measured - values_of(found)) / level
    may_be_texture = level < TEXTURE and clipped_share(measured) < MOSTLY_CLIPPED
    return objection_to(residual, measured, prepared.noise.correlation_area, model.impulses, may_be_texture)
