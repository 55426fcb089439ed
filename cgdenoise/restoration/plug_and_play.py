"""The end of a reconstruction: groups of similar patches as the prior of a linear inverse problem."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice

import torch
from torch import Tensor

from cgdenoise.operators import Measurement
from cgdenoise.operators.least_squares import conjugate_gradients
from cgdenoise.operators.norm import power_iteration
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.inpainting import SPARSE, fill_missing, pixels_filled
from cgdenoise.patches.matching import Search
from cgdenoise.patches.planes import Shares, by_planes, equal_shares
from cgdenoise.patches.ridge import FIRST, Purified, first_estimate, refine
from cgdenoise.patches.whitening import Whitening
from cgdenoise.progress import Tick, no_tick

# By hand where nothing else is said; `benchmarks/NOTES.md` has what half and twice of each change ("Plug-and-play").

_LAST = 0.01
"""Noise level of the last pass, in parts of the image's range of about 1, or that of the measurements' noise in the image if that
is more. Half and twice: -0.3 to +0.3 dB."""

_POWERS = 10
"""Steps of the power iteration, which then errs by some per cent. Half and twice as many give the same."""

_FIRST, PASSES = 0.2, 24
"""Noise level of the first pass, and number of passes. Zhang et al. begin at 49/255, with 8 passes for blur. 0.3 and 36 passes
change -0.2 to +0.3 dB."""

_BEND = 0.7
"""Exponent of a pass's place in the course: below 1 the level falls faster at first, and more passes are made with weak noise. 1
loses 0.05 to 0.15 dB, 1.5 another 0.1; 0.5 is the same."""

_MOMENTUM, _MOMENTUM_NEAR = 0.75, 0.5
"""Part of a pass's change by which the next pass starts further on, the latter where neighbours alone are mixed. It brings out
what the measurements do not see, towards which each pass moves a little. The weaker the passes filter, the more of it they can
have (`benchmarks/NOTES.md`, "Weak filters, more momentum")."""

_WHOLE = 16
"""Passes, at the end, that filter in two steps, by small patches, where an operator mixes up the whole image. Those before have
that still to take apart, as with Fourier lines, and one step by large patches. Where it mixes neighbours alone, as a blur does,
all passes have two steps: 0.06 to 0.1 dB (`benchmarks/NOTES.md`, "Large patches first")."""

_WEAK = Purified(0.4, 1)
"""Weights of a pass's first step: what a pass takes out wrongly the measurements do not bring back, and what it leaves the next
one may take. Against `ridge.PROJECTION` 0.2 to 0.4 dB with Fourier lines, coils and a DCT."""

_STRONGER = math.sqrt(1.5)
"""Noise level of a pass's second step, in parts of its first one's. 1 loses 0.1 dB with Fourier lines and a DCT, 0.3 with motion
blur; half the power 0.1 to 0.3."""

_NEAR = 0.99
"""Share of the energy of A^H V A's response to one pixel that lies in a window of groups around it, from which an operator mixes
neighbours alone: 1 for blurs and low resolution, 0.3 to 0.81 for Fourier lines, coils, a DCT, Gaussian measurements (128²)."""

_ROUGH = FIRST
_COARSE = Search(patch=7, count=28, window=37, step=4)
_FINE = Search(patch=5, count=45, window=37, step=3)
"""Groups of the passes before, and of the two steps of those at the end: smaller patches than white noise wants (9 and 7) gain
0.1 to 0.5 dB, most with low resolution and blur; a second step with patches of 6 and a step of 4 pixels loses 0.1 of that."""

_TRUST = 0.3
"""Factor of sigma² / level²: a filtered image errs by more than the level (Zhang et al. have 0.23). With half of it motion blur
lost 2.5 dB, as strong noise came in, and Gaussian blur and a DCT gained 0.1 (benchmarks/README.md)."""

ITERATIONS = 10
"""Conjugate gradients of a pass. By hand: masks, Fourier lines and a subsampled DCT take one or two; not measured for others."""


_AMONG_FEW = tuple(0.03 * 3 ** (-k / 7) for k in range(8))
"""Levels of the passes that filter what few known pixels were filled to. With 90 % missing they gain 0.22 dB in the mean of eight
pictures of 128², -0.01 at least; 16 passes 0.05 less, from 0.1 on nothing. With half missing they gain nothing
(`benchmarks/NOTES.md`, "Missing pixels")."""


@dataclass(frozen=True)
class Mixing:
    """What measurements mix a pixel up with, by probes.

    Attributes
    ----------
    singly : bool
        Nothing: single pixels are measured, all alike.
    among_few : bool
        These are so few that what is between them is filtered when it is filled, if they are exact.
    near : bool
        Its neighbours alone, as a blur does.
    """

    singly: bool
    among_few: bool
    near: bool

    @staticmethod
    def of(measurement: Measurement) -> Mixing:
        """Find it, by three applications of A^H V A."""
        like = measurement.y.real
        of_ones = measurement.normal(torch.ones(measurement.operator.in_shape, dtype=like.dtype, device=like.device))
        if _sees_single_pixels(measurement, of_ones):
            return Mixing(True, float(_known(of_ones).to(of_ones).mean()) < SPARSE, near=False)
        return Mixing(False, False, mixes_neighbours(measurement))

    @property
    def momentum(self) -> float:
        """Part of a pass's change by which the next one starts further on."""
        return _MOMENTUM_NEAR if self.near else _MOMENTUM

    @property
    def in_two_steps(self) -> int:
        """How many of the last passes filter in two steps."""
        return PASSES if self.near else _WHOLE


def plug_and_play(
    measurement: Measurement,
    start: Tensor,
    *,
    iterations: int = ITERATIONS,
    passes: int = PASSES,
    whitened: bool = False,
    tick: Tick = no_tick,
    shares: Shares | None = None,
) -> Tensor:
    """Refine a reconstruction from y = A x + noise by its own groups of similar patches.

    Half-quadratic splitting with a filter for the prior: each pass brings the image z to the measurements,
    min ||V (A x - y)||² + c sigma² / level² ||x - z||², and filters it as if it had white noise of that level. The level falls
    from pass to pass to what the measurements' noise amounts to in the image (Zhang et al., "Plug-and-Play Image Restoration with
    Deep Denoiser Prior", IEEE TPAMI 2021, arXiv 2008.13751). Without noise the first step is the projection onto the
    measurements (Tirer & Giryes, IEEE TIP 2019, arXiv 1710.06647). Where single pixels are measured the groups take the rest
    from them directly (`patches.inpainting.fill_missing`), and if these are few and exact the passes then filter what was filled.

    Parameters
    ----------
    measurement : Measurement
        Of real images (C, H, W), or volumes (C, D, H, W), which are filtered `by_planes`: A, y, V, which says what was measured,
        and sigma. Without noise the result agrees with what was measured, as far as the conjugate gradients take it.
    start : Tensor
        Of their shape, finite, with a range of about 1.
    iterations : int
        Of the conjugate gradients in each pass. With few of them an operator that is known roughly does less harm.
    passes : int
        The last so many of the course from the first level to the last: fewer, where the start was refined already.
    whitened : bool
        Filter images whose fine detail is raised, as if their errors were coarse; not where single pixels are measured.
    tick : callable
        Called after each tile of a filter; see `pixels_refined`.
    shares : mapping of int to float, optional
        Of the planes of a volume; equal ones if not given.

    Returns
    -------
    Tensor
        Of the start's shape.
    """
    planes = equal_shares(tuple(start.shape)) if shares is None else shares
    variance = measurement.variance
    mixing = Mixing.of(measurement)
    if mixing.singly:
        pixels = measurement.normal(torch.ones_like(start))
        gain = float(pixels.max())
        known, values = _known(pixels).to(start), measurement.adjoint(measurement.y) / gain
        filled = fill_missing(values, known, start, math.sqrt(variance / gain), tick, planes)
        return _filtered_between(values, known, filled, planes, tick) if mixing.among_few and not variance else filled
    last = max(_LAST, math.sqrt(variance) * _gain(measurement, start)) if variance else _LAST
    first = max(_FIRST, last)
    image, change = start, torch.zeros_like(start)
    for step in range(PASSES - passes, PASSES):
        level = first * (last / first) ** ((step / (PASSES - 1)) ** _BEND)
        measured = conjugate_gradients(measurement, image + mixing.momentum * change, iterations, _TRUST * variance / level**2)
        filtered = _filtered(measured, level, step >= PASSES - mixing.in_two_steps, planes, tick, whitened)
        image, change = filtered, filtered - image
    return image if variance else conjugate_gradients(measurement, image, iterations)


def _filtered_between(values: Tensor, known: Tensor, filled: Tensor, planes: Shares, tick: Tick) -> Tensor:
    """Filter a filled image by passes of falling level, each of which begins with the known values as they are."""
    image, change = filled, torch.zeros_like(filled)
    for level in _AMONG_FEW:
        begun = torch.where(known > 0, values, image + _MOMENTUM_NEAR * change)
        filtered = _filtered(begun, level, True, planes, tick)
        image, change = filtered, filtered - image
    return torch.where(known > 0, values, image)


def _filtered(image: Tensor, level: float, whole: bool, planes: Shares, tick: Tick, whitened: bool = False) -> Tensor:
    """Filter an image or a volume as a pass of a level does, in two steps if `whole`."""
    noise, search = ChannelNoise.equal(level, len(image)), _COARSE if whole else _ROUGH
    first = partial(first_estimate, noise=noise, search=search, purified=_WEAK, tick=tick)
    second = partial(refine, noise=noise.scaled(_STRONGER), search=_FINE, tick=tick)
    if whitened:
        first, second = partial(_of_whitened, first), partial(_of_whitened, second)
    filtered = by_planes(first, planes, image)
    return by_planes(second, planes, image, filtered) if whole else filtered


def _of_whitened(estimate: Callable[..., Tensor], *pictures: Tensor) -> Tensor:
    """Return what an estimator makes of pictures, [C, H, W], whose errors are taken for coarse, and were made white."""
    whitening = Whitening.of_coarse_errors((pictures[0].shape[-2], pictures[0].shape[-1]))
    return whitening.undo(estimate(*(whitening.whiten(picture).contiguous() for picture in pictures)))


def pixels_refined(measurement: Measurement, mixing: Mixing, passes: int = PASSES) -> int:
    """Return how many pixels `plug_and_play` reports to `tick` in all, at most."""
    shape = measurement.operator.in_shape
    filtered = len(equal_shares(shape)) * math.prod(shape[1:])
    if not mixing.singly:
        return (passes + min(passes, mixing.in_two_steps)) * filtered
    is_filtered = mixing.among_few and not measurement.variance
    return pixels_filled(shape) + (2 * len(_AMONG_FEW) * filtered if is_filtered else 0)


def mixes_neighbours(measurement: Measurement) -> bool:
    """Tell, by the pixel in the middle, whether a measurement mixes pixels with their neighbours alone."""
    like = measurement.y.real
    pixel = torch.zeros(measurement.operator.in_shape, dtype=like.dtype, device=like.device)
    middle = tuple(side // 2 for side in pixel.shape[1:])
    pixel[(0, *middle)] = 1
    energy = measurement.normal(pixel).square().sum(0)
    reach = FIRST.window // 2
    near = energy[tuple(slice(max(0, place - reach), place + reach + 1) for place in middle)]
    return bool(near.sum() > _NEAR * energy.sum())


def _gain(measurement: Measurement, like: Tensor) -> float:
    """Return the factor of white noise of y in A^H V y / ||V A||², on average over the image's pixels.

    That is ||V A||_F / (sqrt(n) ||V A||²), both norms from a random probe, the latter by power iteration.
    """
    probe = _probe(like)
    frobenius = measurement.forward(probe).norm() / probe.norm()  # over sqrt(n)
    *_, squared_norm = islice(power_iteration(measurement.normal, probe), _POWERS)
    return float(frobenius / squared_norm)


def _sees_single_pixels(measurement: Measurement, of_ones: Tensor) -> bool:
    """Tell, by a probe, whether A^H V A is diagonal with one value beside 0; `of_ones` is A^H V A 1.

    The tolerance is by hand, above the rounding of float32; any threshold between 0 and 1 would tell the two values apart.
    """
    gain = of_ones.max()
    probe = _probe(of_ones)
    expected = probe * gain * _known(of_ones)
    return bool((measurement.normal(probe) - expected).norm() <= 1e-3 * expected.norm())


def _known(of_ones: Tensor) -> Tensor:
    """Return which pixels were measured, if they are measured singly."""
    return of_ones > 0.5 * of_ones.max()


def _probe(like: Tensor) -> Tensor:
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(0)).to(like)
