"""Whether an image fits into memory as a whole, and else in which tiles."""

from __future__ import annotations

import math

from cgdenoise.errors import MemoryLimitError
from cgdenoise.fitting.plan import Preset
from cgdenoise.generators.spec import GeneratorSpec, HourglassSpec
from cgdenoise.restoration.denoising import DenoisingRequest
from cgdenoise.restoration.sample import BLOCK
from cgdenoise.restoration.tiles import Tiling
from cgdenoise.restoration.units import Layout
from cgdenoise.runtime import free_memory, total_memory

SIDES = (768, 512, 384, 256)
"""Of tiles, in pixels; the largest one that fits is taken. Larger ones gain nothing, smaller ones share more of their area."""

_OF_AN_ACTIVATION = 16
_OF_A_VALUE = 150
_OF_A_FIT = 50 << 20
"""Bytes that a restoration holds for each number of the generator's layers and of the image, and besides. Measured as the growth
of the process: `fast` and `balanced`, 384 to 768 pixels a side, took 855 to 1024 bytes a pixel of a grey image and 1057 to 1340
of a colour one. This says 1.25 to 1.4 times as much."""

_BLENDED = 6
"""Bytes that each value of a row of tiles takes while it is blended: a float32, and part of it once more where it is moved up."""

_PUBLISHED = 30
"""The same of published generators, which have no compiled kernels: DD-O took 19,000 bytes a pixel for its 680 numbers."""

_OF_A_PROCESS = 300 << 20
"""Bytes that a process holds before it restores something: 267 MB on Linux with torch for the CPU. By what it holds when an image
has its turn the tiles, and so the bytes of the result, would hang on what was restored before."""

_USED = 0.8
"""Part of the free memory that is used at most if nothing is said: others want some, and the estimate is rough. By hand."""


def usual_memory() -> int:
    """Return the bytes that may be held if nothing is said: half of the machine's memory, or less if so much is not free.

    Less is a quarter, an eighth, and so on: in such steps the tiles of an image hardly ever hang on what other programs hold.
    """
    share, most = total_memory() // 2, _OF_A_PROCESS + int(free_memory() * _USED)
    while share > most:
        share //= 2
    return share


def tiling_for(request: DenoisingRequest, held: int, begun: int | None = None) -> Tiling | None:
    """Decide whether an image is restored as a whole or in tiles.

    Parameters
    ----------
    request : DenoisingRequest
        Which image, how, and the memory that may be used.
    held : int
        Bytes that the result takes, however it is restored.
    begun : int, optional
        Side of the tiles that an earlier run has left; they are taken if they fit, also where larger ones would, or the whole.

    Returns
    -------
    Tiling or None
        None for the whole at once.

    Raises
    ------
    MemoryLimitError
        If not even the smallest tiles fit.
    """
    shape = Layout.of(request.image, request.channel_axis).view(request.image).shape
    if len(shape) != 3:
        return None  # no image, as the restoration will say
    height, width, channels = shape
    memory = usual_memory() if request.memory is None else request.memory
    free = memory - _OF_A_PROCESS - held

    def needed(side: int) -> float:
        return bytes_needed((min(side, height), min(side, width)), channels, request.preset)

    if begun is None and needed(max(height, width)) <= free:
        return None
    for side in SIDES if begun is None else (begun, *SIDES):
        if needed(side) + _of_a_row(width, channels, side) <= free:
            return Tiling(height, width, side, block=BLOCK)
    least = needed(SIDES[-1]) + _of_a_row(width, channels, SIDES[-1]) + held + _OF_A_PROCESS
    found, expected = f"memory of {memory / 1e6:.0f} MB for an image of {width}x{height} pixels", math.ceil(least / 1e6)
    raise MemoryLimitError(f"{found}; expected {expected} MB or more")


def _of_a_row(width: int, channels: int, side: int) -> int:
    return _BLENDED * side * width * channels


def bytes_needed(size: tuple[int, int], channels: int, preset: Preset) -> float:
    """Estimate how many bytes the restoration of an image as a whole takes beside what the process holds already."""
    of_layers = max(_of_layers(spec.limited_to(size)) for spec in preset.generators)
    return _OF_A_FIT + size[0] * size[1] * (of_layers + _OF_A_VALUE * channels)


def _of_layers(spec: GeneratorSpec) -> float:
    """Return the bytes a pixel of what a generator's layers hold."""
    if isinstance(spec, HourglassSpec):
        return _PUBLISHED * spec.width * 4 * sum(4.0**-scale for scale in range(spec.scales))
    finest_first = reversed(spec.channels)
    numbers = sum(count * 4.0**-level for level, count in enumerate(finest_first))
    return numbers * (_PUBLISHED if spec.sigmoid else _OF_AN_ACTIVATION)
