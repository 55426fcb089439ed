"""How long a restoration will take."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch

from cgdenoise.fitting.loop import Problem, Schedule, fit
from cgdenoise.fitting.optimiser import OptimiserSpec
from cgdenoise.fitting.plan import Preset
from cgdenoise.fitting.stopping import Budget
from cgdenoise.generators.build import build
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.restoration.mixture import filter_patches
from cgdenoise.restoration.presets import preset_of
from cgdenoise.runtime import choose_device, choose_dtype, rng_for

_WARM_UP, _TIMED = 1, 2
"""Iterations before the clock starts, and with it running. By hand: the times of 2 and 3 scatter as much, about the same middle
(12 megapixels in colour and in grey, seven times each), and take 0.15 s longer."""

_SMALL = 96
"""Side of the image on which the filters are timed. By hand; not measured."""

_LINE = 256, 512
"""Sides of two images from whose times that of a larger one is extrapolated. Measured: fits on one core took 88 s and 120 s more
for each million of pixels, within 5 % from 256x256 to 1536x1536; larger ones would take longer than who asks should wait."""


def seconds_at_most(presets: Sequence[str], size: tuple[int, int], channels: int) -> dict[str, float]:
    """Measure a few iterations of the deepest generator and scale them to each preset's whole budget.

    They are made on an image of that size or, if it is large, on two smaller ones, since the time grows linearly with the pixels.
    Presets that step alike are measured once: an iteration takes a little longer with a deeper generator.

    Parameters
    ----------
    presets : sequence of str
        Their names.
    size : (int, int)
        Height and width of the image.
    channels : int
        Its channels.

    Returns
    -------
    dict of float
        Seconds by the preset's name, on the device that "auto" chooses; fits that stop early take less.
    """
    if size == (1, 1):
        return dict.fromkeys(presets, 0.0)  # a single pixel is given back as it is
    chosen = {name: preset_of(name) for name in presets}
    deepest = {_stepping(preset): preset for preset in sorted(chosen.values(), key=lambda preset: preset.generators[-1].depth)}
    paces = {stepping: _seconds_an_iteration(preset, size, channels) for stepping, preset in deepest.items()}
    return {
        name: preset.most_iterations * paces[_stepping(preset)]
        + (_guide_seconds(preset, size, channels) if preset.guided else 0.0)
        for name, preset in chosen.items()
    }


def _stepping(preset: Preset) -> tuple[OptimiserSpec, bool]:
    return preset.optimiser, preset.reduced_precision


def _seconds_an_iteration(chosen: Preset, size: tuple[int, int], channels: int) -> float:
    small, large = (_within(size, side) for side in _LINE)
    seconds = _measured_iteration(chosen, large, channels)
    if large != size:
        slope = (seconds - _measured_iteration(chosen, small, channels)) / (math.prod(large) - math.prod(small))
        seconds += max(slope, 0.0) * (math.prod(size) - math.prod(large))
    return seconds


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    return min(size[0], side), min(size[1], side)


def _measured_iteration(chosen: Preset, size: tuple[int, int], channels: int) -> float:
    """Return the time of an iteration of a preset on an image of that size."""
    device = choose_device("auto")
    dtype = choose_dtype(device, chosen.reduced_precision)
    generator = build(chosen.generators[-1].limited_to(size), channels, size, [rng_for(0)], dtype).to(device)
    y = torch.zeros(1, channels, *size, device=device)
    problem = Problem(y, torch.ones_like(y), torch.zeros_like(y))

    def run(iterations: int) -> float:
        start = time.perf_counter()
        fit(generator, problem, optimiser=chosen.optimiser, stop=Budget(), schedule=Schedule(iterations))
        return time.perf_counter() - start

    run(_WARM_UP)
    return run(_TIMED) / _TIMED


def _guide_seconds(chosen: Preset, size: tuple[int, int], channels: int) -> float:
    """Return the time that the groups of patches take, from that of a small image."""
    height, width = _within(size, _SMALL)
    noise = torch.randn(channels, height, width, generator=rng_for(0))
    start = time.perf_counter()
    filter_patches(noise, ChannelNoise.equal(1.0, channels), noise, chosen.estimates)
    return (time.perf_counter() - start) * math.prod(size) / (height * width)
