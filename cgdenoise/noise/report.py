"""All that an image tells of its noise, measured at once for whoever asks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgdenoise.noise.choose import white_level
from cgdenoise.noise.correlation import NoiseCorrelation, noise_correlation
from cgdenoise.noise.covariance import without_texture
from cgdenoise.noise.estimate import patch_noise
from cgdenoise.noise.impulse import Impulses, find_impulses
from cgdenoise.noise.independent import independent_noise
from cgdenoise.noise.pedestal import find_poisson_gaussian
from cgdenoise.noise.poisson import PoissonGaussian
from cgdenoise.noise.stripes import Stripes, find_stripes

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NoiseReport:
    """All that is estimated of the noise in one image, in its unit.

    Attributes
    ----------
    sigma, sigma_error : float
        Standard deviation of the noise as if it were white, over all channels, and its standard error.
    covariance : (C, C) array
        Between the channels.
    poisson : PoissonGaussian
        How the variance grows with brightness.
    correlation : NoiseCorrelation
        From pixel to pixel.
    impulses : Impulses
        Values that have nothing to do with the image; all other estimates leave them out.
    stripes : Stripes
        Offsets of rows and columns; all other estimates are of the image without them.
    """

    sigma: float
    sigma_error: float
    covariance: Array
    poisson: PoissonGaussian
    correlation: NoiseCorrelation
    impulses: Impulses
    stripes: Stripes


def examine(values: Array, offset: float | None = None) -> NoiseReport:
    """Estimate everything.

    Parameters
    ----------
    values : (H, W, C) array
        NaN where missing.
    offset : float or None
        Value of a pixel that has received no light; None tries 0 and the darkest values.
    """
    stripes = find_stripes(values)
    values = stripes.taken_from(values)
    impulses = find_impulses(values)
    rest = np.where(impulses.mask, np.nan, values)
    noise = patch_noise(rest)
    sigma, error = white_level(rest, noise)
    poisson = find_poisson_gaussian(rest, offset, 0.0)
    correlation = noise_correlation(rest, noise)
    correlation = independent_noise(rest, correlation) or correlation
    return NoiseReport(sigma, error, without_texture(noise), poisson, correlation, impulses, stripes)
