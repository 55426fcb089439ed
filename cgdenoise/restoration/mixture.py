"""The end of a restoration: groups of similar patches and generators guide each other, and are mixed by their risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.ridge import nonlocal_ridge, refine
from cgdenoise.progress import Tick, no_tick

GENERATOR, GUIDE, AGAIN, BOTH = "generator", "guide", "again", "both"

# What is measured of these is in `benchmarks/NOTES.md`, under the heading that is named.

_SHARE = 0.2
"""Share of the generators in the pilot of the guided filter. Measured ("Groups of similar patches")."""

_RESTORED, _EXCESS = 0.7, 1.2
"""Share of the restoration in the image that a further pass filters, and factor of the noise that the other part of it has.
Measured ("Groups of similar patches": noise scaled by 0.3 * 1.2)."""

COARSE = 1.4
"""Factor by which correlated noise is taken to be stronger: patches resemble each other by their noise, too, which then does not
cancel. Measured, between 1.3 and 1.6 ("Correlated noise")."""

_JUDGED = 256
"""Pixels of each side, in the middle, by which the shares are decided: the probe costs as much as the filters. By hand; the
middle 64² of an image of 128² decides as well ("Groups of similar patches")."""

_PROBE = 0.05
"""Size of the disturbance that measures divergence, in standard deviations of the noise. By hand; a quarter to four times of it
change 0.04 dB at most ("Groups of similar patches")."""


@dataclass(frozen=True)
class Part:
    """An estimate that a restoration is mixed from.

    Attributes
    ----------
    name : str
        "generator"; "guide": groups of patches, without the generators; "again": the same, filtered twice more; or
        "both": groups whose pilot is a mixture, filtered once more.
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


def filter_alone(y: Tensor, noise: ChannelNoise, tick: Tick = no_tick) -> Tensor:
    """Restore a noisy image, [C, H, W], finite, from its groups of similar patches, without the generators."""
    return nonlocal_ridge(y, noise.scaled(COARSE) if noise.correlation_area > 1 else noise, tick)


def mix(
    y: Tensor,
    plain: Tensor,
    generated: Tensor,
    leverage: float,
    noise: ChannelNoise,
    rng: torch.Generator,
    tick: Tick = no_tick,
) -> Mixture:
    """Restore a noisy image by mixing what its groups of similar patches make of it with what generators do.

    Generators err in fine texture, groups where an image does not repeat itself. How much each counts is decided by Stein's
    unbiased risk estimate (Annals of Statistics, 1981) of the mixture sum_i w_i f_i(y), sum_i w_i = 1,

        ||sum_i w_i f_i(y) - y||² + 2 sum_i w_i tr(Sigma J_i)   + const.

    The divergences of the filters are measured by a random probe (Ramani, Blu & Unser, IEEE TIP 2008), that of the generators
    follows from their held-out error. A white probe does not measure how much correlated noise comes through, and generators
    follow such noise as they follow an image: there the groups are better alone.

    Parameters
    ----------
    y : Tensor
        Noisy image, [C, H, W], finite.
    plain : Tensor
        What `filter_alone` made of it.
    generated : Tensor
        The generators' restoration, [C, H, W].
    leverage : float
        Share that a pixel's own value has in it, 0 to 1 (see `fitting.stopping.predicted_error`).
    noise : ChannelNoise
        In `y`'s unit, white; not 0.
    rng : torch.Generator
        For the probe; on the CPU.
    tick : callable
        Called after each tile of a filter; see `pixels_mixed`.
    """
    filtered = _filtered(y, plain, generated, noise, tick)
    names, images = (GUIDE, AGAIN, BOTH, GENERATOR), [plain, *filtered, generated]
    middle, generated_middle = _middle(y), _middle(generated)
    if middle.shape != y.shape:
        plain = nonlocal_ridge(middle, noise, tick)
        filtered = _filtered(middle, plain, generated_middle, noise, tick)
    weights = _least_risk_weights(middle, generated_middle, plain, filtered, leverage, noise, rng, tick)
    return Mixture(tuple(Part(*part) for part in zip(names, images, weights, strict=True)))


def equivalent_passes(size: tuple[int, int]) -> int:
    """Return how many pixels `filter_alone` and `mix` make the two-step filter work on, for an image of this height and width."""
    area, judged = size[0] * size[1], min(size[0], _JUDGED) * min(size[1], _JUDGED)
    return 3 * area + (3 if judged == area else 6) * judged


def pixels_mixed(size: tuple[int, int]) -> int:
    """Return how many pixels `mix` filters, one step after the other, for an image of this height and width."""
    return 2 * (equivalent_passes(size) - size[0] * size[1])


def _least_risk_weights(
    y: Tensor,
    generated: Tensor,
    plain: Tensor,
    filtered: list[Tensor],
    leverage: float,
    noise: ChannelNoise,
    rng: torch.Generator,
    tick: Tick,
) -> list[float]:
    """Return the shares of the plain, the filtered and the generated images."""
    white = torch.randn(y.shape, generator=rng).to(y)
    probe = noise.rotate_back(white * white.new_tensor(noise.sigmas)[:, None, None])
    of_generator = leverage * noise.level**2 * y.numel()

    def divergence(image: Tensor, disturbed: Tensor) -> float:
        return float((probe * (disturbed - image)).cpu().double().sum()) / _PROBE

    plain_disturbed = nonlocal_ridge(y + _PROBE * probe, noise, tick)
    # The generators are not fitted again: they are taken to answer the probe as the groups do, in proportion to their leverage.
    response = of_generator / max(divergence(plain, plain_disturbed), of_generator)
    generated_disturbed = generated + response * (plain_disturbed - plain)
    disturbed = _filtered(y + _PROBE * probe, plain_disturbed, generated_disturbed, noise, tick)
    images = [plain, *filtered, generated]
    divergences = [divergence(*pair) for pair in zip(images, [plain_disturbed, *disturbed], strict=False)] + [of_generator]
    return least_risk([image - y for image in images], divergences)


def _middle(image: Tensor) -> Tensor:
    top, left = (max(side - _JUDGED, 0) // 2 for side in image.shape[1:])
    return image[:, top : top + _JUDGED, left : left + _JUDGED]


def least_risk(misfits: Sequence[Tensor], divergences: Sequence[float]) -> list[float]:
    """Return the weights, from 0 to 1 and summing to 1, of least estimated risk.

    Parameters
    ----------
    misfits : sequence of Tensor
        What each estimate differs from the data by.
    divergences : sequence of float
        Trace of the noise's covariance times the estimate's Jacobian.
    """
    # On the CPU, as not every device has double precision, and few numbers come out of it.
    flat = torch.stack([misfit.flatten().cpu().double() for misfit in misfits])
    gram, slope = flat @ flat.mT, torch.tensor(divergences, dtype=torch.float64)
    # The risk is a convex quadratic: its minimum on the simplex is the least of the minima on those faces that contain theirs.
    best, least = [0.0] * len(flat), float("inf")
    for chosen in range(1, 2 ** len(flat)):
        face = [i for i in range(len(flat)) if chosen >> i & 1]
        system = torch.ones(len(face) + 1, len(face) + 1, dtype=torch.float64)
        system[:-1, :-1], system[-1, -1] = gram[face][:, face], 0
        solved = torch.linalg.lstsq(system, torch.cat([-slope[face], torch.ones(1)])[:, None]).solution[:-1, 0]
        if (solved < 0).any():
            continue
        weights = torch.zeros(len(flat), dtype=torch.float64)
        weights[face] = solved / solved.sum()
        risk = float(weights @ gram @ weights + 2 * weights @ slope)
        if risk < least:
            best, least = weights.tolist(), risk
    return best


def _filtered(y: Tensor, plain: Tensor, generated: Tensor, noise: ChannelNoise, tick: Tick) -> list[Tensor]:
    """Return the results of further passes, on the plain image and on one in whose pilot the generators have a share."""
    mixed = refine(y, torch.lerp(plain, generated, _SHARE), noise, tick=tick)
    return [_again(y, _again(y, plain, noise, tick), noise, tick), _again(y, mixed, noise, tick)]


def _again(y: Tensor, restored: Tensor, noise: ChannelNoise, tick: Tick) -> Tensor:
    """Filter once more: a little noise remains where groups were small or the pilot was bad."""
    mixed = torch.lerp(y, restored, _RESTORED)
    return refine(mixed, restored, noise.scaled((1 - _RESTORED) * _EXCESS), tick=tick)
