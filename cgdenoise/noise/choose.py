"""From an image to the model of its noise: every estimate with its uncertainty, and the choice with its reasons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgdenoise.noise.clipping import clipped_share
from cgdenoise.noise.correlation import NoiseCorrelation, noise_correlation
from cgdenoise.noise.covariance import channel_covariance, common_noise
from cgdenoise.noise.estimate import largest_correlation, sigma_with_uncertainty
from cgdenoise.noise.impulse import Impulses, find_impulses
from cgdenoise.noise.missing import sigma_from_differences
from cgdenoise.noise.model import NoiseKind, NoiseModel
from cgdenoise.noise.poisson import PoissonGaussian, estimate_poisson_gaussian
from cgdenoise.noise.quiet import quietest_level, rounding_level

Array = NDArray[np.float64]

_WEAK = 0.02
"""Noise below this part of the image's range is not stabilised: texture passes for its growth with brightness."""

_MANY_MISSING = 0.02
"""Share of missing values from which patches without any are too few, and not a fair sample."""

TEXTURE = 0.035
"""Part of the range below which noise may be texture; among missing values it is taken for that, and the others are kept. Clean
photographs, fine texture among them, gave up to that much, with noise of 4 % of the range 0.038 and more (19 pictures)."""

_UNCERTAIN = 0.2
"""Standard error of the level, relative to it, from which nothing is said of how channels share the noise."""

_CONTRADICTED = 1.6
"""Level over that of the quietest windows from which it is not the noise's. It was 0.2 to 1.5 on 33 photographs with real noise
called Gaussian or correlated and on 30 with white noise; 1.4 to 11 on text, plots and codes, clean or with noise of 15/255."""

MOSTLY_CLIPPED = 0.25
"""Share of clipped values from which the patches without any are no fair sample: they are the edges of ink, or stars.
Noise may hide all over such print."""

_OF_QUIETEST = 0.1
"""Standard error of the level of the quietest windows, relative to it."""

_ENOUGH_PIXELS = 128**2
"""Pixels from which an image has flat places enough to tell coarse noise from texture. Below, noise is white unless said."""


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
    """

    sigma: float
    sigma_error: float
    covariance: Array
    poisson: PoissonGaussian
    correlation: NoiseCorrelation
    impulses: Impulses


def examine(values: Array, offset: float = 0.0) -> NoiseReport:
    """Estimate everything.

    Parameters
    ----------
    values : (H, W, C) array
        NaN where missing.
    offset : float
        Value of a pixel that has received no light.
    """
    impulses = find_impulses(values)
    rest = np.where(impulses.mask, np.nan, values)
    sigma, error = _level(rest)
    poisson = estimate_poisson_gaussian(rest, offset=offset)
    return NoiseReport(sigma, error, channel_covariance(rest), poisson, noise_correlation(rest), impulses)


def choose(
    values: Array,
    kind: NoiseKind = NoiseKind.AUTO,
    *,
    sigma: float | None = None,
    gain: float | None = None,
    offset: float = 0.0,
) -> NoiseModel:
    """Choose the model of an image's noise, from the image and from what the user knows.

    Parameters
    ----------
    values : (H, W, C) array
        NaN where missing; not constant.
    kind : NoiseKind
        What the user knows of it.
    sigma : float, optional
        Standard deviation, if known; with a Poisson model that of the Gaussian part.
    gain : float, optional
        Poisson gain, if known: what one count adds to a value.
    offset : float
        Value of a pixel that has received no light; for Poisson models.
    """
    impulses = find_impulses(values) if kind in (NoiseKind.AUTO, NoiseKind.IMPULSE) else None
    mask = np.zeros(values.shape, dtype=bool) if impulses is None else impulses.mask
    rest = np.where(mask, np.nan, values)
    span = float(np.nanmax(values) - np.nanmin(values))
    reasons = []
    if impulses is not None and impulses.present:
        reasons.append(f"impulses: {impulses.share:.1%} of the values have nothing to do with their neighbours")
    elif kind is NoiseKind.IMPULSE:
        reasons.append("impulses: none were found")
    correlation = noise_correlation(rest) if kind in (NoiseKind.AUTO, NoiseKind.CORRELATED) else None
    large = values.shape[0] * values.shape[1] >= _ENOUGH_PIXELS and clipped_share(rest) < MOSTLY_CLIPPED
    coarse = correlation is not None and ((large and not correlation.is_white) or kind is NoiseKind.CORRELATED)
    if kind in (NoiseKind.POISSON, NoiseKind.POISSON_GAUSSIAN) or (kind is NoiseKind.AUTO and sigma is None and not coarse):
        model = _signal_dependent(rest, kind, sigma, gain, offset, span, mask, reasons)
        if model is not None:
            return model
    level, error = (sigma, 0.0) if sigma is not None else _level(rest)
    if sigma is None:
        coarse, level, error = _believable(rest, correlation if coarse else None, level, error, reasons)
    if sigma is None and np.isnan(rest).mean() > _MANY_MISSING and level < TEXTURE * span:
        level = 0.0
        reasons.append("between the missing values the image is clean: they are filled, the others are kept")
    length, area = 0, 1.0
    if correlation is not None and coarse and level:
        length, area = correlation.length, _correlation_area(correlation.autocorrelation)
        level, error = (correlation.sigma, float("inf")) if sigma is None else (sigma, 0.0)
        ratio = f"{correlation.excess:.1f} times the power at middle frequencies that white noise has"
        reasons.append(f"correlated: {ratio}; independent from {max(length, 1)} pixels on")
    # Not where the level is uncertain or the noise coarse: texture, which channels share, is then a good part of what is seen.
    several = values.shape[2] > 1 and level > 0 and not length
    covariance = channel_covariance(rest) if several and not error > _UNCERTAIN * level else np.zeros((1, 1))
    shared = common_noise(covariance)
    if shared:
        covariance = covariance * (level**2 * len(covariance) / np.trace(covariance))
        reasons.append(f"shared between channels: their noise has a correlation of {largest_correlation(covariance):.2f}")
    if kind is NoiseKind.AUTO and not length and not reasons:
        reasons.append("white and Gaussian: the variance does not grow with brightness, and no neighbours share it")
    if sigma is not None:
        reasons.append("its level was given")
    elif level and np.isfinite(error):
        reasons.append(f"level within {error / level:.0%} (standard error)")
    found = NoiseKind.CORRELATED if length else NoiseKind.IMPULSE if mask.any() else NoiseKind.GAUSSIAN
    return NoiseModel(
        kind=found,
        sigma=level,
        impulses=mask,
        covariance=covariance if shared else None,
        correlation_length=length,
        correlation_area=area,
        reasons=tuple(reasons),
    )


def _signal_dependent(
    rest: Array,
    kind: NoiseKind,
    sigma: float | None,
    gain: float | None,
    offset: float,
    span: float,
    mask: NDArray[np.bool_],
    reasons: list[str],
) -> NoiseModel | None:
    """Return a Poisson model if the user says so or the image does."""
    found = estimate_poisson_gaussian(rest, offset=offset)
    used = found.gain if gain is None else gain
    read = 0.0 if kind is NoiseKind.POISSON or found.counts else found.sigma
    read = read if sigma is None else sigma
    light = float(np.nanmean(np.clip(rest - offset, 0, None)))
    level = float(np.sqrt(used * light + read**2))
    if kind is NoiseKind.AUTO and gain is None and not (found.is_signal_dependent and level > _WEAK * span):
        return None
    if not used:
        return None
    if gain is not None:
        reasons.append("Poisson: the gain was given")
    elif found.counts:
        reasons.append("Poisson: all values are whole numbers of counts, and their variance is that of counts")
    else:
        growth = f"the variance is {found.rise:.1f} times as large in bright parts as in dark ones"
        reasons.append(f"Poisson: {growth} (slope {found.evidence:.0f} standard errors)")
    return NoiseModel(
        kind=NoiseKind.POISSON_GAUSSIAN if read else NoiseKind.POISSON,
        sigma=level,
        impulses=mask,
        gain=used,
        offset=offset,
        read_sigma=read,
        reasons=tuple(reasons),
    )


def _believable(
    rest: Array, correlation: NoiseCorrelation | None, level: float, error: float, reasons: list[str]
) -> tuple[bool, float, float]:
    """Return whether the noise is coarse, its level if it is white, and the standard error of that.

    A level that the quietest parts of the image contradict is that of ink or of texture. One that is uncertain is taken at the
    lower end of what it may be, for what is left of weak noise harms less than what is lost of an image.
    """
    quietest = quietest_level(rest, 0.1)
    claimed = level if correlation is None else correlation.sigma
    contradicted = claimed > _CONTRADICTED * max(quietest, rounding_level(rest))
    uncertain = correlation is None and level > 0 and np.isfinite(error) and error > _UNCERTAIN * level
    by_light = (contradicted or uncertain) and _grows_with_light(rest)
    if contradicted and not by_light:
        quietest = quietest_level(rest, 0.05)
        if level > quietest:
            level, error = quietest, _OF_QUIETEST * quietest
        reasons.append("a tenth of the image is quieter than noise of the level of the rest would be: that has structure")
        return False, level, error
    if clipped_share(rest) > MOSTLY_CLIPPED:
        quietest = quietest_level(rest, 0.05)
        return False, quietest, _OF_QUIETEST * quietest
    if uncertain and not by_light:
        reasons.append(f"texture may pass for a part of the noise: a level of {max(level - error, 0) / level:.0%} is taken")
        return False, max(level - error, 0.0), error
    return correlation is not None, level, error


def _grows_with_light(rest: Array) -> bool:
    """Tell whether quiet parts are those with little light, as in microscope pictures, whatever offset was said."""
    return estimate_poisson_gaussian(rest, offset=float(np.nanpercentile(rest, 1))).is_signal_dependent


def _level(rest: Array) -> tuple[float, float]:
    """Return σ and its standard error."""
    if np.isnan(rest).mean() > _MANY_MISSING:
        return sigma_from_differences(rest), float("inf")
    return sigma_with_uncertainty(rest)


def _correlation_area(autocorrelation: Array) -> float:
    """Return the sum of the squared autocorrelation over all lags, from that at the lags down and across."""
    weights = np.where(np.arange(len(autocorrelation)) == 0, 1, 2)
    return max(1.0, float((np.square(autocorrelation) * weights[:, None] * weights).sum()))
