"""Estimating from a single image how the variance of its noise grows with brightness."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError, OptionError
from cgdenoise.noise.line import nonnegative, robust_line
from cgdenoise.noise.scatter import WHITE, Scatter, measure

Array = NDArray[np.float64]

# A value without another origin was chosen by hand; what half and twice of it do is in `benchmarks/NOTES.md`, "Constants of noise
# estimation".

MIN_LEVELS = 4
"""Levels that have to be measured for a line of two parameters to be laid through them: two more than it needs."""

_MAX_STEPS = 4096
"""Different values from which an image is not looked at for whole counts: those of 12 bits, which few counters reach."""

_SAMPLE = 1_000_000
"""Values by which the range, the step and the clipping are judged, for the time that sorting them takes."""

_MIN_EVIDENCE = 6.0
"""Slope of the line, in standard errors, from which the variance surely grows with brightness. With 3 one of 48 pictures without
Poisson noise is taken for such, with 12 one of six with weak Poisson noise is missed."""

_MIN_RISE = 2.0
"""Variance of bright parts over that of dark ones from which it matters. Texture made up to 1.9 on photographs with white noise
of 4 to 20 % of the range; 1 and 4 change nothing on the pictures that were measured."""

_COUNT_RATIO, _COUNT_RATIO_OF_LEVEL = (0.85, 1.2), (0.75, 1.5)
"""Variance over mean, the median over the levels and that of nearly all levels, for which values are counts. It was 0.91 to 1.10
and 0.76 to 1.42 in three photographs with Poisson noise of peak 5 to 100; the median was 0.28 to 1.35 with white noise of 5 and
10 of 255, whose levels were in the range for 8 to 38 %, and 4.8 and more with stronger noise."""

_COUNT_LEVELS = 0.75
"""Share of the levels that are nearly all. It was 1 for counts, 0.54 to 1 for those in 8 bits, 0 to 0.38 for white noise."""


@dataclass(frozen=True)
class PoissonGaussian:
    """Noise of variance gain * (mean - offset) + sigma²: that of Poisson counts in units of gain, with Gaussian noise added.

    `GeneralisedAnscombe` has the same three parameters.

    Attributes
    ----------
    gain : float
        What one count adds to a value, in the image's unit; >= 0.
    offset : float
        The mean of values without any counts (pedestal), in the image's unit: as it was given.
    sigma : float
        Standard deviation of the Gaussian part, in the image's unit; >= 0.
    gain_error, sigma_error : float
        Their standard errors, from the scatter about the line; infinite where the image does not tell. 0 for `counts`.
    rise : float
        Variance of bright parts over that of dark ones (95 and 5 % of the pixels are darker), by the line; >= 1.
    evidence : float
        The slope of the line in units of its standard error; >= 0.
    counts : bool
        The values are whole numbers of counts, above the offset, and their noise is that of counts: `gain` is then the step
        between them, and exact.
    scanned : bool
        Neighbours along one axis share a part of the noise, and this is the variance with that.
    """

    gain: float
    offset: float
    sigma: float
    gain_error: float
    sigma_error: float
    rise: float
    evidence: float
    counts: bool
    scanned: bool = False

    @property
    def is_signal_dependent(self) -> bool:
        """Whether the variance surely grows with brightness, and enough to matter.

        Texture that is denser in bright parts looks like such noise: on photographs with white noise of 4 to 20 % of the
        range it made a rise of up to 1.9. Below that, on strongly textured photographs, do not rely on it.
        """
        return self.counts or (self.evidence >= _MIN_EVIDENCE and self.rise >= _MIN_RISE)


def estimate_poisson_gaussian(image: NDArray[np.floating], *, offset: float = 0.0, power: Array = WHITE) -> PoissonGaussian:
    """Fit the model of Poisson-Gaussian noise to a single image.

    As Foi, Trimeche, Katkovnik and Egiazarian do ("Practical Poissonian-Gaussian Noise Modeling and Fitting for Single-Image
    Raw-Data", IEEE TIP 2008), the image is split into levels of brightness, the noise of each is measured in its smooth
    parts, and a line is laid through variance over mean. Here, the parts are 8 x 8 patches: their low frequencies (DCT) say
    how smooth they are and the high ones hold the noise. The two are uncorrelated in the noise, so that this choice
    hardly favours patches with little noise. The fit is robust, and more so against levels above the line, where texture is
    left. Clipping is corrected for as if the noise of a level were Gaussian (after Foi, "Clipped noisy images", Signal
    Processing 2009).

    An image may also consist of whole counts. If all values are multiples of one step and the variance is that of such
    counts, the step is the gain, and there is no Gaussian part.

    Parameters
    ----------
    image : (H, W) or (H, W, C) real array
        In any unit. NaN marks missing pixels; patches that touch one are left out. All channels share one line.
    offset : float
        The mean of values without any counts, in the image's unit. The image cannot tell it from `sigma`.
    power : (8, 8) array
        Of the noise in each coefficient of the patches, in parts of its variance.

    Returns
    -------
    PoissonGaussian
        In the image's unit: `a * image + b` with `a * offset + b` gives `a` times `gain` and `sigma`, for a > 0. The gain is
        0 if dark parts are noisier than bright ones. If too few levels can be measured (image small, or mostly clipped) it
        is 0 too, with an infinite error, and so is `sigma` if there are none.

    Raises
    ------
    ImageError
        The array has not 2 or 3 dimensions, or no finite value.
    OptionError
        `offset` is not finite.
    """
    if not math.isfinite(offset):
        raise OptionError(f"offset is {offset}: expected a finite number")
    if image.ndim not in (2, 3):
        raise ImageError(f"array has shape {image.shape}: expected (H, W) or (H, W, C)")
    channels = np.asarray(image if image.ndim == 3 else image[..., None], dtype=np.float64) - offset
    values = sampled(channels)
    if values.size == 0:
        raise ImageError("no finite value among the pixels: nothing to estimate the noise from")
    step = _lattice_step(values)
    unit = step or 1.0
    if step > 0:
        # Whole numbers have the same ties in any unit.
        channels, values = np.round(channels / step), np.round(values / step)
    in_counts = _in_counts(channels, values) if step > 0 else None
    line = in_counts or fit_line(measure(channels, clipped_at(values), -clipped_at(-values), power=power), values)
    return replace(
        line,
        gain=line.gain * unit,
        offset=offset,
        sigma=line.sigma * unit,
        gain_error=line.gain_error * unit,
        sigma_error=line.sigma_error * unit,
    )


def sampled(channels: Array) -> Array:
    """Return the finite values of so many rows that they are enough to judge by; whole rows, so that all channels have a part."""
    values = channels[:: max(1, channels.size // _SAMPLE)]
    return values[np.isfinite(values)]


def _in_counts(counts: Array, values: Array) -> PoissonGaussian | None:
    """Return the model for an image of whole numbers if their noise is Poisson noise, else None."""
    # No counts are the lowest value by nature: many pixels there need not have been clipped.
    levels = measure(counts, -math.inf, -clipped_at(-values))
    if not _is_poisson(levels):
        return None
    line = replace(fit_line(levels, values), gain=1.0, sigma=0.0, gain_error=0.0, sigma_error=0.0, counts=True)
    return replace(line, rise=_rise(1.0, 0.0, values))


def clipped_at(values: Array) -> float:
    """Return the least value if so many pixels have it that lower ones must have been clipped to it, else minus infinity."""
    least = values.min()
    above = values[values > least]
    if above.size == 0:
        return -math.inf
    # More than chance and twice as many as have the next value; the three bounds are by hand, and not measured.
    count, next_count = values.size - above.size, np.count_nonzero(above == above.min())
    return float(least) if count > max(8, 1e-4 * values.size, 2 * next_count) else -math.inf


def _lattice_step(values: Array) -> float:
    """Return the step if all values are multiples >= 0 of one, each rounded by up to a tenth of it; else 0."""
    levels = np.unique(values)
    levels = levels[
        np.diff(levels, prepend=-math.inf) > 1e-6 * np.abs(levels).max()
    ]  # what rounding to float32 tells apart is one
    if not 3 <= len(levels) <= _MAX_STEPS:
        return 0.0
    spacings = np.diff(levels)
    steps = np.cumsum(np.round(spacings / np.median(spacings)))
    if steps[-1] == 0:
        return 0.0
    first = np.round(levels[0] * steps[-1] / (levels[-1] - levels[0]))
    multiples = first + np.concatenate([[0.0], steps])
    step = float(multiples @ levels / (multiples @ multiples))
    fits = first >= 0 and step > 0 and np.abs(levels - step * multiples).max() <= 0.1 * step
    return step if fits else 0.0


def _is_poisson(levels: Scatter) -> bool:
    """Return whether the variance is near the mean at nearly all levels."""
    # Clipped counts are far from Gaussian, and below half a count a patch may hold none. Both bounds are by hand, unmeasured.
    usable = (levels.clipped < 0.02) & (levels.mean > 0.5)
    if np.count_nonzero(usable) < 2:
        return False
    ratio = levels.variance[usable] / levels.mean[usable]
    (least, most), (least_of_level, most_of_level) = _COUNT_RATIO, _COUNT_RATIO_OF_LEVEL
    near = (ratio > least_of_level) & (ratio < most_of_level)
    return bool(least < np.median(ratio) < most and np.mean(near) > _COUNT_LEVELS)


def fit_line(levels: Scatter, values: Array) -> PoissonGaussian:
    """Fit variance = gain * mean + sigma² with neither below 0, by reweighted least squares; with offset 0."""
    unknown = PoissonGaussian(0.0, 0.0, 0.0, math.inf, math.inf, 1.0, 0.0, False)
    brightest = levels.mean.max(initial=0.0)
    if len(levels.mean) < MIN_LEVELS or brightest <= 0:
        return replace(unknown, sigma=math.sqrt(np.median(levels.variance))) if len(levels.mean) else unknown
    unit = np.median(levels.variance)
    variance = levels.variance / unit
    design = np.stack([np.maximum(levels.mean / brightest, 0), np.ones(len(variance))], axis=1)
    (slope, constant), weight, trust, residual = robust_line(design, variance, levels.error, nonnegative)
    excess = max(1.0, trust @ residual**2 / max(1.0, trust.sum() - 2))
    errors = np.sqrt(np.diag(np.linalg.pinv((design * weight[:, None]).T @ (design * weight[:, None]))) * excess)
    sigma = math.sqrt(constant * unit)
    # First order in the error of the square, as far as that is meaningful.
    first_order = errors[1] / (2 * math.sqrt(constant)) if constant > 0 else math.inf
    sigma_error = float(min(first_order, math.sqrt(errors[1])) * math.sqrt(unit))
    gain, gain_error = float(slope * unit / brightest), float(errors[0] * unit / brightest)
    evidence = float(slope / errors[0])
    return PoissonGaussian(gain, 0.0, sigma, gain_error, sigma_error, _rise(gain, sigma, values), evidence, False)


def _rise(gain: float, sigma: float, values: Array) -> float:
    """Return the variance of the bright values over that of the dark ones, which count as one count at least."""
    dark, bright = (gain * max(mean, gain) + sigma**2 for mean in np.quantile(values, [0.05, 0.95]))
    return float(bright / dark) if dark > 0 else 1.0
