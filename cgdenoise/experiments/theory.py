"""The two-layer generator of the paper's theory: its dual kernel, its Jacobian, its fit by gradient descent.

G(C) = ReLU(U C) v, with U (n, n) a fixed circular convolution, C (n, k) the weights, and v (k) fixed, half of its entries
1 / sqrt(k) and half -1 / sqrt(k) (Heckel & Soltanolkotabi, ICLR 2020, arXiv 1910.14634). Near Gaussian weights its Jacobian J
has J J' close to its expectation, which is circulant: trigonometric functions are its eigenvectors, and gradient descent fits
each at a rate of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cgdenoise.experiments.findings import Array


def circulant(kernel: Array) -> Array:
    """Return the matrix (n, n) of the circular convolution with a kernel (n), whose centre is its first entry."""
    n = len(kernel)
    matrix: Array = kernel[(np.arange(n)[:, None] - np.arange(n)) % n]
    return matrix


def triangular(n: int, half_width: int) -> Array:
    """Return a triangular kernel, (n): linear interpolation from a grid of spacing `half_width`."""
    distance = np.minimum(np.arange(n), n - np.arange(n))
    return np.maximum(1 - distance / half_width, 0.0)


def gaussian(n: int, sigma: float) -> Array:
    """Return a Gaussian kernel, (n), of a standard deviation in samples."""
    distance = np.minimum(np.arange(n), n - np.arange(n))
    return np.exp(-0.5 * (distance / sigma) ** 2)


def dual_kernel(kernel: Array) -> Array:
    """Return the first column (n) of the expectation of J J' under Gaussian weights, in closed form.

    Its entry i is <u_0, u_i> (1 - arccos(cosine of the angle between u_0 and u_i) / pi) / 2: the two rows' product, times the
    probability that both have a positive product with one Gaussian vector (the arc-cosine kernel of order 0; Cho & Saul,
    NIPS 2009).
    """
    products = np.fft.ifft(np.abs(np.fft.fft(kernel)) ** 2).real
    cosines = np.clip(products / products[0], -1.0, 1.0)
    expected: Array = products * (1 - np.arccos(cosines) / np.pi) / 2
    return expected


def sampled_covariance(kernel: Array, samples: int, rng: np.random.Generator) -> Array:
    """Return J J' (n, n) at Gaussian weights with `samples` columns: the Monte Carlo estimate of the closed form."""
    u = circulant(kernel)
    positive = (u @ rng.standard_normal((len(kernel), samples)) > 0).astype(np.float64)
    covariance: Array = (u @ u.T) * (positive @ positive.T) / samples
    return covariance


def frequencies(n: int) -> Array:
    """Return the frequency, in periods of the signal, of each column of `trigonometric`."""
    return np.concatenate([[0], np.repeat(np.arange(1, (n + 1) // 2), 2), [n // 2] if n % 2 == 0 else []])


def trigonometric(n: int) -> Array:
    """Return the orthonormal basis (n, n) of sines and cosines, a column each, lowest frequency first."""
    position = 2 * np.pi * np.arange(n) / n
    columns = [np.full(n, n**-0.5)]
    for frequency in range(1, (n + 1) // 2):
        columns += [np.cos(frequency * position) * (2 / n) ** 0.5, np.sin(frequency * position) * (2 / n) ** 0.5]
    if n % 2 == 0:
        columns.append(np.cos(n // 2 * position) * n**-0.5)
    return np.stack(columns, axis=1)


def spectrum(kernel: Array) -> Array:
    """Return the eigenvalues (n) of the expected J J', in the order of `trigonometric`'s columns."""
    values: Array = np.fft.fft(dual_kernel(kernel)).real[frequencies(len(kernel)).astype(int)]
    return values


@dataclass(frozen=True)
class Fit:
    """Outputs of a fit: `outputs` (T, n) at `iterations` (T), from 0, where the output is 0."""

    iterations: Array
    outputs: Array


def fit(kernel: Array, y: Array, channels: int, rate: float, iterations: int, rng: np.random.Generator) -> Fit:
    """Fit a two-layer generator to y (n) by gradient descent on half the squared error.

    The weights come in pairs of one value and opposite signs of v, so that the output starts at 0 as the theorem has it, whatever
    their scale: at the unit scale used here they move little on their way, which is the theorem's other condition.
    """
    u = circulant(kernel).astype(np.float32)
    half = rng.standard_normal((len(kernel), channels // 2))
    weights = np.concatenate([half, half], axis=1).astype(np.float32)
    signs = np.repeat(np.array([1, -1], np.float32), channels // 2) * np.float32(channels**-0.5)
    target, outputs = y.astype(np.float32), []
    for _ in range(iterations + 1):
        hidden = u @ weights
        outputs.append(np.maximum(hidden, 0) @ signs)
        slope = (hidden > 0) * np.outer(outputs[-1] - target, signs)
        weights -= np.float32(rate) * (u.T @ slope)
    return Fit(np.arange(iterations + 1.0), np.array(outputs, np.float64))


def predicted(kernel: Array, y: Array, rate: float, iterations: Array) -> Array:
    """Return the outputs (T, n) that the theory predicts: 1 - (1 - rate σ_i²)^t of each trigonometric component of y."""
    basis = trigonometric(len(y))
    fitted = 1 - (1 - rate * spectrum(kernel)) ** iterations[:, None]
    outputs: Array = (fitted * (basis.T @ y)) @ basis.T
    return outputs


def expected_error(kernel: Array, x: Array, sigma: float, rate: float, iterations: Array) -> Array:
    """Return the expected squared error (T) of the fit to x (n) plus white noise of a standard deviation: bias and noise."""
    remaining = (1 - rate * spectrum(kernel)) ** iterations[:, None]
    bias = (remaining * (trigonometric(len(x)).T @ x)) ** 2
    noise = (1 - remaining) ** 2 * sigma**2
    error: Array = (bias + noise).sum(axis=1)
    return error
