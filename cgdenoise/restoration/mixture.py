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

_STORED = 0.5
"""Share of the restoration from rounded coefficients where noise may have been coarse before. All six cameras' pictures that are
taken for such lose by it, 0.03 to 0.3 dB but for one; none at all would cost clean pictures up to 1.3 (`benchmarks/NOTES.md`,
"JPEG")."""


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
        In `y`'s unit. If it may have been correlated or white before the image was stored, the mean of both results is taken.
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
        image = filter_coarse(y, noise, shared, estimates, tick, exact=exact)
        return image if noise.stored is None else image.lerp(filter_stored(y, noise.stored, None, estimates, tick), _STORED)
    if noise.stored is not None:
        return filter_stored(y, noise.stored, generated, estimates, tick)
    if noise.colour:
        return filter_coarse_colours(y, noise, generated, estimates, tick)
    return filter_white(y, noise, generated, estimates, tick, share=share)


def filters(noise: ChannelNoise | None, estimates: int = 1) -> float:
    """Return how often `filter_patches` filters the whole image, at most; white noise if it is not yet known."""
    if noise is None or not (noise.is_correlated or noise.stored is not None):
        return white.passes(estimates)
    of_coarse = coarse.passes(estimates) if noise.is_correlated else 0.0
    return of_coarse + (0.0 if noise.stored is None else stored.passes(estimates))
