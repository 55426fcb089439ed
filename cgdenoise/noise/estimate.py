"""Estimating the noise level of a single image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError
from cgdenoise.noise.clipping import clipped_ends

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

_OWN_NOISE = 0.01
"""Share of σ by which it may be wrong on any photograph, which has some noise before any is added. By hand, not measured."""


@dataclass(frozen=True)
class Patches:
    """Patches of an image: `values` (N, C, P) float64, and the `cell` (N,) of a grid over the image that each lies in."""

    values: NDArray[np.float64]
    cell: NDArray[np.intp]


@dataclass(frozen=True)
class Moments:
    """Sums of products of the noise in C channels, `products` (K, C, C), by the cell of the image, from `counts` (K,) values."""

    products: NDArray[np.float64]
    counts: NDArray[np.float64]

    @property
    def covariance(self) -> NDArray[np.float64]:
        """(C, C); of all cells together."""
        mean: NDArray[np.float64] = self.products.sum(0) / self.counts.sum()
        return mean


def estimate_sigma(image: NDArray[np.floating]) -> float:
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
    moments = level_moments(image)
    return 0.0 if moments is None else float(np.sqrt(moments.covariance.mean()))


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
    smooth, everywhere = level_moments(image), level_moments(image, 1.0)
    if smooth is None or everywhere is None:
        return 0.0, np.inf
    sigma = float(np.sqrt(smooth.covariance.mean()))
    texture = max(float(np.sqrt(everywhere.covariance.mean())) - sigma, 0.0) / 2
    return sigma, float(np.linalg.norm([_jackknife(smooth), texture, _OWN_NOISE * sigma]))


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
    height, width, count = channels.shape
    size = _PATCH if min(height, width) >= 4 * _PATCH else _SMALL_PATCH
    if min(height, width) < 2 * size or count == 0:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(channels, (size, size), axis=(0, 1))
    # A fixed stride that bounds the memory: the estimate needs no more, and must not depend on a seed.
    stride = max(1, int(np.ceil(np.sqrt(np.prod(windows.shape, dtype=float) / _MAX_VALUES))))
    windows = windows[::stride, ::stride]
    rows, columns = windows.shape[:2]
    cell = (np.arange(rows) * _CELLS // rows)[:, None] * _CELLS + np.arange(columns) * _CELLS // columns
    values = windows.reshape(rows * columns, count, size * size)
    finite = np.isfinite(values).all(axis=(1, 2))
    values, cell = values[finite], cell.ravel()[finite]
    if len(values) < 2 * size * size:
        return None
    kept = unclipped(values, channels)
    if kept.sum() >= min(_MIN_PATCHES, len(values)):
        values, cell = values[kept], cell[kept]
    return Patches(values, cell)


def noise_moments(patches: Patches, smooth: float = _SMOOTH) -> Moments:
    """Measure the products of the channels' noise in the quietest directions of the smoothest patches.

    Parameters
    ----------
    patches : Patches
        Of N patches with C channels and P pixels. The directions are of the P pixels, the same in all channels.
    smooth : float
        Share of the patches that count, (0, 1].

    Returns
    -------
    Moments
        Divided by their counts the expected products of white noise are its covariance between channels.
    """
    values, cell = patches.values, patches.cell
    _, channels, pixels = values.shape
    quiet = max(1, round(_QUIET * pixels))
    products, counts = np.zeros((_CELLS**2, channels, channels)), np.zeros(_CELLS**2)
    # A chequerboard of cells: both halves hold parts from all over the image.
    half = (cell // _CELLS + cell) % 2 == 1
    for learn, measure in [(half, ~half), (~half, half)] if half.any() and not half.all() else [(half | True, half | True)]:
        deviations = values[learn] - values[learn].mean(axis=0)
        _, axes = np.linalg.eigh(np.tensordot(deviations, deviations, axes=((0, 1), (0, 1))))
        z = values[measure] @ axes
        z -= z.mean(axis=0)
        # The last direction is the brightness, by and large: a smooth patch may be bright.
        texture = np.square(z[..., quiet:-1]).sum(axis=(1, 2))
        chosen = _smoothest(texture, values[measure].mean(axis=(1, 2)), smooth)
        noise, where = z[chosen, :, :quiet], cell[measure][chosen]
        for k in np.unique(where):
            part = noise[where == k]
            products[k] += np.tensordot(part, part, axes=((0, 2), (0, 2)))
            counts[k] += len(part) * quiet
    return Moments(products, counts)


def level_moments(image: NDArray[np.floating], smooth: float = _SMOOTH) -> Moments | None:
    """Measure the mean variance of the noise over the channels, as `estimate_sigma` describes it.

    Parameters
    ----------
    image : (H, W) or (H, W, C) real array
        In any unit.
    smooth : float
        Share of the patches that count, (0, 1].

    Returns
    -------
    Moments or None
        With products (K, 1, 1): the covariance is σ², the mean over the channels. None if there are too few patches.

    Raises
    ------
    ImageError
        If the array has not 2 or 3 axes.
    """
    patches = sample_patches(image)
    if patches is None:
        return None
    separate = noise_moments(patches).covariance
    variances = np.diag(separate)
    count = len(variances)
    if count == 1:
        return noise_moments(patches, smooth)
    if largest_correlation(separate) >= _CORRELATED or variances.min() <= 1e-12 * variances.max():
        # One by one, also since each is clipped at places of its own.
        single = [level_moments(image[..., c], smooth) for c in range(count)]
        return _average([(1.0, moments) for moments in single if moments is not None])
    groups = [patches.values[:, group] for group in np.array_split(np.arange(count), -(-count // _JOINT))]
    joint = []
    for values, levels in zip(groups, np.array_split(np.sqrt(variances), len(groups)), strict=True):
        # At one level, since otherwise the quietest directions would be those of the quietest channel.
        whitened = (values / levels[:, None]).reshape(len(values), 1, -1)
        moments = noise_moments(Patches(whitened, patches.cell), smooth)
        joint.append((float(len(levels)), Moments(moments.products * np.mean(levels**2), moments.counts)))
    return _average(joint)


def largest_correlation(covariance: NDArray[np.floating]) -> float:
    """Return the largest correlation of two channels by its size, 0 to 1, from their covariance (C, C); 0 for one channel."""
    scale = np.sqrt(np.diag(covariance))
    scale = np.where(scale > 1e-6 * scale.max(initial=0), scale, np.inf)
    return float(np.abs(np.triu(covariance / np.outer(scale, scale), 1)).max(initial=0))


def unclipped(values: NDArray[np.float64], channels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which patches (N, C, P) keep clear of the values at which those of their channels (H, W, C) pile up."""
    kept = np.ones(len(values), dtype=bool)
    mean, reach = values.mean(axis=2), _REACH * values.std(axis=2)
    for c in range(channels.shape[2]):
        low, high = clipped_ends(channels[..., c])
        kept &= (mean[:, c] - reach[:, c] > low) & (mean[:, c] + reach[:, c] < high)
    return kept


def _average(parts: list[tuple[float, Moments]]) -> Moments:
    """Return moments whose covariance is the weighted mean of those of the parts, however many values each has."""
    total = sum(weight for weight, _ in parts)
    shares = [weight / total / moments.counts.sum() for weight, moments in parts]
    products = [share * moments.products for share, (_, moments) in zip(shares, parts, strict=True)]
    counts = [share * moments.counts for share, (_, moments) in zip(shares, parts, strict=True)]
    return Moments(np.sum(products, axis=0), np.sum(counts, axis=0))


def _smoothest(texture: NDArray[np.float64], brightness: NDArray[np.float64], share: float) -> NDArray[np.intp]:
    """Return the patches (N,) with the least texture, as many from each range of brightness.

    The dark parts of a photograph are often both the smoothest and the least noisy.
    """
    share = min(1.0, max(share, _MIN_PATCHES / len(texture)))
    strata = np.array_split(np.argsort(brightness, kind="stable"), _STRATA)
    return np.concatenate([s[texture[s] <= np.quantile(texture[s], share)] for s in strata if len(s)])


def _jackknife(moments: Moments) -> float:
    """Return the delete-one jackknife's standard error of σ over the cells that hold any of the moments (K, 1, 1)."""
    used = moments.counts > 0
    products, counts = moments.products[used, 0, 0], moments.counts[used]
    if len(counts) < 2:
        return np.inf
    without = np.sqrt((products.sum() - products) / (counts.sum() - counts))
    return float(np.sqrt((len(counts) - 1) * without.var()))
