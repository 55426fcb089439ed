import math

import numpy as np
import pytest

from cgdenoise.errors import OptionError
from cgdenoise.noise.anscombe import GeneralisedAnscombe

GAIN, OFFSET = 0.2, 3.0
GAUSSIAN = [0.0, 0.1, 0.4, 5.0]
"""In counts: none, at its most awkward, beyond the size of a count, and near the end of the table."""


def observe(counts, sigma, size, seed=0):
    """Return samples of the model for a gain of GAIN; `sigma` in counts."""
    rng = np.random.default_rng(seed)
    return OFFSET + GAIN * (rng.poisson(counts, size) + sigma * rng.standard_normal(size))


def poisson(mean):
    counts = np.arange(int(mean + 12 * math.sqrt(mean) + 30))
    return counts, np.exp(counts * math.log(mean) - mean - np.array([math.lgamma(n + 1) for n in counts]))


@pytest.mark.parametrize("sigma", [*GAUSSIAN, 100.0])
@pytest.mark.parametrize("counts", [5, 20, 100, 1e5])
def test_the_noise_gets_a_standard_deviation_of_one(counts, sigma):
    transformed = GeneralisedAnscombe(GAIN, OFFSET, GAIN * sigma).forward(observe(counts, sigma, 100_000))
    assert transformed.var() == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize("mean", [0.01, 0.5, 1, 2, 5, 20, 100, 199, 201, 1000])
def test_the_inverse_is_unbiased_for_counts(mean):
    anscombe = GeneralisedAnscombe(GAIN, OFFSET, 0.0)
    counts, probabilities = poisson(mean)
    expected = anscombe.forward(OFFSET + GAIN * counts) @ probabilities
    assert anscombe.inverse(expected) == pytest.approx(OFFSET + GAIN * mean, abs=1e-5 * GAIN)


@pytest.mark.parametrize("sigma", [0.02, 0.3, 0.61, 3.0, 13.9, 14.5])
@pytest.mark.parametrize("mean", [0.5, 5, 100])
def test_the_inverse_is_unbiased_with_gaussian_noise(mean, sigma):
    anscombe = GeneralisedAnscombe(GAIN, OFFSET, GAIN * sigma)
    counts, probabilities = poisson(mean)
    deviations = np.linspace(-9, 9, 20_001)
    density = np.exp(-(deviations**2) / 2) / np.exp(-(deviations**2) / 2).sum()
    expected = [anscombe.forward(OFFSET + GAIN * (n + sigma * deviations)) @ density for n in counts] @ probabilities
    assert anscombe.inverse(expected) == pytest.approx(OFFSET + GAIN * mean, abs=1e-5 * GAIN)


@pytest.mark.parametrize("counts", [0.5, 1, 2, 5, 20, 100])
@pytest.mark.parametrize("sigma", GAUSSIAN)
def test_averages_of_samples_come_back(counts, sigma):
    size = 200_000
    anscombe = GeneralisedAnscombe(GAIN, OFFSET, GAIN * sigma)
    samples = observe(counts, sigma, size, seed=1)
    recovered = anscombe.inverse(anscombe.forward(samples).mean())
    assert abs(recovered - OFFSET - GAIN * counts) < 4 * GAIN * math.sqrt((counts + sigma**2) / size)


@pytest.mark.parametrize("sigma", [0.0, 1e-3, 0.4, 14.1, 14.2, 1e6])
def test_both_ways_are_monotone(sigma):
    anscombe = GeneralisedAnscombe(1.0, 0.0, sigma)
    values = anscombe.forward(np.linspace(-10 - 3 * sigma, 1000 + 3 * sigma, 100_001))
    assert np.all(np.diff(values) >= 0)
    estimates = np.linspace(values[0] - 1, values[-1], 100_001)
    means = anscombe.inverse(estimates)
    assert np.all(np.diff(means) >= 0)
    assert means[0] == 0
    # No jump where the table ends and the expansion begins.
    assert np.all(np.diff(means) <= 1.01 * (estimates[1] - estimates[0]) * np.sqrt(means[1:] + sigma**2 + 3))


@pytest.mark.parametrize(
    "anscombe", [GeneralisedAnscombe(0.3, 0.1, 0.2), GeneralisedAnscombe(0.3, 0.1, 0.0), GeneralisedAnscombe(0.0, 0.1, 0.2)]
)
@pytest.mark.parametrize(("a", "b"), [(255.0, 0.0), (1e-9, 5e-9), (1e12, -7e11)])
def test_a_change_of_unit_changes_nothing_else(anscombe, a, b):
    other = GeneralisedAnscombe(a * anscombe.gain, a * anscombe.offset + b, a * anscombe.sigma)
    values = np.linspace(0.2, 50, 101)
    transformed = anscombe.forward(values)
    np.testing.assert_allclose(other.forward(a * values + b), transformed, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(other.inverse(transformed), a * anscombe.inverse(transformed) + b, rtol=1e-8)


@pytest.mark.parametrize("gain", [0.0, 1e-300, 1e-12, 1e-7])
def test_a_tiny_gain_is_gaussian_noise(gain):
    anscombe = GeneralisedAnscombe(gain, 5.0, 2.0)
    values = np.linspace(5, 50, 10)
    np.testing.assert_allclose(anscombe.forward(values), (values - 5) / 2, atol=1e-4)
    np.testing.assert_allclose(anscombe.inverse(anscombe.forward(values)), values, atol=1e-6)


def test_missing_values_stay_missing_and_shapes_are_kept():
    values = np.full((3, 4, 2), 7.0, dtype=np.float32)
    values[1, 2] = np.nan
    for anscombe in [GeneralisedAnscombe(1.0, 0.0, 0.5), GeneralisedAnscombe(1.0, 0.0, 50.0), GeneralisedAnscombe(0.0, 0.0, 0.5)]:
        back = anscombe.inverse(anscombe.forward(values))
        assert back.shape == values.shape
        assert back.dtype == np.float64
        np.testing.assert_array_equal(np.isnan(back), np.isnan(values))


@pytest.mark.parametrize("parameters", [(-1, 0, 1), (1, 0, -1), (0, 0, 0), (math.nan, 0, 1), (1, math.inf, 1)])
def test_impossible_noise_is_refused(parameters):
    with pytest.raises(OptionError, match=r"gain .* sigma"):
        GeneralisedAnscombe(*parameters)
