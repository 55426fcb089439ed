"""White noise that JPEG has made coarse in the colours alone, which it stores at half the resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgdenoise.noise.clipping import clipped
from cgdenoise.noise.correlation import NoiseCorrelation, noise_correlation

OPPONENT = tuple(
    tuple(1 / math.sqrt(length) * part for part in axis) for length, axis in [(3, (1, 1, 1)), (2, (1, 0, -1)), (6, (1, -2, 1))]
)
"""Luminance and two differences of colours, orthonormal: white noise of one level stays so. The axes of the opponent colours that
CBM3D uses (Dabov et al., ICIP 2007)."""


@dataclass(frozen=True)
class CoarseColour:
    """Noise that is white in the luminance and correlated from pixel to pixel in the colours.

    Attributes
    ----------
    sigmas : tuple of float
        Standard deviation along each of `OPPONENT`, in the image's unit.
    autocorrelation : (8, 8) array
        Of the colours, at distances of 0 to 7 pixels down and across.
    """

    sigmas: tuple[float, ...]
    autocorrelation: NDArray[np.float64]

    @property
    def sigma(self) -> float:
        """Root mean square of the noise over the channels."""
        return math.sqrt(float(np.square(self.sigmas).mean()))

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Between red, green and blue, (3, 3)."""
        axes = np.array(OPPONENT)
        covariance: NDArray[np.float64] = axes.T @ np.diag(np.square(self.sigmas)) @ axes
        return covariance


def coarse_colour(image: NDArray[np.float64]) -> CoarseColour | None:
    """Return the noise of an image whose colours have coarse noise and whose luminance has not; None for any other.

    Both colours have to show it, by the test of `noise_correlation`: their power at middle frequencies was 128 to 245 times that
    at the finest on two photographs that were compressed with half of the colours' resolution, 50 and more with noise added
    before, and 1.0 to 1.4 times with white noise; of clean photographs one colour alone passed, up to 22.

    Pixels that were clipped in a channel count as missing where enough others are left: in a difference of colours nothing tells
    that they were, and their lack of noise makes that of the others look as if it grew.

    Parameters
    ----------
    image : (H, W, C) array
        Red, green and blue, if there are three channels; NaN where missing.
    """
    if image.shape[2] != len(OPPONENT):
        return None
    colours: list[NoiseCorrelation] = []
    for axis in OPPONENT[1:]:
        colours.append(_along(image, axis))
        if colours[-1].is_white:
            return None
    luminance = _along(image, OPPONENT[0])
    if not luminance.is_white:
        return None
    autocorrelation = np.mean([colour.autocorrelation for colour in colours], axis=0)
    return CoarseColour((luminance.sigma, *(colour.sigma for colour in colours)), autocorrelation)


def _along(image: NDArray[np.float64], axis: tuple[float, ...]) -> NoiseCorrelation:
    """Return the correlation of the noise along an axis of the colours, by pixels that were not clipped if they suffice."""
    whole = image @ np.array(axis)
    of_others = noise_correlation(np.where(clipped(image), np.nan, whole))
    return of_others if np.isfinite(of_others.error) else noise_correlation(whole)
