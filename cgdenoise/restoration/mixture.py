"""The end of a restoration: groups of similar patches, with generators in the pilot that tells what is alike."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cgdenoise.patches import coarse, stored, white
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.coarse import filter_coarse, filter_coarse_colours
from cgdenoise.patches.stored import filter_stored
from cgdenoise.patches.white import SHARE, filter_white
from cgdenoise.progress import Tick, no_tick

GENERATOR, GUIDE, BOTH, VARIATION, WAVELETS = "generator", "guide", "both", "total variation", "wavelets"


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
    shared: float | None = None,
    exact: bool = False,
    share: float = SHARE,
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
        How many are averaged.
    tick : callable
        Called several times a second; see `filters`.
    shared, exact
        As `filter_coarse` takes them, for correlated noise.
    share : float
        As `filter_white` takes it.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    if noise.is_correlated:
        return filter_coarse(y, noise, shared, estimates, tick, exact=exact)
    if noise.stored is not None:
        return filter_stored(y, noise.stored, generated, estimates, tick)
    if noise.colour:
        return filter_coarse_colours(y, noise, generated, estimates, tick)
    return filter_white(y, noise, generated, estimates, tick, share=share)


def filters(noise: ChannelNoise | None, estimates: int = 1) -> float:
    """Return how often `filter_patches` filters the whole image, at most; white noise if it is not yet known."""
    if noise is not None and noise.is_correlated:
        return coarse.passes(estimates)
    return stored.passes(estimates) if noise is not None and noise.stored is not None else white.passes(estimates)
