"""White noise removed from an image: groups of similar patches, with generators in the pilot that tells what is alike."""

from __future__ import annotations

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
    image = repeated_ridge(y, pilot, noise, tick=tick)
    shrunk = [repeated_shrinkage(y, image, noise, search, _rounds(estimates), tick) for search in SEARCHES[:estimates]]
    return torch.stack(shrunk).mean(0)


def _rounds(estimates: int) -> int:
    """Return the rounds of each shrinkage: who averages several has the time for another.

    It gains 0.02 to 0.04 dB on white noise, 0.02 on real noise (`benchmarks/NOTES.md`, "Two scales").
    """
    return SHRINKAGES if estimates == 1 else SHRINKAGES + 1


def passes(estimates: int = 1) -> float:
    """Return how often `filter_white` filters the whole image: a quarter of the pixels are there again at half the size."""
    return 1.25 * (1 + ROUNDS + estimates * _rounds(estimates))
