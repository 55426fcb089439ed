"""Comparison with a clean reference: for experiments, never for a fit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_OF_VOLUME = 4
"""Axes of a volume with its channels."""


def psnr(image: NDArray[np.generic], reference: NDArray[np.generic], peak: float) -> float:
    """Return the peak signal-to-noise ratio, 10 log10(peak² / MSE), in dB; infinite for equal arrays.

    Parameters
    ----------
    image, reference : arrays of one shape, real
        In one unit. Pixels where the reference is NaN are left out.
    peak : float
        Full scale in that unit: 255 for 8-bit images.
    """
    difference = np.asarray(image, np.float64) - np.asarray(reference, np.float64)
    error = float(np.nanmean(difference**2))
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)


def ssim(image: NDArray[np.generic], reference: NDArray[np.generic], peak: float) -> float:
    """Return the mean structural similarity (Wang et al., 2004; Gaussian windows of σ 1.5), at most 1.

    NaN where the image is too small for the 11x11 windows or the reference has missing pixels.

    Parameters
    ----------
    image, reference : (H, W) or (H, W, C) arrays of one shape, real
        In one unit; or volumes, (D, H, W, C), of whose planes it is the mean.
    peak : float
        Full scale in that unit.
    """
    from skimage.metrics import structural_similarity

    if image.ndim == _OF_VOLUME:
        return float(np.mean([ssim(*planes, peak) for planes in zip(image, reference, strict=True)]))
    a, b = np.asarray(image, np.float64), np.asarray(reference, np.float64)
    if min(a.shape[:2]) < 11 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return math.nan
    return float(
        structural_similarity(  # type: ignore[no-untyped-call]
            a,
            b,
            data_range=peak,
            channel_axis=2 if a.ndim == 3 else None,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )
