"""From an image to the model of its noise: the choice, with its reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgdenoise.noise.before_jpeg import find_stored_noise
from cgdenoise.noise.clipping import clipped_share
from cgdenoise.noise.coarse_stored import FINE, NEARLY_EXACT, coarse_before
from cgdenoise.noise.colour import coarse_colour
from cgdenoise.noise.correlation import NoiseCorrelation, noise_correlation
from cgdenoise.noise.covariance import common_noise, without_texture
from cgdenoise.noise.estimate import PatchNoise, largest_correlation, patch_noise, shared_by_channels
from cgdenoise.noise.impulse import Impulses, find_impulses
from cgdenoise.noise.independent import independent_noise
from cgdenoise.noise.missing import sigma_from_differences
from cgdenoise.noise.model import NoiseKind, NoiseModel
from cgdenoise.noise.pedestal import estimate_from_darkest, find_poisson_gaussian, model_of_counts
from cgdenoise.noise.quiet import quietest_level, quietest_of_coarse, rounding_level

Array = NDArray[np.float64]

_MANY_MISSING = 0.02
"""Share of missing values from which patches without any are too few, and not a fair sample. With 2 % missing the level by
patches is right within 3 %, with 4 % within 6, with 8 % it is 15 to 24 % too high (three photographs)."""

TEXTURE = 0.035
"""Part of the range below which noise may be texture; among missing values it is taken for that, and the others are kept. Clean
photographs, fine texture among them, gave up to that much, with noise of 4 % of the range 0.038 and more (19 pictures)."""

_STRONG_EXCESS, _STRONG_GROWTH = 30.0, 1.15
"""`excess` below which, and `growth` above which, coarse noise that is stronger than `TEXTURE` is texture. Of 115 pictures of
cameras and telephones and their quarters none has that; Kodak 13 and three quarters of it have, and lost 10 dB and more. So has
filtered noise of 10 of 255, if channels share it, on five of ten pictures: it then counts as white (`benchmarks/NOTES.md`,
"Coarse noise beyond doubt")."""

_UNCERTAIN = 0.2
"""Standard error of the level, relative to it, from which the level is taken at its lower end, and nothing is said of how the
channels share the noise. By hand: half makes the levels of three photographs worse, off by up to 12 % instead of 5; twice changes
none of them."""

_CONTRADICTED = 1.6
"""Level over that of the quietest windows from which it is not the noise's. It was 0.2 to 1.5 on 33 photographs with real noise
called Gaussian or correlated and on 30 with white noise; 1.4 to 11 on text, plots and codes, clean or with noise of 15/255."""

_COARSE_CONTRADICTED, _EVIDENT_CONTRADICTED = 1.25, 1.5
"""The same for coarse noise, by what its quietest windows are expected to show: 0.5 to 1.22 in 143 of 152 crops of cameras,
telephones and microscopes that were called coarse; 1.34 to 3.4 in four, and in five a tenth is flat. In photographs without noise
1.28 to 2.3 in 6 of 14, 0.7 to 1.22 in the others (`benchmarks/NOTES.md`, "Correlated noise"). The second is for coarse noise
that is evident and weak: 1.33 for a whole picture of a camera, which was left as it was, 0.7 to 1.0 for its like; by hand."""

MOSTLY_CLIPPED = 0.25
"""Share of clipped values from which the patches without any are no fair sample: they are the edges of ink, or stars. Noise may
hide all over such print. By hand: with half of it the levels on thirty pictures of print and drawings are slightly better (off by
11 % in the mean instead of 13), with twice worse (17 %)."""

_OF_QUIETEST = 0.1
"""Standard error of the level of the quietest windows, relative to it: 0.09 to 0.10 over thirty pictures with noise of 5, 15 and
25 of 255 (`benchmarks/structured.py`)."""

_ENOUGH_PIXELS = 128**2
"""Pixels from which an image has flat places enough to tell coarse noise from texture. Below, noise is white unless said. By
hand: at 64², the texture of a photograph in its three flat blocks is called coarse noise (`tests/noise/test_choose.py`)."""


def choose(
    values: Array,
    kind: NoiseKind = NoiseKind.AUTO,
    *,
    sigma: float | None = None,
    gain: float | None = None,
    offset: float | None = None,
    zero: float = 0.0,
    fit_follows: bool = False,
    impulses: Impulses | None = None,
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
    offset : float or None
        Value of a pixel that has received no light, for Poisson models; None tries `zero` and the darkest values.
    zero : float
        What the user's unit calls 0.
    fit_follows : bool
        Whether a fit will tell the level of coarse noise, or that there is none: see `coarse_before`.
    impulses : Impulses, optional
        What `find_impulses` gives of the image, if that was asked already.
    """
    mask, reasons = _impulses(values, kind, impulses)
    may_be_stored = kind in (NoiseKind.AUTO, NoiseKind.GAUSSIAN) and sigma is None and gain is None and not mask.any()
    stored = find_stored_noise(values) if may_be_stored else None
    if stored is not None and (stored.is_white or stored.jpeg.quality < FINE):
        white = NoiseModel.of_stored(stored, mask)
        if kind is not NoiseKind.AUTO:
            return white
        return coarse_before(white, values, may_show=_tells_coarse(values, kind), fit_follows=fit_follows)
    model = _without_jpeg(values, mask, reasons, kind, sigma, gain, offset, zero)
    if stored is not None and stored.jpeg.quality < NEARLY_EXACT and model.kind is not NoiseKind.CORRELATED:
        return NoiseModel.of_stored(stored, mask)
    return model


def _without_jpeg(
    values: Array,
    mask: NDArray[np.bool_],
    reasons: tuple[str, ...],
    kind: NoiseKind,
    sigma: float | None,
    gain: float | None,
    offset: float | None,
    zero: float,
) -> NoiseModel:
    """Return the model of an image, as `choose`; `mask` says which values are impulses, for which `reasons`."""
    rest = np.where(mask, np.nan, values)
    span = float(np.nanmax(values) - np.nanmin(values))
    told = kind in (NoiseKind.POISSON, NoiseKind.POISSON_GAUSSIAN)
    noise = None if told else patch_noise(rest)  # who says Poisson noise mostly gets it without
    coarse = None if noise is None else _coarse_noise(rest, kind, noise, level_told=sigma is not None)
    if told or (kind is NoiseKind.AUTO and sigma is None and coarse is None):
        poisson = model_of_counts(rest, kind, sigma, gain, find_poisson_gaussian(rest, offset, zero), span, mask)
        if poisson is not None:
            return replace(poisson, reasons=(*reasons, *poisson.reasons))
    noise = noise or patch_noise(rest)
    level = _Level(sigma, 0.0, coarse) if sigma is not None else _believable_level(rest, noise, coarse, kind, span)
    return _without_gain(rest, kind, noise, replace(level, reasons=(*reasons, *level.reasons)), mask, told=sigma is not None)


@dataclass(frozen=True)
class _Level:
    """The level that noise is taken to have, and its standard error; its correlation if it is coarse; and what to say of it."""

    sigma: float
    error: float
    correlation: NoiseCorrelation | None = None
    reasons: tuple[str, ...] = ()


def _without_gain(
    rest: Array, kind: NoiseKind, noise: PatchNoise, level: _Level, mask: NDArray[np.bool_], *, told: bool
) -> NoiseModel:
    """Return the model of noise that is everywhere the same, white or coarse; whether its level was told decides whose it is."""
    level = _of_coarse(level, told=told)
    reasons, coarse = level.reasons, level.correlation
    # Not where the level is uncertain or the noise coarse: texture, which channels share, is then a good part of what is seen.
    certain = level.sigma > 0 and not level.error > _UNCERTAIN * level.sigma
    covariance = _shared_covariance(noise, level.sigma) if certain and coarse is None else None
    colour = coarse_colour(rest) if certain and coarse is None and _tells_coarse(rest, kind) else None
    if colour is not None:
        reasons += ("coarse in the colours alone, as JPEG makes it of white noise",)
        level = level if told else replace(level, sigma=colour.sigma)
        covariance = colour.covariance * (level.sigma / colour.sigma) ** 2
    elif covariance is not None:
        reasons += (f"shared between channels: their noise has a correlation of {largest_correlation(covariance):.2f}",)
    if kind is NoiseKind.AUTO and coarse is None and not reasons:
        reasons += ("white and Gaussian: the variance does not grow with brightness, and nothing tells that neighbours share it",)
    if told:
        reasons += ("its level was given",)
    elif level.sigma and np.isfinite(level.error):
        reasons += (f"level within {level.error / level.sigma:.0%} (standard error)",)
    lags = None if colour is None else colour.autocorrelation
    model = NoiseModel(NoiseKind.GAUSSIAN, level.sigma, mask, covariance=covariance, colour=lags, reasons=reasons)
    if coarse is None:
        return replace(model, kind=NoiseKind.IMPULSE) if mask.any() else model
    shared = 0.0 if coarse.is_own else shared_by_channels(noise)
    model = replace(model, kind=NoiseKind.CORRELATED, autocorrelation=coarse.autocorrelation)
    return replace(model, shared=shared, has_own=coarse.is_own, evident=_is_evident(rest, coarse))


def _of_coarse(level: _Level, *, told: bool) -> _Level:
    """Return the level that coarse noise has unless one was told, and say that it is coarse; drop what is no correlation."""
    coarse = level.correlation
    if coarse is None or not coarse.length or not level.sigma:
        return replace(level, correlation=None)
    reasons = (*level.reasons, f"correlated: {coarse.evidence}; independent from {coarse.length} pixels on")
    sigma, error = (level.sigma, level.error) if told else (coarse.sigma, float("inf"))
    return _Level(sigma, error, coarse, reasons)


def _impulses(values: Array, kind: NoiseKind, found: Impulses | None) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Return which values are impulses, none unless the kind of noise may have them, and what to say of them."""
    if kind not in (NoiseKind.AUTO, NoiseKind.IMPULSE):
        return np.zeros(values.shape, dtype=bool), ()
    impulses = found or find_impulses(values)
    if impulses.present:
        return impulses.mask, (f"impulses: {impulses.share:.1%} of the values have nothing to do with their neighbours",)
    return impulses.mask, ("impulses: none were found",) if kind is NoiseKind.IMPULSE else ()


def _coarse_noise(rest: Array, kind: NoiseKind, noise: PatchNoise, *, level_told: bool) -> NoiseCorrelation | None:
    """Return the correlation of the noise if the user says that there is one, or the image does and can be believed."""
    told = kind is NoiseKind.CORRELATED
    if not told and (kind is not NoiseKind.AUTO or not _tells_coarse(rest, kind)):
        return None
    correlation = noise_correlation(rest, noise, told=told, level_told=level_told)
    return independent_noise(rest, correlation) or (
        correlation if told or not (correlation.is_white or _may_be_texture(rest, correlation)) else None
    )


def _may_be_texture(rest: Array, coarse: NoiseCorrelation) -> bool:
    """Tell whether coarse noise is so strong, and so little beyond what texture makes, that it may be that of the whole image."""
    return coarse.excess < _STRONG_EXCESS and coarse.growth > _STRONG_GROWTH and not _is_weak(rest, coarse)


def _tells_coarse(rest: Array, kind: NoiseKind) -> bool:
    """Return whether an image can show unasked that its noise is coarse."""
    enough = rest.shape[0] * rest.shape[1] >= _ENOUGH_PIXELS and clipped_share(rest) < MOSTLY_CLIPPED
    return enough and kind in (NoiseKind.AUTO, NoiseKind.GAUSSIAN)


def _shared_covariance(noise: PatchNoise, sigma: float) -> Array | None:
    """Return the covariance between channels of noise of a level, None if each has noise of its own."""
    covariance = without_texture(noise)
    return covariance * (sigma**2 * len(covariance) / np.trace(covariance)) if common_noise(covariance) else None


def _believable_level(rest: Array, noise: PatchNoise, coarse: NoiseCorrelation | None, kind: NoiseKind, span: float) -> _Level:
    """Return the level of the noise, 0 where it may be the texture of an image that has lost many of its pixels."""
    if kind is NoiseKind.CORRELATED and coarse is not None and not coarse.is_white:
        return _Level(*white_level(rest, noise), coarse)  # quiet parts of the image do not contradict the user
    level = _uncontradicted_level(rest, noise, coarse)
    if np.isnan(rest).mean() > _MANY_MISSING and level.sigma < TEXTURE * span:
        reason = "between the missing values the image is clean: they are filled, the others are kept"
        return replace(level, sigma=0.0, reasons=(*level.reasons, reason))
    return level


def _uncontradicted_level(rest: Array, noise: PatchNoise, coarse: NoiseCorrelation | None) -> _Level:
    """Return the level of the noise, and whether it is coarse after all.

    A level that the quietest parts of the image contradict is that of ink or of texture. One that is uncertain is taken at the
    lower end of what it may be, for what is left of weak noise harms less than what is lost of an image.
    """
    sigma, error = white_level(rest, noise)
    quietest = quietest_level(rest, 0.1)
    if coarse is None:
        contradicted = sigma > _CONTRADICTED * max(quietest, rounding_level(rest))
    else:
        shown = coarse.sigma * quietest_of_coarse(coarse.autocorrelation, 0.1)
        limit = _EVIDENT_CONTRADICTED if _is_evident(rest, coarse) else _COARSE_CONTRADICTED
        contradicted = shown > limit * max(quietest, rounding_level(rest))
    uncertain = coarse is None and sigma > 0 and np.isfinite(error) and error > _UNCERTAIN * sigma
    # Quiet parts are those with little light, as in microscope pictures, whatever offset was said.
    by_light = (contradicted or uncertain) and estimate_from_darkest(rest).is_signal_dependent
    if contradicted and not by_light:
        quietest = quietest_level(rest, 0.05)
        reason = "a tenth of the image is quieter than noise of the level of the rest would be: that has structure"
        return _Level(*((quietest, _OF_QUIETEST * quietest) if sigma > quietest else (sigma, error)), reasons=(reason,))
    if clipped_share(rest) > MOSTLY_CLIPPED:
        quietest = quietest_level(rest, 0.05)
        return _Level(quietest, _OF_QUIETEST * quietest)
    if uncertain and not by_light:
        lower = max(sigma - error, 0.0)
        reason = f"texture may pass for a part of the noise: a level of {lower / sigma:.0%} is taken"
        return _Level(lower, error, reasons=(reason,))
    return _Level(sigma, error, coarse)


def _is_evident(rest: Array, coarse: NoiseCorrelation) -> bool:
    """Tell whether coarse noise is beyond doubt, and too weak for a texture that fills the image, as gravel does."""
    return coarse.is_evident and _is_weak(rest, coarse)


def _is_weak(rest: Array, coarse: NoiseCorrelation) -> bool:
    return coarse.sigma < TEXTURE * float(np.nanmax(rest) - np.nanmin(rest))


def white_level(rest: Array, noise: PatchNoise) -> tuple[float, float]:
    """Return σ and its standard error."""
    if np.isnan(rest).mean() > _MANY_MISSING:
        return sigma_from_differences(rest), float("inf")
    return noise.sigma, noise.error
