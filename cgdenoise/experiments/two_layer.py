"""The theorem: a two-layer generator that is fitted to a noisy smooth signal, against what the theory says of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from cgdenoise.experiments.drawing import panels
from cgdenoise.experiments.findings import Array, Claim, Findings, Setting, Table
from cgdenoise.experiments.pictures import grey, square
from cgdenoise.experiments.theory import expected_error, fit, predicted, spectrum, triangular, trigonometric

_N = 128
"""Samples of the signal."""

_HALF_WIDTH = 16
"""Of the triangular kernel: its eigenvalues fall by a factor of 150 over the first 32 trigonometric functions."""

_NOISE = 0.5
"""Standard deviation of the noise over the signal's root mean square."""

_RATE = 0.2
"""Step size over the largest that converges: small enough for the best iteration to be well above 1."""


@dataclass(frozen=True)
class _Case:
    """One signal, of `p` trigonometric functions, and its fits: errors (fits, T), mean squares over the noise's variance."""

    p: int
    iterations: Array
    measured: Array
    expected: Array
    deviation: float
    example: tuple[Array, Array, Array]


_SEEN = (
    "Rows of a photograph, restricted to their p lowest frequencies, plus white noise, are fitted by a wide "
    "two-layer generator. Each trigonometric component approaches the data as 1 - (1 - rate σ_i²)^t: those of "
    "the signal come early, those of the noise late, and stopped between the two the fit keeps about p/n of "
    "the noise."
)


def run(setting: Setting) -> Findings:
    """Fit rows of a photograph, restricted to their p lowest frequencies, with noise."""
    rows = square(grey(setting.photographs[0].values), _N)
    draws, channels = (6, 2048) if setting.quick else (24, 8192)
    sizes = (5, 9, 17, 33)
    cases = []
    for number, p in enumerate(sizes):
        setting.progress(f"signals of {p} functions", number / len(sizes))
        cases.append(_case(rows, p, draws, channels, np.random.default_rng((setting.seed, p))))
    return Findings(_SEEN, _numbers(cases), _claims(cases), _table(cases), _figure(cases))


def _case(rows: Array, p: int, draws: int, channels: int, rng: np.random.Generator) -> _Case:
    kernel = triangular(_N, _HALF_WIDTH)
    kernel /= np.linalg.norm(kernel)
    basis = trigonometric(_N)[:, :p]
    signals = [basis @ (basis.T @ (row - 0.5)) for row in rows[:: len(rows) // draws][:draws]]
    # Of norm 1: the smaller the signal, the less the weights move, and the nearer the fit is to the theory.
    signals = [x / np.linalg.norm(x) for x in signals]
    sigma = _NOISE / _N**0.5
    rate = _RATE / spectrum(kernel)[0]
    steps = np.arange(5000.0)
    best = max(int(expected_error(kernel, x, sigma, rate, steps).argmin()) for x in signals)
    iterations = 3 * best + 10
    measured, expected, deviations = [], [], []
    for x in signals:
        y = x + rng.normal(0, sigma, _N)
        fitted = fit(kernel, y, channels, rate, iterations, rng)
        theory = predicted(kernel, y, rate, fitted.iterations)
        deviations.append(np.linalg.norm(fitted.outputs - theory, axis=1).max() / np.linalg.norm(y))
        measured.append(((fitted.outputs - x) ** 2).sum(1) / (_N * sigma**2))
        expected.append(expected_error(kernel, x, sigma, rate, fitted.iterations) / (_N * sigma**2))
    kept = fitted.outputs[int(expected[-1].argmin())]
    return _Case(p, fitted.iterations, np.array(measured), np.array(expected), float(np.mean(deviations)), (x, y, kept))


def _claims(cases: list[_Case]) -> tuple[Claim, ...]:
    deviation = max(case.deviation for case in cases)
    lost = max(_at_predicted(case) / case.measured.min(1).mean() for case in cases)
    rates = [case.measured.min(1).mean() / (case.p / _N) for case in cases]
    late = min(case.measured[:, -1].mean() / case.measured.min(1).mean() for case in cases)
    return (
        Claim(
            "outputs differ from the prediction, at most over the iterations, by this share of the data", deviation, "<=", 0.05
        ),
        Claim("error at the predicted stopping time, over the least of all iterations", lost, "<=", 1.15),
        Claim("least error over the rate p/n of the theorem, smallest of the signals", min(rates), ">=", 0.4),
        Claim("least error over the rate p/n of the theorem, largest of the signals", max(rates), "<=", 2.5),
        Claim("error at three times the best iteration, over the least: early stopping is needed", late, ">=", 1.05),
    )


def _at_predicted(case: _Case) -> float:
    stops = case.expected.argmin(axis=1)
    return float(np.mean([errors[stop] for errors, stop in zip(case.measured, stops, strict=True)]))


def _numbers(cases: list[_Case]) -> list[str]:
    return [
        f"{case.p} of {_N} functions: least error {case.measured.min(1).mean():.3f} of the noise's variance "
        f"(p/n = {case.p / _N:.3f}), "
        f"at iteration {np.median(case.measured.argmin(1)):.0f} (predicted {np.median(case.expected.argmin(1)):.0f})"
        for case in cases
    ]


def _table(cases: list[_Case]) -> Table:
    rows = [
        (case.p, fit_number, int(t), float(measured), float(expected))
        for case in cases
        for fit_number in range(len(case.measured))
        for t, measured, expected in zip(case.iterations, case.measured[fit_number], case.expected[fit_number], strict=True)
    ]
    return Table(("p", "fit", "iteration", "error_over_noise_variance", "expected_error_over_noise_variance"), rows)


def _figure(cases: list[_Case]) -> Figure:
    figure, grid = panels(1, 3)
    x, y, kept = cases[1].example
    grid[0, 0].plot(y, ".", color="0.6", label="data")
    grid[0, 0].plot(x, color="C0", label="signal")
    grid[0, 0].plot(kept, color="C1", label="fit, stopped where predicted")
    grid[0, 0].set(title=f"signal of {cases[1].p} functions", xlabel="sample")
    for number, case in enumerate(cases):
        grid[0, 1].plot(case.iterations + 1, case.measured.mean(0), color=f"C{number}", label=f"p = {case.p}")
        grid[0, 1].plot(case.iterations + 1, case.expected.mean(0), "--", color=f"C{number}", linewidth=1)
    grid[0, 1].set(
        xscale="log", yscale="log", title="error (dashed: predicted)", xlabel="iteration + 1", ylabel="error / noise variance"
    )
    rate = [case.p / _N for case in cases]
    grid[0, 2].plot(rate, [case.measured.min(1).mean() for case in cases], "o-", label="least error, measured")
    grid[0, 2].plot(rate, rate, "--", color="0.5", label="p / n")
    grid[0, 2].set(title="denoising rate", xlabel="p / n", ylabel="error / noise variance")
    for panel in grid[0]:
        panel.legend(fontsize="small")
    return figure
