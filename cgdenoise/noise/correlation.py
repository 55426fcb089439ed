"""How the noise of an image is correlated from pixel to pixel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from cgdenoise.noise.estimate import PatchNoise, largest_correlation, patch_noise, unclipped
from cgdenoise.noise.quiet import quietest_level

# A value without another origin was chosen by hand; what half and twice of it do is in `benchmarks/NOTES.md`, "Constants of noise
# estimation".

BLOCK = 16
"""Side of the blocks in pixels; distances up to half of it are measured. Not measured with others."""

FLAT, LESS_FLAT = 0.05, 0.2
"""Shares of the blocks, those with the least power at low frequencies, that `excess` is measured in and `growth` compares."""

MIN_BLOCKS = 60
"""Blocks that count at least, however small their share."""

_MAX_BLOCKS = 16_000
"""Blocks at most, of all channels together, for the memory: 33 MB. Larger images are sampled at a wider stride."""

_WHITE = 12.0
"""`excess` from which noise is not called white. It was 15 and more in 40 photographs of correlated noise. Texture with white
noise of 5/255 or more made up to 6 on 30 photographs, and up to 10 in those without noise that `growth` does not tell."""

_WHITE_TOLD = 7.0
"""The same where the user says that the noise is correlated, and of which level: above what white noise leaves of texture. Two
fine textures with filtered noise had 7.4 to 11.1; told the level they gain 2.7 to 5.6 dB, with one by held-out pixels they lose 2
to 5."""

_EVEN = 1.6
"""`growth` up to which power is noise rather than texture. It was 1.0 to 1.3 for filtered noise of 30/255 and 1.0 to 1.5 in five
photographs of correlated noise; 2.4 in the middle for photographs that are nearly clean."""

_EVERYWHERE = 2.8
"""`least` from which the excess is noise however it grows: texture leaves quiet places. With an excess above `_WHITE` and such a
growth it was 2.85 to 4.3 for four photographs with correlated noise; 0 to 2.7 for 21 of 23 clean ones, 3.3 and 3.8 for two means
of a camera's shots, which have some of its noise left."""

_EVIDENT, _EVIDENT_GROWTH, _EVIDENT_LEAST = 40.0, (0.8, 1.3), 2.3
"""`excess`, `growth` and `least` from which noise is beyond doubt. Of 15 cameras' pictures and their quarters 38 have that. Of
780 windows of 192² and 256² of clean photographs those that have it are of a camera's noisy picture (retina), or above 3.5 %
of the range (`benchmarks/NOTES.md`, "Coarse noise beyond doubt")."""

_NEGLIGIBLE = 0.1
"""Autocorrelation below which pixels count as independent; by hand, and not measured: it defines the correlation length."""

_U, _V = np.indices((BLOCK, BLOCK))
_MIDDLE = (np.maximum(_U, _V) >= BLOCK // 4) & (np.maximum(_U, _V) < BLOCK // 2)
FINE = np.minimum(_U, _V) >= 3 * BLOCK // 4


@dataclass(frozen=True)
class NoiseCorrelation:
    """What is known of the autocorrelation of the noise in an image, the mean over its channels.

    Attributes
    ----------
    sigma : float
        Standard deviation of the noise at all frequencies, in the image's unit. That of correlated noise is a rough figure,
        within a fifth for strong noise and up to a half too large for weak: nothing tells its low frequencies from shading.
    length : int
        Smallest distance along the axes, in pixels, at which the autocorrelation is below 0.1; 0 for white noise.
    autocorrelation : (8, 8) array of float64
        At distances of 0 to 7 pixels down and across; 1 at (0, 0).
    excess : float
        Power at middle frequencies over that at the finest, in the flattest places; 1 for white noise without texture.
    error : float
        Standard error of `excess` by its scatter over the image; infinite where nothing could be measured.
    growth : float
        Power at middle frequencies in the flattest fifth of the image over that in the flattest twentieth: noise is the same
        everywhere, texture is not.
    least : float
        Level of the quietest tenth of the image over that of white noise of the power at the finest frequencies: coarse noise is
        in quiet places, too.
    is_white : bool
        Whether texture may account for the excess, because that is low, or because it grows and leaves quiet places: the noise is
        taken as white until it shows otherwise.
    is_own : bool
        Whether it is known to be each channel's own: see `independent_noise`.
    is_evident : bool
        Whether the excess is so high and so even that no texture accounts for it, but one that fills the image.
    """

    sigma: float
    length: int
    autocorrelation: NDArray[np.float64]
    excess: float
    error: float
    growth: float
    least: float
    is_white: bool
    is_own: bool = False
    is_evident: bool = False

    @property
    def next_pixel(self) -> float:
        """Autocorrelation at a distance of one pixel, the mean of down and across."""
        return float(self.autocorrelation[0, 1] + self.autocorrelation[1, 0]) / 2

    @property
    def evidence(self) -> str:
        """What tells that it is correlated, a part of a sentence."""
        if self.is_own:
            return "each channel has coarse noise of its own, as their differences show"
        return f"{self.excess:.1f} times the power at middle frequencies that white noise has"


def noise_correlation(
    image: NDArray[np.floating], noise: PatchNoise | None = None, *, told: bool = False, level_told: bool = False
) -> NoiseCorrelation:
    """Estimate the autocorrelation of the noise from the flattest blocks of an image.

    The power spectrum of white noise is the same everywhere, also on texture, where it is what remains at the finest
    frequencies. Noise that was filtered, demosaiced or compressed has little left there. So the test is the ratio of the
    power at middle frequencies to that at the finest diagonal ones, in the 16×16 blocks with the least power at low ones;
    there texture is weak, and its part at middle frequencies weaker. Blocks are transformed by the DCT, in which both noise
    and texture are nearly uncorrelated (Ahmed, Natarajan & Rao, IEEE Trans. Computers 1974). Every coefficient is measured
    in blocks that were chosen by others, those of the opposite parity: the choice then takes away texture but no noise.

    The power at middle frequencies must also be nearly the same in less flat blocks, else it is texture; unless even the quietest
    parts of the image are far above the power at the finest frequencies. Noise that depends on the brightness grows, too.

    Channels with noise of their own are tested by their differences, in which texture mostly cancels. Coarse noise below
    white noise, stripes and other periodic patterns are not told from the image. Mild compression of strong noise is white,
    and correlated noise that is weak beside the texture may pass for white.

    Parameters
    ----------
    image : (H, W) or (H, W, C) real array
        In any unit. NaN marks missing pixels; blocks that touch one are left out.
    noise : PatchNoise, optional
        What `patch_noise` gives of the image, if that was measured already.
    told : bool
        The noise is known to be correlated: an excess is taken for noise although it grows as texture does.
    level_told : bool
        Its level is known, too: less of an excess is enough, as texture cannot raise the level.

    Returns
    -------
    NoiseCorrelation
        White with an infinite error where the image is too small to hold enough blocks.

    Raises
    ------
    ImageError
        If the array has not 2 or 3 axes.
    """
    noise = noise or patch_noise(image)
    spectra = block_spectra(image)
    if spectra is None:
        return _white(noise.sigma, 1.0, np.inf, 1.0, 1.0)
    contrasts = _contrasts(spectra, noise)
    flat, less_flat = flat_spectra(contrasts, FLAT), flat_spectra(contrasts, LESS_FLAT)
    excess, error = _excess(flat)
    flattest = flat[:, _MIDDLE].mean()
    growth = float(less_flat[:, _MIDDLE].mean() / flattest) if flattest > 0 else 1.0
    quietest = quietest_level((image[..., None] if image.ndim == 2 else image).astype(np.float64), 0.1)
    least = quietest / noise.sigma if noise.sigma > 0 else 0.0
    if excess < (_WHITE_TOLD if told and level_told else _WHITE) or (not told and growth > _EVEN and least < _EVERYWHERE):
        return _white(noise.sigma, excess, error, growth, least)
    power = without_shading(np.mean(flat_spectra(np.square(spectra).mean(axis=1), FLAT), axis=0))
    covariance = covariance_of_power(power)
    autocorrelation = covariance / covariance[0, 0]
    length = correlation_length(autocorrelation)
    evident = excess >= _EVIDENT and _EVIDENT_GROWTH[0] <= growth <= _EVIDENT_GROWTH[1] and least >= _EVIDENT_LEAST
    sigma = float(np.sqrt(covariance[0, 0]))
    return NoiseCorrelation(sigma, length, autocorrelation, excess, error, growth, least, False, is_evident=evident)


def correlation_length(autocorrelation: NDArray[np.float64]) -> int:
    """Return the least distance along the axes at which an autocorrelation, by distance down and across, is negligible."""
    below = (autocorrelation[0] + autocorrelation[:, 0]) / 2 < _NEGLIGIBLE
    return int(np.argmax(below)) if below.any() else len(below)


def correlation_area(autocorrelation: NDArray[np.float64]) -> float:
    """Return the sum of the squared autocorrelation over all lags, from that at the lags down and across."""
    weights = np.where(np.arange(len(autocorrelation)) == 0, 1, 2)
    return max(1.0, float((np.square(autocorrelation) * weights[:, None] * weights).sum()))


def power_spectrum(autocorrelation: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the power that noise has in each coefficient of the DCT of a whole image (Wiener-Khinchin).

    Parameters
    ----------
    autocorrelation : (K, L) array
        At distances of 0 to K - 1 pixels down and 0 to L - 1 across, 1 at (0, 0). It is taken as even in each direction.
    shape : tuple of int
        (H, W).

    Returns
    -------
    (H, W) array
        Not negative; 1 everywhere for white noise. The lags fade out (by a Hann window): an abrupt end would ripple.
    """
    spectra = autocorrelation
    for axis, length in enumerate(shape):
        lags = np.arange(autocorrelation.shape[axis])
        fading = np.where(lags == 0, 1, 2) * np.cos(np.pi * lags / (2 * len(lags))) ** 2
        waves = np.cos(np.pi * np.outer(np.arange(length), lags) / length)
        spectra = np.moveaxis(np.tensordot(fading * waves, spectra, (1, axis)), 0, axis)
    return np.maximum(spectra, 0)


def without_shading(power: NDArray[np.float64], frequencies: int = 1) -> NDArray[np.float64]:
    """Return a power spectrum (16, 16) whose lowest coefficients, which shading is mostly in, are no more than those beside.

    With one frequency these are the neighbours on the diagonal, with more the mean of all at the next.
    """
    power = power.copy()
    if frequencies > 1:
        highest = np.maximum(_U, _V)
        low = highest < frequencies
        power[low] = np.minimum(power[low], power[highest == frequencies].mean())
        power[0, 0] = power[highest == frequencies].mean()
        return power
    power[0, 1] = min(power[0, 1], power[1, 1])
    power[1, 0] = min(power[1, 0], power[1, 1])
    power[0, 0] = (power[0, 1] + power[1, 0]) / 2
    return power


def _white(sigma: float, excess: float, error: float, growth: float, least: float) -> NoiseCorrelation:
    autocorrelation = np.zeros((BLOCK // 2, BLOCK // 2))
    autocorrelation[0, 0] = 1
    return NoiseCorrelation(sigma, 0, autocorrelation, excess, error, growth, least, True)


def block_spectra(image: NDArray[np.floating]) -> NDArray[np.float64] | None:
    """Return DCT coefficients of blocks, (N, C, 16, 16), in the order of their places; None for too few blocks."""
    channels = (image[..., None] if image.ndim == 2 else image).astype(np.float64)
    if min(channels.shape[:2]) < BLOCK:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(channels, (BLOCK, BLOCK), axis=(0, 1))
    stride = max(BLOCK // 4, int(np.ceil(np.sqrt(np.prod(windows.shape[:3], dtype=float) / _MAX_BLOCKS))))
    blocks = windows[::stride, ::stride].reshape(-1, channels.shape[2], BLOCK, BLOCK)
    blocks = blocks[np.isfinite(blocks).all(axis=(1, 2, 3))]
    kept = unclipped(blocks.reshape(*blocks.shape[:2], -1), channels) if len(blocks) else np.zeros(0, dtype=bool)
    # Clipped blocks are better than none.
    blocks = blocks[kept] if kept.sum() >= MIN_BLOCKS / FLAT else blocks
    if len(blocks) < MIN_BLOCKS:
        return None
    spectra: NDArray[np.float64] = dctn(blocks, axes=(2, 3), norm="ortho")
    return spectra


def _contrasts(spectra: NDArray[np.float64], noise: PatchNoise) -> NDArray[np.float64]:
    """Return the power (N, 16, 16) of the differences of neighbouring channels, or of the channels if those share noise."""
    own = largest_correlation(noise.covariance) < 1 / 3
    parts = np.diff(spectra, axis=1) if own and spectra.shape[1] > 1 else spectra
    power: NDArray[np.float64] = np.square(parts).mean(axis=1)
    return power


def flat_spectra(power: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Return the power (K, 16, 16) of the flattest share of the blocks (N, 16, 16), in the order of their places."""
    halves = [np.where(measured, power[flat], 0.0) for measured, flat in flattest(power, share)]
    return halves[0] + halves[1]


def flattest(power: NDArray[np.float64], share: float) -> list[tuple[NDArray[np.bool_], NDArray[np.intp]]]:
    """Return each half of the coefficients (16, 16), and which of the blocks (N, 16, 16) have least power in the other."""
    odd = (_U + _V) % 2 == 1
    low = (np.maximum(_U, _V) < BLOCK // 4) & (_U + _V > 0)
    count = min(len(power), max(MIN_BLOCKS, round(share * len(power))))
    halves = []
    for measured in (odd, ~odd):
        texture = power[:, low & ~measured].sum(axis=1)
        halves.append((measured, np.sort(np.argsort(texture, kind="stable")[:count])))
    return halves


def _excess(power: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ratio of power at middle to that at the finest frequencies over blocks (K, 16, 16), and its standard error."""
    middle, fine = power[:, _MIDDLE].mean(axis=1), power[:, FINE].mean(axis=1)
    if not fine.sum() > 1e-12 * middle.sum():
        return (np.inf, np.inf) if middle.sum() > 0 else (1.0, np.inf)
    excess = middle.sum() / fine.sum()
    # Blocks overlap, so only sums over neighbours scatter independently.
    groups = np.array_split(middle - excess * fine, 8)
    scatter = np.sqrt(np.sum([np.square(g.sum()) for g in groups]))
    return float(excess), float(scatter / fine.sum())


def covariance_of_power(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariance (8, 8) at distances of 0 to 7 of what has a DCT's power (16, 16) (Wiener-Khinchin).

    Coefficient u stands for frequencies around pi u / 16; the last one also for the half interval up to pi.
    """
    to_pi = np.pad(power, (0, 1), mode="edge")
    half = slice(BLOCK // 2)
    covariance: NDArray[np.float64] = dctn(to_pi, type=1)[half, half] / (2 * BLOCK) ** 2
    return covariance
