"""How the noise of an image is correlated from channel to channel."""

import numpy as np
from numpy.typing import NDArray

from cgdenoise.noise.estimate import PatchNoise, largest_correlation, patch_noise

_COMMON = 0.5
"""Correlation from which channels share their noise: the difference of two then has less noise than one of them, as 2 sigma² (1 -
rho) < sigma² for rho > 1/2."""


def channel_covariance(image: NDArray[np.floating]) -> NDArray[np.float64]:
    """Estimate the covariance of the noise between the channels of an image.

    It is measured in the directions of patch space with the least variance, the same in all channels, in the smoothest
    patches (see `estimate_sigma`). What is left there of the texture is common to the channels, and looks like noise that
    they share. Its size is known where the channels have noise of their own: it is by what the measured variances exceed
    σ². It is then taken from the principal axis, since texture of one colour has rank one.

    Parameters
    ----------
    image : (H, W) or (H, W, C) real array
        In any unit. NaN marks missing pixels.

    Returns
    -------
    (C, C) array of float64
        Symmetric, positive semi-definite, in the square of the image's unit; (1, 1) for a grey image. Its trace divided
        by C is the square of `estimate_sigma`. Zeros where the image is too small to hold patches.

    Raises
    ------
    ImageError
        If the array has not 2 or 3 axes.
    """
    return without_texture(patch_noise(image))


def without_texture(noise: PatchNoise) -> NDArray[np.float64]:
    """Return the covariance of the noise between the channels, as `channel_covariance` does, from what was measured."""
    trace = len(noise.covariance) * noise.sigma**2
    powers, axes = np.linalg.eigh(noise.covariance)
    # Not more than would make the first axis the weakest.
    powers[-1] -= np.clip(powers.sum() - trace, 0, powers[-1] - powers[0])
    powers = np.maximum(powers, 0)
    total = powers.sum()
    result: NDArray[np.float64] = (axes * (powers * trace / total if total > 0 else powers)) @ axes.T
    return (result + result.T) / 2


def common_noise(covariance: NDArray[np.floating]) -> bool:
    """Return whether channels clearly share their noise: any two are correlated by one half or more, of either sign.

    From there on the difference of two channels has less noise than one alone, so what holds for independent noise (more
    channels, less noise in what they have in common) is wrong by more than it is right. On 18 photographs with noise of
    10/255 or more, independent noise was measured at 0.1 or less, and a field of noise that all channels share at 0.85 or
    more even when clipped to 0 to 255.

    Parameters
    ----------
    covariance : (C, C) real array
        As `channel_covariance` returns it.

    Returns
    -------
    bool
        False for one channel.
    """
    return largest_correlation(covariance) >= _COMMON
