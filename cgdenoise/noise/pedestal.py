"""Where the light of an image begins, and how the variance of its noise grows from there."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cgdenoise.noise.anscombe import GeneralisedAnscombe
from cgdenoise.noise.line import least_squares, robust_line
from cgdenoise.noise.model import NoiseKind, NoiseModel
from cgdenoise.noise.poisson import MIN_LEVELS, PoissonGaussian, clipped_at, estimate_poisson_gaussian, fit_line, sampled
from cgdenoise.noise.scanned import power_of_scanned
from cgdenoise.noise.scatter import WHITE, measure

Array = NDArray[np.float64]

_LEVELS_TO_END = 28
"""Levels through which the line is laid that tells where the variance ends. With the 14 of `scatter` its dark end is right less
often: 8 of 18 crops of microscopes instead of 10 are within 15 % throughout."""

_DARK = 1.0
"""Percentile of the values that is taken for the pedestal. 0.1, 3 and 8 give the same within 0.1 dB on 22 of 24 crops of confocal
and two-photon microscopes, 0.1 misses the law of two (`benchmarks/NOTES.md`, "Pedestals")."""

_WEAK = 0.02
"""Noise below this part of the image's range is not stabilised: texture passes for its growth with brightness. By hand: of 36
crops of photographs with white noise of 0.5 % of the range one was taken for Poisson noise, with 0, 1, 2 and 4 % none."""


def find_poisson_gaussian(image: NDArray[np.floating], offset: float | None, zero: float) -> PoissonGaussian:
    """Fit the model of Poisson-Gaussian noise from the offset that is given or else from the one that explains the image.

    Detectors add a pedestal to their counts. Where the variance does not grow from `zero` it may do so from the darkest values: a
    line through variance over mean cannot fall below 0, and is too flat where it has to begin too low. Where it does grow, a line
    that may begin anywhere tells how much of the offset was missing ("Pedestals" in `benchmarks/NOTES.md`). What neighbours along
    an axis share of the noise is found on the image that this law stabilises, and the law found anew with it (`scanned`).

    Parameters
    ----------
    image : (H, W) or (H, W, C) real array
        As `estimate_poisson_gaussian` takes it.
    offset : float or None
        The mean of values without any counts; None where it is not known.
    zero : float
        What the unit of the user calls 0: the mean of values without any counts where there is no pedestal.
    """
    line = _find_line(image, offset, zero, WHITE)
    if line.counts or not line.is_signal_dependent:
        return line
    power = power_of_scanned(GeneralisedAnscombe(line.gain, line.offset, line.sigma).forward(image))
    if power is None:
        return line
    scanned = _find_line(image, offset, zero, power)
    return replace(scanned, scanned=True) if scanned.is_signal_dependent else line


def _find_line(image: NDArray[np.floating], offset: float | None, zero: float, power: Array) -> PoissonGaussian:
    """Return the line from the offset that is given or from where the variance ends, for noise of a power by frequency."""
    line = estimate_poisson_gaussian(image, offset=zero if offset is None else offset, power=power)
    if offset is not None:
        return line
    if not line.is_signal_dependent:
        raised = estimate_from_darkest(image, power)
        if not raised.is_signal_dependent:
            return line
        line = raised
    return line if line.counts else _from_where_it_ends(image, line, power)


def _from_where_it_ends(image: NDArray[np.floating], line: PoissonGaussian, power: Array) -> PoissonGaussian:
    """Return the line that begins where the variance ends, if that is above the offset that the line was laid from."""
    channels = np.asarray(image if image.ndim == 3 else image[..., None], dtype=np.float64)
    values = sampled(channels)
    # No counts are the lowest value by nature.
    levels = measure(channels, -math.inf, -clipped_at(-values), _LEVELS_TO_END, power)
    if len(levels.mean) < MIN_LEVELS:
        return line
    design = np.stack([levels.mean, np.ones(len(levels.mean))], axis=1)
    slope, constant = robust_line(design, levels.variance, levels.error, least_squares)[0]
    if not slope > 0:
        return line
    # No further up than there is light: the darkest pixels have some noise, too.
    end = min(float(-constant / slope), float(levels.mean.min()))
    if end <= line.offset:
        return line
    raised = replace(fit_line(replace(levels, mean=levels.mean - end), values - end), offset=end)
    return raised if raised.is_signal_dependent else line


def estimate_from_darkest(image: NDArray[np.floating], power: Array = WHITE) -> PoissonGaussian:
    """Fit the model of Poisson-Gaussian noise as if the darkest values were the pedestal; the rest as for the fit itself."""
    return estimate_poisson_gaussian(image, offset=float(np.nanpercentile(image, _DARK)), power=power)


def model_of_counts(
    rest: Array,
    kind: NoiseKind,
    sigma: float | None,
    gain: float | None,
    line: PoissonGaussian,
    span: float,
    mask: NDArray[np.bool_],
) -> NoiseModel | None:
    """Return a Poisson model if the user says so or the image does."""
    used_gain = line.gain if gain is None else gain
    read_sigma = 0.0 if kind is NoiseKind.POISSON or line.counts else line.sigma
    read_sigma = read_sigma if sigma is None else sigma
    light = float(np.nanmean(np.clip(rest - line.offset, 0, None)))
    level = float(np.sqrt(used_gain * light + read_sigma**2))
    if kind is NoiseKind.AUTO and gain is None and not (line.is_signal_dependent and level > _WEAK * span):
        return None
    if not used_gain:
        return None
    if gain is not None:
        reason = "Poisson: the gain was given"
    elif line.counts:
        reason = "Poisson: all values are whole numbers of counts, and their variance is that of counts"
    else:
        growth = f"the variance is {line.rise:.1f} times as large in bright parts as in dark ones"
        shared = ", and neighbours along one axis share a part of the noise, as scanning makes it" if line.scanned else ""
        reason = f"Poisson: {growth} (slope {line.evidence:.0f} standard errors){shared}"
    return NoiseModel(
        kind=NoiseKind.POISSON_GAUSSIAN if read_sigma else NoiseKind.POISSON,
        sigma=level,
        impulses=mask,
        gain=used_gain,
        offset=line.offset,
        read_sigma=read_sigma,
        reasons=(reason,),
    )
