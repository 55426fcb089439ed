"""White noise removed from an image: groups of similar patches, with generators in the pilot that tells what is alike."""

from __future__ import annotations

import torch
from torch import Tensor

from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.matching import Search
from cgdenoise.patches.ridge import ROUNDS, first_estimate, repeated_ridge
from cgdenoise.patches.shrinkage import ROUNDS as SHRINKAGES
from cgdenoise.patches.shrinkage import SHRUNK, repeated_shrinkage
from cgdenoise.progress import Tick, no_tick

SEARCHES = (SHRUNK, Search(patch=7, count=45, window=37, step=4), Search(patch=4, count=30, window=37, step=3))
"""Groups of as many estimates as are averaged: their errors differ as their patches do. Measured ("Shrinkage" in
`benchmarks/NOTES.md`)."""

_SHARE = 0.2
"""Share of the generators in the pilot. Groups err where an image does not repeat itself, generators in fine texture, and a pilot
of both is better than either. 0.1 to 0.35 are within 0.03 dB of it (`benchmarks/NOTES.md`, "Generators in the pilot")."""


def filter_white(
    y: Tensor, noise: ChannelNoise, generated: Tensor | None = None, estimates: int = 1, tick: Tick = no_tick
) -> Tensor:
    """Restore an image with white noise.

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

    Returns
    -------
    Tensor
        [C, H, W].
    """
    first = first_estimate(y, noise, tick=tick)
    pilot = first if generated is None else torch.lerp(first, generated, _SHARE)
    image = repeated_ridge(y, pilot, noise, tick=tick)
    return torch.stack([repeated_shrinkage(y, image, noise, search, tick=tick) for search in SEARCHES[:estimates]]).mean(0)


def passes(estimates: int = 1) -> int:
    """Return how often `filter_white` filters the whole image."""
    return 1 + ROUNDS + estimates * SHRINKAGES
