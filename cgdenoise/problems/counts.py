"""Measurements that are counts: the noise of each has the variance of its mean, and counts by it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from cgdenoise.errors import ImageError, MeasurementError
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.noise.anscombe import GeneralisedAnscombe
from cgdenoise.noise.model import NoiseKind, NoiseModel
from cgdenoise.noise.pedestal import find_poisson_gaussian
from cgdenoise.operators import Measurement, Weights
from cgdenoise.operators.least_squares import constant_image
from cgdenoise.problems.pictures import inpainting
from cgdenoise.problems.problem import Array, LinearProblem
from cgdenoise.restoration.measured import on_channels
from cgdenoise.restoration.total_variation import Iterate, minimise_variation
from cgdenoise.restoration.units import OF_VOLUME

_ITERATIONS = 200
"""Of total variation, from which the means are taken. By hand."""

_FITTING = 4.0
"""Weight of total variation in variances of the noise: by hand, amid those that held-out measurements choose
(benchmarks/NOTES.md, "Priors in contest")."""


@dataclass(frozen=True)
class CountNoise:
    """Noise of variance gain * mean + sigma².

    Attributes
    ----------
    gain : float or None
        What one count adds to a measurement, above 0; None where it has to be found.
    sigma : float
        Standard deviation of the Gaussian part, in the unit of the measurements.
    """

    gain: float | None = None
    sigma: float = 0.0

    def in_picture(self, page: Array) -> CountNoise:
        """Return the same with the gain that a picture shows, (H, W) or (H, W, C), if there was none.

        Raises
        ------
        ImageError
            If it shows none.
        """
        if self.gain is not None:
            return self
        if page.ndim == OF_VOLUME:
            raise ImageError(f"counts in a volume, {list(page.shape)}; expected their gain, as with --gain 2.1")
        gain = find_poisson_gaussian(page, 0.0, 0.0).gain if np.isfinite(page).any() else 0.0
        if not gain:
            raise ImageError("noise that grows with the brightness was not found; expected its gain, as with --gain 2.1")
        return replace(self, gain=gain)

    def in_numbers(self, y: Array) -> CountNoise:
        """Return the same with a gain of 1 if there was none, for measurements that are whole numbers.

        Raises
        ------
        MeasurementError
            If they are not.
        """
        if self.gain is not None:
            return self
        known = y[np.isfinite(y)]
        if (known != np.rint(known)).any():
            raise MeasurementError("measurements that are no whole numbers; expected what one count adds, as with --gain 2.1")
        return replace(self, gain=1.0)


def counted(problem: LinearProblem, noise: CountNoise) -> LinearProblem:
    """Return a problem whose measurements are counts as one where all have noise of one level.

    Each is divided by the standard deviation of its noise, over the root mean square of these. The mean that it depends on is
    taken from an image of little total variation: by its own value, a measurement that is low by chance would count for more.

    Parameters
    ----------
    problem : LinearProblem
        Of real measurements, none below 0 unless there is Gaussian noise.
    noise : CountNoise
        With a gain, in the unit of the measurements.

    Raises
    ------
    MeasurementError
        If they cannot be counts.
    """
    gain = _gain(noise)
    sampling = Sampling.entries(problem.operator.out_shape) if problem.sampling is None else problem.sampling
    valid = sampling.valid.numpy() > 0
    y = np.where(valid, problem.y, 0)
    if y.dtype.kind == "c":
        raise MeasurementError(f"y of {y.dtype}; expected real numbers, as counts are")
    if not noise.sigma and y.min() < 0:
        raise MeasurementError(
            f"measurements down to {y.min():.4g}; expected counts, which are not below 0, or their Gaussian noise"
        )
    # Less than one count tells as little as one.
    variance = gain * np.maximum(_means(problem, y, sampling, gain, noise.sigma), gain) + noise.sigma**2
    level = float(np.sqrt(variance[valid].mean()))
    weights = level / np.sqrt(variance)
    return replace(
        problem,
        operator=Weights(weights) @ problem.operator,
        y=weights * y,
        sigma=level,
        sigma_estimated=False,
        noise=_law(noise, level),
    )


def inpainting_of_counts(page: Array, keep: NDArray[np.bool_] | None, noise: CountNoise) -> LinearProblem:
    """Return the problem of missing pixels, the others being counts: in values whose noise is of level 1, where it is exact.

    Parameters
    ----------
    page, keep
        As `inpainting` takes them.
    noise : CountNoise
        With a gain, in grey levels.

    Raises
    ------
    ImageError
        As `inpainting`.
    """
    law = GeneralisedAnscombe(_gain(noise), 0.0, noise.sigma)
    problem = inpainting(law.forward(page), keep, 1.0)
    known = page[np.isfinite(page)]
    level = float(np.sqrt(max(0.0, law.gain * known.mean()) + law.sigma**2))

    def view(image: Array) -> Array:
        return law.inverse(problem.view(image))

    return replace(problem, view=view, noise=_law(noise, level))


def _means(problem: LinearProblem, y: Array, sampling: Sampling, gain: float, sigma: float) -> NDArray[np.float64]:
    """Return what the measurements are without their noise, roughly."""
    unit = float(np.abs(y).max()) or 1.0
    measured = Measurement(on_channels(problem.operator, False), torch.from_numpy(y / unit), sampling.valid)
    # From the best constant image, whose level is the scale: least squares would begin with the noise that a blur makes strong.
    constant = constant_image(measured)
    factor = float(constant.abs().max()) or 1.0
    variance = (gain * max(float(y.mean()), gain) + sigma**2) / (unit * factor) ** 2
    begun = measured.normalised(0.0, factor)
    found = minimise_variation(begun, Iterate.first(begun, constant / factor), _FITTING * variance, _ITERATIONS)
    means: NDArray[np.float64] = measured.operator(found.image * factor).numpy() * unit
    return means


def _gain(noise: CountNoise) -> float:
    if noise.gain is None:
        raise MeasurementError("noise of counts without its gain; expected what one count adds")
    return noise.gain


def _law(noise: CountNoise, level: float) -> NoiseModel:
    kind = NoiseKind.POISSON_GAUSSIAN if noise.sigma else NoiseKind.POISSON
    reason = "each measurement counts by the variance of its mean"
    return NoiseModel(kind, level, np.zeros((0, 0, 0), bool), gain=_gain(noise), read_sigma=noise.sigma, reasons=(reason,))
