"""How long a restoration will take."""

from __future__ import annotations

import math
import time

import torch

from cgdenoise.fitting.loop import Problem, Schedule, fit
from cgdenoise.fitting.plan import Preset
from cgdenoise.fitting.stopping import Budget
from cgdenoise.generators.build import build
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.restoration.mixture import filter_patches
from cgdenoise.restoration.presets import preset_of
from cgdenoise.runtime import choose_device, choose_dtype, rng_for

_WARM_UP, _TIMED = 2, 3
"""Iterations before the clock starts, and with it running. By hand; not measured."""

_SMALL = 96
"""Side of the image on which the filters are timed. By hand; not measured."""

_LINE = 256, 512
"""Sides of two images from whose times that of a larger one is extrapolated. Measured: fits on one core took 88 s and 120 s more
for each million of pixels, within 5 % from 256x256 to 1536x1536; larger ones would take longer than who asks should wait."""


def seconds_at_most(preset: str, size: tuple[int, int], channels: int) -> float:
    """Measure a few iterations of a preset's deepest generator and scale them to the preset's whole budget.

    They are made on an image of that size or, if it is large, on two smaller ones, since the time grows linearly with the pixels.

    Parameters
    ----------
    preset : str
        Its name.
    size : (int, int)
        Height and width of the image.
    channels : int
        Its channels.

    Returns
    -------
    float
        Seconds, on the device that "auto" chooses; fits that stop early take less.
    """
    if size == (1, 1):
        return 0.0  # a single pixel is given back as it is
    chosen = preset_of(preset)
    small, large = (_within(size, side) for side in _LINE)
    fits = _fit_seconds(chosen, large, channels)
    if large != size:
        slope = (fits - _fit_seconds(chosen, small, channels)) / (math.prod(large) - math.prod(small))
        fits += max(slope, 0.0) * (math.prod(size) - math.prod(large))
    return fits + (_guide_seconds(chosen, size, channels) if chosen.guided else 0.0)


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    return min(size[0], side), min(size[1], side)


def _fit_seconds(chosen: Preset, size: tuple[int, int], channels: int) -> float:
    """Return the time of all iterations of a preset on an image of that size."""
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
    return run(_TIMED) / _TIMED * chosen.most_iterations


def _guide_seconds(chosen: Preset, size: tuple[int, int], channels: int) -> float:
    """Return the time that the groups of patches take, from that of a small image."""
    height, width = _within(size, _SMALL)
    noise = torch.randn(channels, height, width, generator=rng_for(0))
    start = time.perf_counter()
    filter_patches(noise, ChannelNoise.equal(1.0, channels), noise, chosen.estimates)
    return (time.perf_counter() - start) * math.prod(size) / (height * width)
