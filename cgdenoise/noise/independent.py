"""Coarse noise that each channel has of its own, told from texture, which the channels share, by what their differences leave."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgdenoise.noise.correlation import (
    BLOCK,
    FINE,
    FLAT,
    LESS_FLAT,
    NoiseCorrelation,
    block_spectra,
    correlation_length,
    covariance_of_power,
    flattest,
    without_shading,
)
from cgdenoise.noise.mosaic import interpolated_noise

Array = NDArray[np.float64]

# What each number was on photographs with filtered and demosaiced noise, on others, and on crops of cameras' pairs is in
# `benchmarks/NOTES.md`, "Noise of the channels' own".

_LOW = 0.02
"""Quantile of the blocks' power that is compared with the noise, and with the median. By hand; 0.01 to 0.1 tell as much."""

_ALONE, _LITTLE = 1.05, 2.0
"""Power of the channels' common axis in its quietest blocks, over that along the others, at middle frequencies. Up to the first
these blocks have no more than the channels' own noise: 0.55 to 0.99 on most photographs with filtered or demosaiced noise of
15/255; 1.18 to 4000 on 54 crops of cameras and a telephone, whose channels share noise. Up to the second that is little: 2.4 and
more if JPEG has made white noise coarse in the colours, or channels share a half of it."""

_FLOORS = (0.35, 0.22)
"""The same power over that of the median block, and the same of the luminance at the finest frequencies, from which it is noise,
which leaves no block out: 0.53 to 0.57 if channels share it (a flat picture), 0.38 to 0.48 if JPEG left it in the luminance. Of
texture all over a picture it was 0.17 to 0.30, and 0.03 to 0.17."""

_SIMILAR, _EQUAL = 1.6, 1.2
"""Level along the loudest of the other axes over that along the quietest up to which it is noise of the channels: 1.28 to 1.6
where a mosaic was interpolated, up to 1.2 after a filter. It was 1.2 to 3.8 for most photographs without noise."""

_EVEN = 1.2
"""Power along the quietest axis in less flat blocks over that in the flattest up to which it is no texture."""

_FALL = 5.0
"""Level at middle frequencies over that at the finest: 5 to 12 after a filter of 0.7 pixels, 17 and more after one of 1."""

_FASTER = (1.1, 0.85)
"""Fall of the level from middle to high frequencies, over that from low to middle ones, and from there to the highest over that
(logarithms). One of them is above it after a linear filter (a Gaussian of 0.7 pixels: 1.5 and 1.1); a camera's noise falls less
and less, to what rounding leaves."""

_NONE = 1e-9
"""Power, in that of another, that is next to none: rounding leaves so much of equal channels."""

_HIGHEST = np.maximum(*np.indices((BLOCK, BLOCK)))
_QUARTER = np.where(FINE, 4, np.where(_HIGHEST > 0, _HIGHEST // (BLOCK // 4), -1))
_BANDS = tuple(np.equal(_QUARTER, number) for number in range(5))
_MIDDLE, _TELLING = 1, (1, 2)


@dataclass(frozen=True)
class _Own:
    """What the axes of the channels without texture show.

    Attributes
    ----------
    power : (16, 16) array
        Of each coefficient, mean over these axes.
    levels : (5,) array
        Root of the power in each band.
    quietest : (5,) array
        Power along the quietest axis in each band.
    common : (5, C) array
        The axis that is left in each band.
    ratio, growth : float
        At middle frequencies: level along the loudest over that along the quietest; power along the quietest in less flat blocks
        over that in the flattest.
    """

    power: Array
    levels: Array
    quietest: Array
    common: Array
    ratio: float
    growth: float

    @property
    def is_filtered(self) -> bool:
        """Whether it is what a linear filter leaves of white noise: alike along all axes and everywhere, falling ever faster."""
        falls = -np.diff(np.log(self.levels))
        faster = falls[1] > _FASTER[0] * falls[0] or falls[2] > _FASTER[1] * falls[1]
        return bool(self.ratio <= _EQUAL and self.growth <= _EVEN and faster)

    def variance_of(self, power: Array) -> float:
        """Return how many times as strong the noise is as one of a power (C, 16, 16), by the band with least texture."""
        ratios = []
        for number in _TELLING:
            rest = np.eye(len(power)) - np.outer(self.common[number], self.common[number])
            quietest = np.linalg.eigvalsh(rest @ np.diag(power[:, _BANDS[number]].mean(axis=1)) @ rest)[1]
            ratios.append(self.quietest[number] / quietest)
        return float(min(ratios))


def independent_noise(image: NDArray[np.floating], found: NoiseCorrelation) -> NoiseCorrelation | None:
    """Measure coarse noise that each channel has of its own, however fine the texture below it.

    Texture is nearly of one colour: in the flattest blocks, in each band of frequencies, it lies along one axis of the channels.
    Along the others there is noise alone. That is all the noise there is if some blocks have no more along the first axis. Where
    texture is all over the picture, it has to be what a linear filter makes of white noise; and if there is much along the first
    axis, that has to leave some blocks nearly without, as noise would not. Of a picture that was interpolated from a mosaic, in
    which each channel was recorded elsewhere, all but the level is known.

    Parameters
    ----------
    image : (H, W, C) real array
        In any unit; NaN where missing.
    found : NoiseCorrelation
        What `noise_correlation` tells of it.

    Returns
    -------
    NoiseCorrelation or None
        `found` with what was measured, `is_own`. None for any other noise, fewer than three channels, or too few blocks.
    """
    spectra = block_spectra(image) if image.shape[2] >= 3 else None
    own = None if spectra is None else _own(spectra)
    if spectra is None or own is None or own.levels[_MIDDLE] < _FALL * own.levels[-1]:
        return None
    mosaic = None if found.is_white else interpolated_noise(image)
    if mosaic is not None:
        power = own.variance_of(mosaic) * mosaic.mean(axis=0)
    elif _is_alone(own, spectra, found):
        power = without_shading(own.power)
    else:
        return None
    covariance = covariance_of_power(power)
    autocorrelation = covariance / covariance[0, 0]
    length, sigma = correlation_length(autocorrelation), float(np.sqrt(covariance[0, 0]))
    return replace(found, sigma=sigma, length=length, autocorrelation=autocorrelation, is_white=False, is_own=True)


def _is_alone(own: _Own, spectra: Array, found: NoiseCorrelation) -> bool:
    """Tell whether it is noise, and the channels share no other, by the common axis in blocks (N, C, 16, 16)."""
    common = np.square(np.tensordot(own.common[_MIDDLE], spectra, (0, 1))[:, _BANDS[_MIDDLE]]).mean(axis=1)
    above = np.quantile(common, _LOW) / own.levels[_MIDDLE] ** 2
    if not found.is_white and above <= _ALONE and own.ratio <= _SIMILAR:
        return True
    fine = np.square(spectra.mean(axis=1)[:, FINE]).mean(axis=1)
    leaves_blocks_out = above <= _LITTLE or all(
        np.quantile(power, _LOW) < floor * np.median(power) for power, floor in zip((common, fine), _FLOORS, strict=True)
    )
    return own.is_filtered and bool(leaves_blocks_out)


def _own(spectra: Array) -> _Own | None:
    """Measure what is along the axes without texture, in blocks (N, C, 16, 16); None if that is nothing."""
    flat, less_flat = (_covariances(spectra, share) for share in (FLAT, LESS_FLAT))
    power, by_band = np.zeros((BLOCK, BLOCK)), []
    for band in _BANDS:
        powers, axes = np.linalg.eigh(flat[band].mean(axis=0))
        if powers[0] <= _NONE * powers[-1]:
            return None
        others = axes[:, :-1]
        power[band] = np.einsum("kab,ad,bd->k", flat[band], others, others) / others.shape[1]
        by_band.append((powers, axes))
    powers, axes = by_band[_MIDDLE]
    growth = axes[:, 0] @ less_flat[_BANDS[_MIDDLE]].mean(axis=0) @ axes[:, 0] / powers[0]
    return _Own(
        power,
        levels=np.sqrt([powers[:-1].mean() for powers, _ in by_band]),
        quietest=np.array([powers[0] for powers, _ in by_band]),
        common=np.stack([axes[:, -1] for _, axes in by_band]),
        ratio=float(np.sqrt(powers[-2] / powers[0])),
        growth=float(growth),
    )


def _covariances(spectra: Array, share: float) -> Array:
    """Return the covariance between channels (16, 16, C, C) at each frequency, in a share of the blocks (N, C, 16, 16).

    Those are the blocks whose channels differ least.
    """
    differences = np.square(np.diff(spectra, axis=1)).mean(axis=1)
    covariances = np.zeros((BLOCK, BLOCK, spectra.shape[1], spectra.shape[1]))
    for measured, flat in flattest(differences, share):
        chosen = spectra[flat]
        covariances[measured] = (np.einsum("nauv,nbuv->uvab", chosen, chosen) / len(flat))[measured]
    return covariances
