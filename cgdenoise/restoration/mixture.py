"""The end of a restoration: groups of similar patches, with generators in the pilot that tells what is alike."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.matching import Search
from cgdenoise.patches.ridge import ROUNDS, first_estimate, repeated_ridge
from cgdenoise.patches.shrinkage import ROUNDS as SHRINKAGES
from cgdenoise.patches.shrinkage import SHRUNK, repeated_shrinkage
from cgdenoise.progress import Tick, no_tick

GENERATOR, GUIDE, BOTH, VARIATION, WAVELETS = "generator", "guide", "both", "total variation", "wavelets"

SEARCHES = (SHRUNK, Search(patch=7, count=45, window=37, step=4), Search(patch=4, count=30, window=37, step=3))
"""Groups of as many estimates as are averaged: their errors differ as their patches do. Measured ("Shrinkage" in
`benchmarks/NOTES.md`)."""

_SHARE = 0.2
"""Share of the generators in the pilot. Groups err where an image does not repeat itself, generators in fine texture, and a pilot
of both is better than either. 0.1 to 0.35 are within 0.03 dB of it (`benchmarks/NOTES.md`, "Generators in the pilot")."""

COARSE = 2.0
"""Factor by which correlated noise is taken to be stronger: patches resemble each other by their noise, too, which then does not
cancel. Told the true level, 2 to 2.8 is best on real pictures; levels by held-out pixels are a little too high
(`benchmarks/NOTES.md`, "Correlated noise")."""

WEAKER = (1.4, 1.0)
"""Factors that are tried after `COARSE` where the level is exact. On textured photographs with filtered or demosaiced noise 2
loses 0.3 to 2.5 dB, and takes out 1.00 to 1.8 times the power of the noise; on 16 real pictures it took out 0.23 to 0.95 times
(`benchmarks/NOTES.md`, "Laws of noise")."""

_COARSE_FIRST, _COARSE_SEARCH = Search(patch=11, count=40, window=37, step=5), Search(patch=9, count=80, window=37, step=5)
"""Groups where the noise is correlated: patches have to be large enough that more than their noise is alike. Patches of 9 and 7
lose 1 to 2 dB on wide-field microscopes and telephones and gain up to 0.1 on cameras (as above)."""

_COARSE_ROUNDS = 3
"""Rounds of ridge there; one loses 0.1 dB on cameras and 1 on wide-field microscopes (as above)."""


@dataclass(frozen=True)
class Part:
    """An estimate that a restoration is mixed from.

    Attributes
    ----------
    name : str
        "generator"; "guide": groups of patches, without the generators; "both": groups with the generators in their pilot, or as
        their start; "total variation"; "wavelets".
    image : Tensor
        [C, H, W].
    weight : float
        Its share; the shares sum to 1.
    """

    name: str
    image: Tensor
    weight: float


@dataclass(frozen=True)
class Mixture:
    """The parts of a restoration."""

    parts: tuple[Part, ...]

    @property
    def image(self) -> Tensor:
        """The parts by their shares, [C, H, W]."""
        return torch.stack([part.weight * part.image for part in self.parts if part.weight]).sum(0)


def filter_patches(
    y: Tensor,
    noise: ChannelNoise,
    generated: Tensor | None = None,
    estimates: int = 1,
    tick: Tick = no_tick,
    *,
    exact: bool = False,
) -> Tensor:
    """Restore a noisy image from its groups of similar patches.

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], finite.
    noise : ChannelNoise
        In `y`'s unit.
    generated : Tensor, optional
        The generators' restoration, [C, H, W], for the pilot. It is not used where the noise is correlated, which generators
        follow as they follow an image.
    estimates : int
        How many of `SEARCHES` are averaged; none is used where the noise is correlated.
    tick : callable
        Called several times a second; see `filters`.
    exact : bool
        Whether the level of the noise is exact. Where it is correlated, groups that take out more than the noise have then taken
        structure, and are asked for less. An estimated level, off by half, could not tell.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    if noise.is_correlated:
        image = _filter_coarse(y, noise.scaled(COARSE), tick)
        for factor in WEAKER if exact else ():
            if float((y - image).square().mean()) <= noise.level**2:
                break
            image = _filter_coarse(y, noise.scaled(factor), tick)
        return image
    first = first_estimate(y, noise, tick=tick)
    pilot = first if generated is None else torch.lerp(first, generated, _SHARE)
    image = repeated_ridge(y, pilot, noise, tick=tick)
    return torch.stack([repeated_shrinkage(y, image, noise, search, tick=tick) for search in SEARCHES[:estimates]]).mean(0)


def _filter_coarse(y: Tensor, stronger: ChannelNoise, tick: Tick) -> Tensor:
    """Restore an image from large patches: as many values as it takes for more than the noise to be alike."""
    first = first_estimate(y, stronger, _COARSE_FIRST, tick)
    return repeated_ridge(y, first, stronger, _COARSE_SEARCH, _COARSE_ROUNDS, tick)


def filters(correlated: bool, estimates: int = 1, *, exact: bool = False) -> int:
    """Return how often `filter_patches` filters the whole image, at most."""
    tries = 1 + len(WEAKER) if exact else 1
    return tries * (1 + _COARSE_ROUNDS) if correlated else 1 + ROUNDS + estimates * SHRINKAGES
