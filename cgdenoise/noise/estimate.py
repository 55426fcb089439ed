"""Estimating the noise level of a single image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError
from cgdenoise.noise.clipping import clipped_ends
from cgdenoise.noise.moments import Moments, average, jackknife_error

# A value without another origin was chosen by hand; what half and twice of it do is in `benchmarks/NOTES.md`, "Constants of noise
# estimation".

_PATCH, _SMALL_PATCH = 6, 3
"""Side of the patches in pixels, and that in an image less than four patches wide or high (not measured). With patches of 12 the
worst error of the level is 36 % instead of 7."""

_QUIET = 1 / 6
"""Share of the directions of patch space that are taken to hold noise alone. With twice as many the worst error is 32 %."""

_SMOOTH = 0.1
"""Share of the patches, of each brightness, that count as smooth."""

_STRATA = 8
"""Ranges of brightness, of as many patches each, from which smooth patches are taken."""

_MIN_PATCHES = 1_000
"""Patches that count at least, smooth or not; with fewer unclipped ones the clipped are used too."""

_MAX_VALUES = 6_500_000
"""Values of all patches together, for the memory: 52 MB. Larger images are sampled at a stride."""

_CELLS = 4
"""The image is cut into so many cells each way: for the two halves of the sample, and for the jackknife."""

_JOINT = 3
"""Most channels whose patches are joined: colours. It bounds the size of the eigenproblem, whatever the image."""

_CORRELATED = 1 / 3
"""Correlation between channels from which it is the noise's own. Texture in the smoothest places of photographs made less than
0.3 with noise of 10/255; channels that do share their noise had 0.85 and above."""

_REACH = 2.0
"""Standard deviations of a patch by which its mean has to keep clear of a value where its channel is clipped. By hand."""

_ROUNDING = 1e-12
"""Part of a sum of squares by which rounding may move it: some thousand times the precision of float64, for a hundred terms."""

_OWN_NOISE = 0.01
"""Share of σ by which it may be wrong on any photograph, which has some noise before any is added. By hand, not measured."""


@dataclass(frozen=True)
class Patches:
    """Patches of an image: `values` (N, C, P) float64, and the `cell` (N,) of a grid over the image that each lies in."""

    values: NDArray[np.float64]
    cell: NDArray[np.intp]


@dataclass(frozen=True)
class PatchNoise:
    """White noise as the patches of an image tell it, measured once for all that is asked of it.

    Attributes
    ----------
    covariance : (C, C) array of float64
        Between the channels, in the directions that are quietest in all of them; zeros where there are too few patches.
    sigma, error : float
        Level and standard error as `sigma_with_uncertainty` returns them.
    """

    covariance: NDArray[np.float64]
    sigma: float
    error: float


def estimate_sigma(image: NDArray[np.floating], *, channel_axis: int | None = None) -> float:
    """Estimate the standard deviation of additive white noise from the image itself.

    Patches of an image lie near a low-dimensional subspace, so the directions of their smallest variance hold noise alone
    (Pyatykh, Hesser & Zheng, "Image Noise Level Estimation by Principal Component Analysis", IEEE TIP 2013). Here the
    quietest directions are found in one half of the image and their variance is measured in the other, which is without
    the bias that small eigenvalues have; and only in the patches that have least in all other directions. White noise is
    independent in orthogonal directions, so this choice leaves texture out and does not favour patches with little noise.

    Channels with noise of their own are taken together: fine detail is nearly the same in all colours, so there are far more
    directions without it than in one channel. Channels that share their noise are not (see `channel_covariance`).
    Patches close to a value at which the image is clipped are left out, as clipping takes some of the noise away.

    Parameters
    ----------
    image : (H, W) or (H, W, C) real array
        In any unit. NaN marks missing pixels; patches that touch one are left out.
    channel_axis : int, optional
        Which axis of a three-dimensional array has the channels: the last if not given.

    Returns
    -------
    float
        σ in the image's unit; the root mean square over the channels. 0 where the image is too small to hold patches.
        Noise that depends on the brightness gives some average over the range.

    Raises
    ------
    ImageError
        If the array has not 2 or 3 axes.
    """
    return patch_noise(image if channel_axis is None or image.ndim < 3 else np.moveaxis(image, channel_axis, -1)).sigma


def sigma_with_uncertainty(image: NDArray[np.floating]) -> tuple[float, float]:
    """Estimate the noise level as `estimate_sigma` does, and how far it may be off.

    Three errors are added as squares: the scatter over 16 parts of the image (the delete-one jackknife; Efron, 1982); half
    of what the estimate grows by if all patches count instead of the smooth ones, which tells of texture taken for noise;
    and one hundredth of σ, as photographs without added noise have a little of their own. With noise of 10 to 50 of 255
    added to 30 photographs, two thirds of the estimates were within one error of the truth and nine tenths within two.

    Parameters
    ----------
    image : (H, W) or (H, W, C) real array
        As for `estimate_sigma`.

    Returns
    -------
    sigma, error : float
        σ and its standard error, in the image's unit. The error is infinite where σ could not be measured.

    Raises
    ------
    ImageError
        If the array has not 2 or 3 axes.
    """
    noise = patch_noise(image)
    return noise.sigma, noise.error


def patch_noise(image: NDArray[np.floating]) -> PatchNoise:
    """Measure the noise in the patches of an image, (H, W) or (H, W, C); raises ImageError if it has not 2 or 3 axes."""
    patches = sample_patches(image)
    if patches is None:
        channels = 1 if image.ndim == 2 else image.shape[2]
        return PatchNoise(np.zeros((channels, channels)), 0.0, np.inf)
    if patches.values.shape[1] == 1:
        smooth, everywhere = noise_moments(patches, (_SMOOTH, 1.0))
        covariance = smooth.covariance
    else:
        covariance = noise_moments(patches, (_SMOOTH,))[0].covariance
        smooth, everywhere = _level_moments(image, patches, covariance)
    texture = max(everywhere.sigma - smooth.sigma, 0.0) / 2
    error = float(np.linalg.norm([jackknife_error(smooth), texture, _OWN_NOISE * smooth.sigma]))
    return PatchNoise(covariance, smooth.sigma, error)


def sample_patches(image: NDArray[np.floating]) -> Patches | None:
    """Return patches of an image that are finite and not clipped.

    Parameters
    ----------
    image : (H, W) or (H, W, C) real array
        In any unit.

    Returns
    -------
    Patches or None
        Of 6×6 pixels, or 3×3 in an image that is less than 24 pixels wide or high. None if there are too few.

    Raises
    ------
    ImageError
        If the array has not 2 or 3 axes.
    """
    if image.ndim not in (2, 3):
        raise ImageError(f"array of shape {image.shape}; expected (H, W) or (H, W, C)")
    channels = (image[..., None] if image.ndim == 2 else image).astype(np.float64)
    height, width, depth = channels.shape
    size = _PATCH if min(height, width) >= 4 * _PATCH else _SMALL_PATCH
    if min(height, width) < 2 * size or depth == 0:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(channels, (size, size), axis=(0, 1))
    # A fixed stride that bounds the memory: the estimate needs no more, and must not depend on a seed.
    stride = max(1, int(np.ceil(np.sqrt(np.prod(windows.shape, dtype=float) / _MAX_VALUES))))
    windows = windows[::stride, ::stride]
    rows, columns = windows.shape[:2]
    cell = (np.arange(rows) * _CELLS // rows)[:, None] * _CELLS + np.arange(columns) * _CELLS // columns
    values = windows.reshape(rows * columns, depth, size * size)
    finite = np.isfinite(values).all(axis=(1, 2))
    count = int(finite.sum())
    if count < 2 * size * size:
        return None
    kept = finite & unclipped(values, channels)
    used = kept if int(kept.sum()) >= min(_MIN_PATCHES, count) else finite
    return Patches(values[used], cell.ravel()[used])


def noise_moments(patches: Patches, shares: tuple[float, ...]) -> list[Moments]:
    """Measure the products of the channels' noise in the quietest directions of the smoothest patches.

    Parameters
    ----------
    patches : Patches
        Of N patches with C channels and P pixels. The directions are of the P pixels, the same in all channels.
    shares : tuple of float
        Shares of the patches that count, (0, 1]; one result of each.

    Returns
    -------
    list of Moments
        Divided by their counts the expected products of white noise are its covariance between channels.
    """
    values, cell = patches.values, patches.cell
    _, channels, pixels = values.shape
    quiet = max(1, round(_QUIET * pixels))
    measured = [Moments(np.zeros((_CELLS**2, channels, channels)), np.zeros(_CELLS**2)) for _ in shares]
    brightness = values.mean(axis=(1, 2))
    # A chequerboard of cells: both halves hold parts from all over the image.
    half = (cell // _CELLS + cell) % 2 == 1
    halves = [half, ~half] if half.any() and not half.all() else [half | True]
    deviations = [values[part] for part in halves]
    for part in deviations:
        part -= part.mean(axis=0)
    axes = [np.linalg.eigh(np.tensordot(part, part, axes=((0, 1), (0, 1))))[1] for part in deviations]
    # Each half is measured along the axes that were found in the other.
    for members, part, directions in zip(halves, deviations, axes[::-1], strict=True):
        z = (part.reshape(-1, pixels) @ directions).reshape(part.shape)
        # The last direction is the brightness, by and large: a smooth patch may be bright.
        texture = np.einsum("ncp,ncp->n", z[..., quiet:-1], z[..., quiet:-1])
        strata = np.array_split(np.argsort(brightness[members], kind="stable"), _STRATA)
        for moments, share in zip(measured, shares, strict=True):
            chosen = _smoothest(texture, strata, share)
            noise, where = z[chosen, :, :quiet], cell[members][chosen]
            for k in np.unique(where):
                own = noise[where == k]
                moments.products[k] += np.tensordot(own, own, axes=((0, 2), (0, 2)))
                moments.counts[k] += len(own) * quiet
    return measured


def _level_moments(image: NDArray[np.floating], patches: Patches, covariance: NDArray[np.float64]) -> tuple[Moments, Moments]:
    """Measure the mean variance over the channels, products (K, 1, 1), in the smoothest patches and in all.

    The patches are those of the image (H, W, C), and the covariance (C, C) is that of the noise in them.
    """
    variances = np.diag(covariance)
    count, shares = len(variances), (_SMOOTH, 1.0)
    parts = []
    if largest_correlation(covariance) >= _CORRELATED or variances.min() <= 1e-12 * variances.max():
        # One by one, also since each is clipped at places of its own.
        for c in range(count):
            single = sample_patches(image[..., c])
            if single is not None:
                parts.append((1.0, noise_moments(single, shares)))
    else:
        for group in np.array_split(np.arange(count), -(-count // _JOINT)):
            # At one level, since otherwise the quietest directions would be those of the quietest channel.
            levels = np.sqrt(variances[group])
            whitened = (patches.values[:, group] / levels[:, None]).reshape(len(patches.values), 1, -1)
            joint = noise_moments(Patches(whitened, patches.cell), shares)
            parts.append((float(len(group)), [Moments(m.products * np.mean(levels**2), m.counts) for m in joint]))
    smooth, everywhere = (average([(weight, moments[i]) for weight, moments in parts]) for i in range(len(shares)))
    return smooth, everywhere


def largest_correlation(covariance: NDArray[np.floating]) -> float:
    """Return the largest correlation of two channels by its size, 0 to 1, from their covariance (C, C); 0 for one channel."""
    scale = np.sqrt(np.diag(covariance))
    scale = np.where(scale > 1e-6 * scale.max(initial=0), scale, np.inf)
    return float(np.abs(np.triu(covariance / np.outer(scale, scale), 1)).max(initial=0))


def shared_by_channels(noise: PatchNoise) -> float | None:
    """Return the largest correlation of the noise of two channels; None for one channel."""
    return None if len(noise.covariance) == 1 else largest_correlation(noise.covariance)


def unclipped(values: NDArray[np.float64], channels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which patches (N, C, P) keep clear of the values at which those of their channels (H, W, C) pile up."""
    kept = np.ones(len(values), dtype=bool)
    for c in range(channels.shape[2]):
        low, high = clipped_ends(channels[..., c])
        if np.isfinite([low, high]).any():
            mean, reach = values[:, c].mean(axis=1), _REACH * values[:, c].std(axis=1)
            kept &= (mean - reach > low) & (mean + reach < high)
    return kept


def _smoothest(texture: NDArray[np.float64], strata: list[NDArray[np.intp]], share: float) -> NDArray[np.intp]:
    """Return the patches (N,) with the least texture, as many from each range of brightness.

    The dark parts of a photograph are often both the smoothest and the least noisy.
    """
    share = min(1.0, max(share, _MIN_PATCHES / len(texture)))
    # Equal patches, as compression makes them, count or not together, whatever rounding does to their texture.
    return np.concatenate([s[texture[s] <= (1 + _ROUNDING) * np.quantile(texture[s], share)] for s in strata if len(s)])
