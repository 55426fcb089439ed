"""Estimating the noise level of a single image."""

import numpy as np
from numpy.typing import NDArray

_PATCH = 8
_BLOCK = 4
_MAX_PATCHES = 60_000
_SMOOTH_SHARE = 0.1
_STRATA = 8
_MIN_PATCHES = 2_000


def estimate_sigma(image: NDArray[np.floating]) -> float:
    """Estimate the standard deviation of additive white noise from the image itself.

    Patches of an image lie near a low-dimensional subspace, so the small eigenvalues of their covariance hold noise
    alone and gather around its variance. The largest set of smallest eigenvalues whose mean equals its median is that
    of the noise (Chen, Zhu and Heng, "An Efficient Statistical Method for Image Noise Level Estimation", ICCV 2015,
    Algorithm 1). Only the smoothest patches of each brightness count, judged by their block means: that leaves the
    texture out and does not bias the small eigenvalues, which are of finer detail.

    Parameters
    ----------
    image : (H, W) or (H, W, C) real array
        In any unit. NaN marks missing pixels; patches that touch one are left out.

    Returns
    -------
    float
        σ in the image's unit; the root mean square over the channels. 0 where the image is too small to hold patches.
    """
    channels = image[..., None] if image.ndim == 2 else image
    variances = [_channel_variance(channels[..., c]) for c in range(channels.shape[-1])]
    return float(np.sqrt(np.mean(variances)))


def _channel_variance(channel: NDArray[np.floating]) -> float:
    size = _PATCH if min(channel.shape) >= 3 * _PATCH else _BLOCK
    if min(channel.shape) < 2 * size:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(channel, (size, size))
    # A fixed stride that bounds the number of patches: the estimate needs no more, and must not depend on a seed.
    stride = max(1, int(np.ceil(np.sqrt(windows.shape[0] * windows.shape[1] / _MAX_PATCHES))))
    patches = windows[::stride, ::stride].reshape(-1, size, size).astype(np.float64)
    patches = patches[np.isfinite(patches).all(axis=(1, 2))]
    if len(patches) < size * size:
        return 0.0
    blocks = patches.reshape(-1, size // _BLOCK, _BLOCK, size // _BLOCK, _BLOCK).mean(axis=(2, 4)).reshape(len(patches), -1)
    share = min(1.0, max(_SMOOTH_SHARE, _MIN_PATCHES / len(patches)))
    texture = blocks.var(axis=1)
    # As many from each range of brightness: the dark parts of a photograph are often both the smoothest and the least noisy.
    by_brightness = np.array_split(np.argsort(blocks.mean(axis=1), kind="stable"), _STRATA)
    smooth = np.concatenate([group[texture[group] <= np.quantile(texture[group], share)] for group in by_brightness])
    return _noise_variance(np.linalg.eigvalsh(np.cov(patches[smooth].reshape(-1, size * size), rowvar=False)))


def _noise_variance(eigenvalues: NDArray[np.floating]) -> float:
    """Return the mean of the largest set of smallest eigenvalues that is not skewed by structure; ascending order given."""
    for count in range(len(eigenvalues), 1, -1):
        noise = eigenvalues[:count]
        if noise.mean() <= np.median(noise):
            return max(float(noise.mean()), 0.0)
    return max(float(eigenvalues[0]), 0.0)
