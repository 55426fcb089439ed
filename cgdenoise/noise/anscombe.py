"""The generalised Anscombe transform: noise whose variance grows with brightness becomes noise of standard deviation 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import OptionError

# By hand. What half and twice of each change in `inverse`, at most, was measured for transformed values of -1 to 60 and Gaussian
# noise of 0 to 5 counts.

_TABLE_VARIANCE = 200.0
"""Variance in counts up to which the inverse is tabulated; its expansion serves above. Half or twice: 1e-5 counts."""

_TABLE_SIZE = 4000
"""Entries of the table, between which it is interpolated linearly. Half: 1e-5 counts; twice: 3e-6."""

_NODES = 80
"""Nodes of the Gauss-Legendre rule. Half: 1e-8 counts; twice: 2e-12."""

_TAIL = 9.0
"""Standard deviations to each side over which the Gaussian part is integrated; 2e-19 of it lies beyond. Half: 3e-3 counts; twice:
2e-9."""


@dataclass(frozen=True)
class GeneralisedAnscombe:
    """The generalised Anscombe transform, for scaled Poisson noise with Gaussian noise added.

    The model is z = offset + gain * Poisson((x - offset) / gain) + sigma * N(0, 1): z has the mean x, and the variance
    gain * (x - offset) + sigma². (Mäkitalo & Foi, "Optimal Inversion of the Generalized Anscombe Transformation for
    Poisson-Gaussian Noise", IEEE TIP 2013; without Gaussian noise "... in Low-Count Poisson Image Denoising", IEEE TIP 2011.)

    All follows a change of unit: `GeneralisedAnscombe(a * gain, a * offset + b, a * sigma)` does to `a * z + b` what
    `GeneralisedAnscombe(gain, offset, sigma)` does to `z`, for any a > 0.

    Attributes
    ----------
    gain : float
        What one count adds to a value, in the image's unit; >= 0. With 0 the noise is Gaussian, and both ways are linear.
    offset : float
        The mean of values without any counts (pedestal), in the image's unit.
    sigma : float
        Standard deviation of the Gaussian part, in the image's unit; >= 0, and > 0 if `gain` is 0.

    Raises
    ------
    OptionError
        A parameter is not finite or negative, or there is no noise at all.
    """

    gain: float
    offset: float
    sigma: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.gain, self.offset, self.sigma))):
            raise OptionError(f"gain {self.gain:g}, offset {self.offset:g} and sigma {self.sigma:g} must be finite")
        if self.gain < 0 or self.sigma < 0 or self.gain == self.sigma == 0:
            raise OptionError(f"gain {self.gain:g} and sigma {self.sigma:g}: expected neither below 0, and one of them above")

    def forward(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Transform values so that their noise has a standard deviation near 1 (within some % from 4 counts on).

        The usual transform, 2 / gain * sqrt(gain * (z - offset) + 3/8 gain² + sigma²), less the constant 2 sigma / gain, so
        that it goes over into (z - offset) / sigma when the gain goes to 0. The 3/8 is Anscombe's (Biometrika, 1948): with it
        the variance differs from 1 by the order of 1 / counts² only.

        Parameters
        ----------
        values : real array of any shape
            In the image's unit. NaN stays NaN.

        Returns
        -------
        float64 array of the same shape
            Without unit; nowhere decreasing in `values`. Values too low for the square root all become -2 sigma / gain.
        """
        above = np.asarray(values, dtype=np.float64) - self.offset + 0.375 * self.gain
        if self.gain == 0:
            return np.asarray(above / self.sigma)
        # Divided by sigma + gain, squares neither overflow nor vanish, whatever the unit.
        unit = self.sigma + self.gain
        gain, sigma = self.gain / unit, self.sigma / unit
        root = np.sqrt(np.maximum(gain * (above / unit) + sigma**2, 0))
        # 2 (root - sigma) / gain, but without its cancellation where sigma is much above the gain.
        low = root == 0
        return np.asarray(np.where(low, -2 * sigma / gain, 2 * (above / unit) / np.where(low, 1, root + sigma)), dtype=np.float64)

    def inverse(self, estimates: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map expected values of `forward(z)` back to the expected values of z: the exact unbiased inverse.

        The algebraic inverse of the transform would give too little, because the transform is concave. Up to a variance of
        200 counts the expectation is tabulated; above, its expansion in the inverse of the variance is right to 1e-6 counts.

        Parameters
        ----------
        estimates : real array of any shape
            Transformed values without their noise. NaN stays NaN.

        Returns
        -------
        float64 array of the same shape
            In the image's unit; nowhere decreasing. `offset` where an estimate is below what 0 counts give on average (with
            a gain of 0 there is no such bound).
        """
        estimates = np.asarray(estimates, dtype=np.float64)
        if self.gain == 0:
            return np.asarray(self.offset + self.sigma * estimates)
        # The expansion has a pole at -2 sigma / gain, the least transformed value, and rises again towards it. At 5 % from it the
        # mean is below 0 counts, which is cut off; without Gaussian noise the table serves there.
        gain_part = self.gain / (self.sigma + self.gain)
        sigma_part = 1 - gain_part
        bounded = np.maximum(estimates, -1.9 * sigma_part / gain_part if sigma_part > 0 else 0.5)
        mean = self.gain * (bounded**2 / 4 - 0.125) + self.sigma * bounded
        # The variance is (estimate / 2 + sigma / gain)² counts.
        mean = mean + self.gain * gain_part**2 * sigma_part**2 / (8 * (gain_part * bounded / 2 + sigma_part) ** 4)
        if sigma_part**2 < _TABLE_VARIANCE * gain_part**2:
            expected, counts = _table(self.sigma / self.gain)
            mean = np.where(bounded <= expected[-1], self.gain * np.interp(bounded, expected, counts), mean)
        return np.asarray(self.offset + np.maximum(mean, 0))


@lru_cache(maxsize=8)
def _table(sigma: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return E[forward(z)], rising, and the mean counts that it belongs to, for a gain of 1 and Gaussian noise `sigma`."""
    # In steps that grow with the square root of the counts, as those of the transformed values then are even.
    means = _TABLE_VARIANCE * np.linspace(0, 1, _TABLE_SIZE) ** 2
    counts = np.arange(math.ceil(_TABLE_VARIANCE + _TAIL * math.sqrt(_TABLE_VARIANCE) + 30))
    factorials = np.concatenate([[0.0], np.cumsum(np.log(counts[1:]))])
    probabilities = np.exp(counts * np.log(means[1:, None]) - means[1:, None] - factorials)
    given = _expected_given(counts, sigma)
    expected = np.concatenate([given[:1], probabilities @ given])
    return expected, means


def _expected_given(counts: NDArray[np.int_], sigma: float) -> NDArray[np.float64]:
    """Return E[forward(count + sigma * N(0, 1))] for each number of counts, for a gain of 1."""
    centre = counts + 0.375 + sigma**2
    if sigma == 0:
        return np.asarray(2 * np.sqrt(centre))
    # Integrated over the square root itself: that removes the root's kink at 0, which Gauss-Hermite nodes would miss.
    low = np.sqrt(np.maximum(centre - _TAIL * sigma, 0))
    high = np.sqrt(centre + _TAIL * sigma)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half = (high - low)[:, None] / 2
    roots = low[:, None] + half * (nodes + 1)
    density = np.exp(-0.5 * ((roots**2 - centre[:, None]) / sigma) ** 2) / math.sqrt(2 * math.pi)
    return np.asarray(2 * ((roots * density * 2 * roots / sigma * half) @ weights) - 2 * sigma)
