"""Noise removed from an image that was stored as JPEG: what was rounded is expected anew from what is restored, by turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr
from torch import Tensor

from cgdenoise.noise.before_jpeg import StoredNoise
from cgdenoise.noise.jpeg import TO_YCC, Jpeg, blocks_of, enlarge, reduce, stored_colour, to_ycc, with_blocks
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.ridge import ROUNDS, first_estimate, repeated_ridge
from cgdenoise.patches.white import SHARE, passes_shrunk, shrunk
from cgdenoise.progress import Tick, no_tick

Array = NDArray[np.float64]

_TURNS = 4
"""Times that what was rounded is expected anew before the last."""

_SPREAD = 0.5
"""Factor on the noise of reduced colours: each was the mean of four, and is spread over them again."""

_AWAY = 1.5
"""Distance from a multiple of its step, in grey levels, from which a coefficient counts as it is: where colours were clipped
after they were decoded it lies anywhere. Four times its rounding."""

_TAIL = 8.0
"""Standard deviations beyond an interval from which an expectation is its end."""


def filter_stored(
    y: Tensor,
    stored: StoredNoise,
    generated: Tensor | None = None,
    estimates: int = 1,
    tick: Tick = no_tick,
) -> Tensor:
    """Restore an image that had white noise when it was stored as JPEG.

    Expectation and maximisation by turns (Dempster, Laird & Rubin, J. R. Stat. Soc. B 1977). What was not stored is the noisy
    image before it was rounded: each of its coefficients lies in a known interval, and is expected there by a normal
    distribution about that of the restored image, with the noise's variance. Groups of similar patches restore that image,
    whose noise is white, again. So the coefficients that were rounded to 0 come from the image's similar parts, where others of
    them were not.

    Parameters
    ----------
    y : Tensor
        The image, [C, H, W], finite.
    stored : StoredNoise
        In `y`'s unit.
    generated, estimates, tick
        As in `filter_white`.

    Returns
    -------
    Tensor
        [C, H, W].
    """
    jpeg = stored.jpeg
    decoded = _planes_of(y, jpeg)
    planes = [_Plane.of(plane, number, stored) for number, plane in enumerate(decoded)]
    noise, at_first = _of_planes([plane.sigma for plane in planes]), _of_planes(stored.left)
    start = _tensor(decoded, y)
    image = first_estimate(start, at_first, tick=tick)
    if generated is not None:
        image = image.lerp(_tensor(_planes_of(generated, jpeg), y), SHARE)
    image = repeated_ridge(start, image, at_first, tick=tick)
    for _ in range(_TURNS):
        image = repeated_ridge(_unrounded(image, planes), image, noise, rounds=1, tick=tick)
    unrounded = _unrounded(image, planes)
    return _image_of(shrunk(unrounded, image, noise, estimates, tick), jpeg).to(y)


def passes(estimates: int = 1) -> int:
    """Return how often `filter_stored` filters the whole image."""
    return 1 + ROUNDS + _TURNS + passes_shrunk(estimates)


@dataclass(frozen=True)
class _Plane:
    """Luminance or a colour as it was stored, in grey levels.

    Attributes
    ----------
    stored : (h, w) array
        At its own resolution.
    rounded : (N, 8, 8) array
        Coefficients of its whole blocks.
    steps : (8, 8) array
        That they were rounded to multiples of.
    reduced : tuple of int
        By how much its rows and columns were reduced.
    deviation, sigma : float
        Standard deviation of the noise in it before it was rounded, and in the image that is restored.
    """

    stored: Array
    rounded: Array
    steps: Array
    reduced: tuple[int, int]
    deviation: float
    sigma: float

    @staticmethod
    def of(decoded: Array, number: int, stored: StoredNoise) -> _Plane:
        """Return luminance (0) or a colour from the plane (H, W) of the image."""
        jpeg, sigma = stored.jpeg, stored.sigmas[number]
        steps = jpeg.chrominance if number else jpeg.luminance
        reduced = jpeg.reduced if number and jpeg.reduced else (1, 1)
        plane = stored_colour(decoded, reduced)
        coefficients = blocks_of(plane)
        multiple = steps * np.round(coefficients / steps)
        known = np.abs(coefficients - multiple) < _AWAY
        known[:, 0, 0] = False  # where the file's 0 lies in the image's unit is not known
        deviation = sigma / float(np.prod(reduced)) ** 0.5
        return _Plane(
            plane, np.where(known, multiple, coefficients), steps, reduced, deviation, _SPREAD * sigma if 2 in reduced else sigma
        )

    def before(self, restored: Array) -> Array:
        """Return the plane (H, W) before it was rounded as a restored one makes one expect it; without whole blocks as it is."""
        small = reduce(restored, self.reduced)
        expected = expected_within(blocks_of(small), self.deviation, self.rounded, self.steps)
        return restored + enlarge(with_blocks(self.stored, expected) - small, self.reduced, restored.shape)


def _unrounded(image: Tensor, planes: list[_Plane]) -> Tensor:
    restored = image.detach().cpu().double().numpy()
    return _tensor(np.stack([plane.before(values) for plane, values in zip(planes, restored, strict=True)]), image)


def _of_planes(sigmas: Sequence[float]) -> ChannelNoise:
    """Return the noise of planes that are axes of their own."""
    return ChannelNoise(tuple(tuple(row) for row in torch.eye(len(sigmas)).tolist()), tuple(sigmas))


def _planes_of(y: Tensor, jpeg: Jpeg) -> Array:
    """Return an image [C, H, W] as luminance and colours, in grey levels."""
    values = y.detach().cpu().double().numpy() / jpeg.unit
    return values if jpeg.reduced is None else np.moveaxis(to_ycc(np.moveaxis(values, 0, 2)), 2, 0)


def _image_of(planes: Tensor, jpeg: Jpeg) -> Tensor:
    values = planes.detach().cpu().double() * jpeg.unit
    return values if jpeg.reduced is None else torch.einsum("ij,jhw->ihw", torch.from_numpy(np.linalg.inv(TO_YCC)), values)


def _tensor(planes: Array, like: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(planes)).to(like)


def expected_within(means: Array, sigma: float, rounded: Array, steps: Array) -> Array:
    """Return what is expected of normal values that were rounded.

    Parameters
    ----------
    means : array
        Of the values before, any shape.
    sigma : float
        Their standard deviation, above 0.
    rounded, steps : array
        To what they were rounded, and to multiples of what; of shapes that fit `means`.

    Returns
    -------
    array
        Of `means`' shape, within half a step of `rounded`.
    """
    low, high = rounded - steps / 2, rounded + steps / 2
    near = np.clip(means, low - _TAIL * sigma, high + _TAIL * sigma)
    lower, upper = (low - near) / sigma, (high - near) / sigma
    # Beyond the interval on either side the lower tail is exact where the upper one is not.
    mirrored = lower > 0
    lower, upper = np.where(mirrored, -upper, lower), np.where(mirrored, -lower, upper)
    mass = ndtr(upper) - ndtr(lower)
    difference = (np.exp(-np.square(lower) / 2) - np.exp(-np.square(upper) / 2)) / np.sqrt(2 * np.pi)
    shift = np.where(mirrored, -1.0, 1.0) * difference / np.maximum(mass, 1e-300)
    expected: Array = np.clip(near + sigma * shift, low, high)
    return expected
