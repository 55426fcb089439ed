"""Figure 6: kernels, their dual kernels, and the eigenfunctions of the two-layer generator's Jacobian."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from cgdenoise.experiments.drawing import panels
from cgdenoise.experiments.findings import Array, Claim, Findings, Setting, Table
from cgdenoise.experiments.theory import (
    circulant,
    dual_kernel,
    frequencies,
    gaussian,
    sampled_covariance,
    spectrum,
    triangular,
    trigonometric,
)

_N = 128
"""Samples of the signal."""

_LEADING = 9
"""Eigenfunctions that are looked at: the constant, and sine and cosine of the four lowest frequencies. Where eigenvalues are
close together, those of a sample are mixtures."""

_KERNELS = {
    "triangular, half width 8": triangular(_N, 8),
    "triangular, half width 16": triangular(_N, 16),
    "Gaussian, σ 8": gaussian(_N, 8.0),
    "no interpolation": triangular(_N, 1),
}


def run(setting: Setting) -> Findings:
    """Compare the closed form with Monte Carlo, and the eigenfunctions with sines and cosines."""
    samples = 1 << (16 if setting.quick else 18)
    rng = np.random.default_rng(setting.seed)
    covariances = {}
    for number, (name, kernel) in enumerate(_KERNELS.items()):
        setting.progress(name, number / len(_KERNELS))
        covariances[name] = sampled_covariance(kernel, samples, rng)
    return Findings(_seen(samples), (), _claims(covariances), _table(covariances), _figure(covariances))


def alignment(covariance: Array) -> Array:
    """Return for each leading eigenvector of a covariance (n, n) the norm of its projection on the best single frequency."""
    n = len(covariance)
    vectors = np.linalg.eigh(covariance)[1][:, ::-1][:, :_LEADING]
    energy = (trigonometric(n).T @ vectors) ** 2
    of_frequency = np.stack([energy[frequencies(n) == frequency].sum(0) for frequency in range(n // 2 + 1)])
    largest: Array = np.sqrt(of_frequency.max(axis=0))
    return largest


def _claims(covariances: dict[str, Array]) -> tuple[Claim, ...]:
    smooth = {name: covariance for name, covariance in covariances.items() if name != "no interpolation"}
    closed = {name: circulant(dual_kernel(_KERNELS[name])) for name in covariances}
    differences = [np.linalg.norm(covariances[name] - closed[name]) / np.linalg.norm(closed[name]) for name in covariances]
    basis = trigonometric(_N)
    residues = [np.abs(basis.T @ closed[name] @ basis - np.diag(spectrum(_KERNELS[name]))).max() for name in covariances]
    aligned = min(alignment(covariance).min() for covariance in smooth.values())
    falls = min(spectrum(_KERNELS[name])[0] / spectrum(_KERNELS[name])[-1] for name in smooth)
    flat = spectrum(_KERNELS["no interpolation"])
    return (
        Claim("closed form and Monte Carlo differ by this share, at most of the kernels", float(max(differences)), "<=", 0.05),
        Claim("sines and cosines diagonalise the closed form, up to", max(residues), "<=", 1e-9),
        Claim("alignment of the sampled eigenfunctions with one frequency, least of the leading", aligned, ">=", 0.99),
        Claim("largest over least eigenvalue of interpolating kernels, least of them", falls, ">=", 50),
        Claim(
            "largest over least eigenvalue without interpolation: nothing is fitted first", flat.max() / flat.min(), "<=", 1.01
        ),
    )


def _seen(samples: int) -> str:
    return (
        "The Jacobian J of a two-layer generator has, in expectation over Gaussian weights, a circulant J J': the "
        "dual kernel. Its eigenfunctions are sines and cosines whatever the kernel is, and sampled weights "
        f"({samples} columns) show the same. The eigenvalues, which are the rates at which gradient descent fits "
        "them, fall with the frequency the faster the wider the interpolating kernel is. Without interpolation all "
        "frequencies, signal and noise, are fitted at one rate."
    )


def _table(covariances: dict[str, Array]) -> Table:
    basis = trigonometric(_N)
    rows: list[tuple[float | int | str, ...]] = []
    for name, covariance in covariances.items():
        sampled = np.einsum("in,ij,jn->n", basis, covariance, basis)
        dual = dual_kernel(_KERNELS[name])
        for i, (frequency, closed) in enumerate(zip(frequencies(_N), spectrum(_KERNELS[name]), strict=True)):
            rows.append((name, i, _KERNELS[name][i], dual[i], int(frequency), closed, sampled[i]))
    return Table(("kernel_name", "index", "kernel", "dual_kernel", "frequency", "eigenvalue", "sampled_eigenvalue"), rows)


def _figure(covariances: dict[str, Array]) -> Figure:
    figure, grid = panels(2, 2)
    position = np.arange(_N) - _N // 2
    for number, (name, covariance) in enumerate(covariances.items()):
        kernel, values = _KERNELS[name], spectrum(_KERNELS[name])
        grid[0, 0].plot(position, np.fft.fftshift(kernel / kernel.max()), color=f"C{number}", label=name)
        grid[0, 1].plot(position, np.fft.fftshift(dual_kernel(kernel) / dual_kernel(kernel)[0]), color=f"C{number}")
        basis = trigonometric(_N)
        sampled = np.einsum("in,ij,jn->n", basis, covariance, basis)
        grid[1, 0].plot(frequencies(_N), values / values[0], color=f"C{number}")
        grid[1, 0].plot(frequencies(_N), sampled / values[0], ".", color=f"C{number}", markersize=3)
    vectors = np.linalg.eigh(covariances["triangular, half width 16"])[1][:, ::-1]
    for i in (0, 1, 3, 7):
        grid[1, 1].plot(vectors[:, i], label=f"number {i + 1}")
    grid[0, 0].set(title="kernel", xlabel="position")
    grid[0, 1].set(title="dual kernel", xlabel="position")
    grid[1, 0].set(title="eigenvalues (dots: Monte Carlo)", xlabel="frequency", yscale="log")
    grid[1, 1].set(title="eigenfunctions, half width 16, Monte Carlo", xlabel="position")
    grid[0, 0].legend(fontsize="x-small")
    grid[1, 1].legend(fontsize="x-small")
    return figure
