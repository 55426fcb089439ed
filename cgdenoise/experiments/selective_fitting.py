"""Figure 5: least squares by gradient descent fits what lies along the leading singular vectors first."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from cgdenoise.experiments.drawing import panels
from cgdenoise.experiments.findings import Array, Claim, Findings, Setting, Table
from cgdenoise.experiments.pictures import grey, square
from cgdenoise.experiments.theory import trigonometric

_N = 128
"""Samples of the signal: rows of a photograph."""

_DECAY = 40.0
"""Singular values are exp(-i / this) along the trigonometric functions, lowest frequency first."""

_NOISE = 0.1
"""Standard deviation of the noise, where the photograph is in 0 to 1."""

_SEEN = (
    "Rows of a photograph lie along the leading singular vectors, the low frequencies; noise along all of them "
    "alike. Gradient descent fits each singular direction at the rate s_i², so it has the signal long before the "
    "noise, and the error of the fit to the noisy signal is least in between."
)


def run(setting: Setting) -> Findings:
    """Fit y = J c by gradient descent for J = W diag(s) V' with W the trigonometric functions."""
    rng = np.random.default_rng(setting.seed)
    rows = square(grey(setting.photographs[0].values), _N)
    signals = np.stack([row - row.mean() for row in (rows[::4] if setting.quick else rows)], axis=1)
    noise = rng.normal(0, _NOISE, signals.shape)
    scale = np.exp(-np.arange(_N) / _DECAY)
    jacobian = trigonometric(_N) * scale @ np.linalg.qr(rng.standard_normal((_N, _N)))[0]
    iterations = np.unique(np.geomspace(1, 3000, 80).astype(int))
    curves = {
        "signal": _errors(jacobian, signals, signals, iterations),
        "noise": _errors(jacobian, noise, noise, iterations),
        "noisy signal, against the signal": _errors(jacobian, signals + noise, signals, iterations),
    }
    noisy = curves["noisy signal, against the signal"]
    claims = (
        Claim("iterations to fit 90 % of the noise, over those for the signal", _ratio(curves, iterations), ">=", 10),
        Claim("least error of the noisy fit over that of the noisy data", noisy.min() / _share(noise, signals), "<=", 0.7),
        Claim("last error of the noisy fit over its least", noisy[-1] / noisy.min(), ">=", 1.2),
    )
    rows_of_table = [(name, int(t), e) for name, errors in curves.items() for t, e in zip(iterations, errors, strict=True)]
    return Findings(
        _SEEN, (), claims, Table(("curve", "iteration", "relative_error"), rows_of_table), _figure(curves, iterations)
    )


def _share(part: Array, whole: Array) -> float:
    return float((part**2).sum() / (whole**2).sum())


def _errors(jacobian: Array, y: Array, x: Array, iterations: Array) -> Array:
    """Return the squared error against x, over its square, at each of the iterations of gradient descent on |J c - y|²."""
    weights = np.zeros_like(y)
    errors = []
    for t in range(1, int(iterations[-1]) + 1):
        weights -= jacobian.T @ (jacobian @ weights - y)  # step size 1: the largest singular value is 1
        if t in iterations:
            errors.append(_share(jacobian @ weights - x, x))
    return np.array(errors)


def _ratio(curves: dict[str, Array], iterations: Array) -> float:
    """Return how many times more iterations the noise takes to 10 % of its energy; more than that if it never comes there."""
    reached = {name: iterations[curves[name] <= 0.1] for name in ("signal", "noise")}
    if not len(reached["signal"]):
        return float("nan")
    return float((reached["noise"][0] if len(reached["noise"]) else iterations[-1]) / reached["signal"][0])


def _figure(curves: dict[str, Array], iterations: Array) -> Figure:
    figure, grid = panels(1, 2)
    grid[0, 0].plot(np.exp(-np.arange(_N) / _DECAY))
    grid[0, 0].set(title="singular values", xlabel="number", yscale="log")
    for name, errors in curves.items():
        grid[0, 1].plot(iterations, errors, label=name)
    grid[0, 1].set(title="gradient descent", xlabel="iteration", ylabel="relative squared error", xscale="log", ylim=(0, 1.05))
    grid[0, 1].legend(fontsize="small")
    return figure
