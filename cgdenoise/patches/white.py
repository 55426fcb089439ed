"""White noise removed from an image: groups of similar patches, with generators in the pilot that tells what is alike."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.matching import Search
from cgdenoise.patches.ridge import ROUNDS, first_estimate, removed_power, repeated_ridge
from cgdenoise.patches.scales import can_be_halved, halved, with_coarse
from cgdenoise.patches.shrinkage import ROUNDS as SHRINKAGES
from cgdenoise.patches.shrinkage import SHRUNK, repeated_shrinkage
from cgdenoise.progress import Tick, no_tick

SEARCHES = (SHRUNK, Search(patch=7, count=45, window=37, step=4), Search(patch=4, count=30, window=37, step=3))
"""Groups of as many estimates as are averaged: their errors differ as their patches do. Measured ("Shrinkage" in
`benchmarks/NOTES.md`)."""

_WIDE, _MORE_RIDGES, _MORE_SHRINKAGES = 49, 1, 2
"""Window of the shrinkage, and rounds more, where several estimates are averaged: half as much time again for 0.03 to 0.06 dB on
white noise (`benchmarks/NOTES.md`, "Rounds, windows and sizes for `best`")."""

_AROUND = 9
"""Side of the neighbourhood in which the coarse scale counts by what the fine one took out, in parts of the noise, squared. Where
nothing was taken out nothing is to change: `noise.residual` asks the quiet parts of an image whether it had that noise at all."""

SHARE, SHARE_OF_COUNTS = 0.1, 0.2
"""Share of the generators in the pilot, where the noise has one level as it is, and where counts were stabilised. Groups err
where an image does not repeat itself, generators in fine texture: half as much costs microscopes 0.05 dB, and twice as much noise
of 50 on photographs 0.02 to 0.07 (`benchmarks/NOTES.md`, "Generators in the pilot" and "Two scales")."""


def filter_white(
    y: Tensor,
    noise: ChannelNoise,
    generated: Tensor | None = None,
    estimates: int = 1,
    tick: Tick = no_tick,
    *,
    share: float = SHARE,
    stronger: float = 1.0,
) -> Tensor:
    """Restore an image with white noise, at its own size and, for the low frequencies, at half of it (`scales`).

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], finite.
    noise : ChannelNoise
        In `y`'s unit.
    generated : Tensor, optional
        The generators' restoration, [C, H, W], for the pilot.
    estimates : int
        How many of `SEARCHES` are averaged.
    tick : callable
        Called several times a second; see `passes`.
    share : float
        Of the generators in the pilot.
    stronger : float
        Factor by which the noise is taken to be stronger than `noise` says.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    assumed = noise.scaled(stronger)
    fine = _filtered(y, assumed, generated, share, estimates, tick)
    if not can_be_halved(y):
        return fine
    small, weaker = halved(y)
    guide = None if generated is None else halved(generated)[0]
    coarse = _filtered(small, assumed.scaled(weaker), guide, share, estimates, tick)
    removed = removed_power(y, fine, _AROUND).mean(0, keepdim=True)
    return with_coarse(fine, coarse, (removed / noise.level**2).clamp(max=1).square())


def _filtered(y: Tensor, noise: ChannelNoise, generated: Tensor | None, share: float, estimates: int, tick: Tick) -> Tensor:
    """Restore an image at one scale."""
    first = first_estimate(y, noise, tick=tick)
    pilot = first if generated is None else torch.lerp(first, generated, share)
    return shrunk(y, repeated_ridge(y, pilot, noise, rounds=_ridges(estimates), tick=tick), noise, estimates, tick)


def shrunk(y: Tensor, pilot: Tensor, noise: ChannelNoise, estimates: int = 1, tick: Tick = no_tick) -> Tensor:
    """Return the mean of `repeated_shrinkage` by so many of `SEARCHES`, [C, H, W]."""
    searches = SEARCHES[:1] if estimates == 1 else [replace(search, window=_WIDE) for search in SEARCHES[:estimates]]
    images = [repeated_shrinkage(y, pilot, noise, search, _shrinkages(estimates), tick) for search in searches]
    return torch.stack(images).mean(0)


def _ridges(estimates: int) -> int:
    return ROUNDS if estimates == 1 else ROUNDS + _MORE_RIDGES


def _shrinkages(estimates: int) -> int:
    return SHRINKAGES if estimates == 1 else SHRINKAGES + _MORE_SHRINKAGES


def passes_shrunk(estimates: int = 1) -> int:
    """Return how often `shrunk` filters the whole image."""
    return estimates * _shrinkages(estimates)


def passes(estimates: int = 1) -> float:
    """Return how often `filter_white` filters the whole image: a quarter of the pixels are there again at half the size."""
    return 1.25 * (1 + _ridges(estimates) + passes_shrunk(estimates))
