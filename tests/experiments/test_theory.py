"""The two-layer generator: closed forms against sampling, and the fit against what is predicted of it."""

import numpy as np
import pytest

from cgdenoise.experiments import theory
from cgdenoise.experiments.kernels import alignment

N = 64
KERNELS = {"triangular": theory.triangular(N, 8), "gaussian": theory.gaussian(N, 4.0), "delta": theory.triangular(N, 1)}


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize("n", [8, 9])
def test_trigonometric_functions_are_an_orthonormal_basis_in_order(n):
    basis = theory.trigonometric(n)
    np.testing.assert_allclose(basis.T @ basis, np.eye(n), atol=1e-12)
    found = [np.abs(np.fft.rfft(column)).argmax() for column in basis.T]
    assert found == theory.frequencies(n).tolist()


def test_the_circulant_convolves(rng):
    kernel, x = rng.standard_normal((2, 9))
    expected = np.fft.ifft(np.fft.fft(kernel) * np.fft.fft(x)).real
    np.testing.assert_allclose(theory.circulant(kernel) @ x, expected, atol=1e-12)


@pytest.mark.parametrize("name", KERNELS)
def test_the_closed_form_is_what_sampling_converges_to(name, rng):
    closed = theory.circulant(theory.dual_kernel(KERNELS[name]))
    errors = [
        np.linalg.norm(theory.sampled_covariance(KERNELS[name], samples, rng) - closed) / np.linalg.norm(closed)
        for samples in (1000, 100_000)
    ]
    assert errors[1] < 0.01
    assert errors[1] < errors[0] / 5  # as the root of the samples: a tenth


@pytest.mark.parametrize("name", KERNELS)
def test_the_jacobian_of_the_sampled_covariance_is_that_of_the_network(name, rng):
    """J from finite differences of ReLU(U C) v, of few channels."""
    kernel, channels, step = KERNELS[name], 6, 1e-6
    u, weights = theory.circulant(kernel), rng.standard_normal((N, channels))
    signs = np.repeat([1, -1], channels // 2) * channels**-0.5
    columns = []
    for i in range(N):
        for j in range(channels):
            moved = weights.copy()
            moved[i, j] += step
            columns.append((np.maximum(u @ moved, 0) @ signs - np.maximum(u @ weights, 0) @ signs) / step)
    j = np.stack(columns, axis=1)

    class Same:
        def standard_normal(self, shape):
            return weights

    np.testing.assert_allclose(j @ j.T, theory.sampled_covariance(kernel, channels, Same()), atol=1e-4)


@pytest.mark.parametrize("name", KERNELS)
def test_the_spectrum_is_that_of_the_closed_form(name):
    basis = theory.trigonometric(N)
    found = basis.T @ theory.circulant(theory.dual_kernel(KERNELS[name])) @ basis
    np.testing.assert_allclose(found, np.diag(theory.spectrum(KERNELS[name])), atol=1e-10)


def test_sampled_eigenfunctions_are_sines_and_cosines_and_those_of_another_matrix_are_not(rng):
    kernel = theory.triangular(N, 8)
    assert alignment(theory.sampled_covariance(kernel, 1 << 16, rng)).min() > 0.99
    other = theory.sampled_covariance(kernel, 1 << 16, rng) * np.linspace(1, 3, N)[:, None] ** 0.5 * np.linspace(1, 3, N) ** 0.5
    assert alignment(other).min() < 0.9


def test_a_fit_goes_as_predicted_and_the_narrow_one_less_so(rng):
    kernel = theory.triangular(N, 8) / np.linalg.norm(theory.triangular(N, 8))
    y = rng.standard_normal(N)
    y /= np.linalg.norm(y)
    rate = 0.5 / theory.spectrum(kernel)[0]

    def deviation(channels):
        fit = theory.fit(kernel, y, channels, rate, 100, rng)
        prediction = theory.predicted(kernel, y, rate, fit.iterations)
        return np.linalg.norm(fit.outputs - prediction, axis=1).max()

    wide, narrow = deviation(4096), deviation(64)
    assert wide < 0.05
    assert narrow > 2 * wide


def test_the_expected_error_is_the_mean_over_noise(rng):
    kernel, iterations, sigma = theory.triangular(N, 8), np.arange(0.0, 200, 10), 0.3
    x = theory.trigonometric(N)[:, 3]
    rate = 0.5 / theory.spectrum(kernel)[0]
    draws = [theory.predicted(kernel, x + rng.normal(0, sigma, N), rate, iterations) for _ in range(2000)]
    measured = np.mean([((outputs - x) ** 2).sum(1) for outputs in draws], axis=0)
    np.testing.assert_allclose(measured, theory.expected_error(kernel, x, sigma, rate, iterations), rtol=0.05)
