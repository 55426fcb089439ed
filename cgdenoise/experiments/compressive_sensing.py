"""Convergence of a fit to few measurements (Heckel & Soltanolkotabi, ICML 2020, arXiv 2005.03991)."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from cgdenoise.experiments.drawing import panels
from cgdenoise.experiments.findings import Array, Claim, Findings, Setting, Table
from cgdenoise.experiments.fits import Curves, generator_rng, paper_decoder, to_tensor, trace
from cgdenoise.experiments.pictures import grey, square
from cgdenoise.fitting.loop import Forward
from cgdenoise.operators import ComplexFromReal, PixelMask, random_matrix, subsampled_fourier

_SHARE = 1 / 3
"""Measurements for each pixel."""

_SIGMA = 25 / 255
"""Noise of the fit that has to be stopped, for comparison."""

_SEEN = (
    "From a third as many measurements as pixels, without noise, the fit goes to the picture and stays there, "
    "although the generator could explain the measurements by any number of others: structure is what it finds "
    "first. With noise the same generator goes past the picture."
)


def run(setting: Setting) -> Findings:
    """Fit a generator to random pixels, random lines of the Fourier plane and random projections, without noise, to the end."""
    side, channels, levels, iterations = (48, 96, 4, 1500) if setting.quick else (128, 256, 5, 10000)
    rng = np.random.default_rng(setting.seed)
    picture = square(grey(setting.photographs[0].values), side)
    x = to_tensor(picture).to(setting.device)
    noisy = to_tensor(picture + rng.normal(0, _SIGMA, picture.shape))
    problems: dict[str, tuple[Forward, Tensor]] = {
        name: (forward, forward(x)) for name, forward in _operators(side, setting, rng).items()
    } | {"all pixels, with noise": (lambda image: image, noisy)}
    fits: dict[str, Curves] = {}
    for number, (name, (forward, y)) in enumerate(problems.items()):
        setting.progress(name, number / len(problems))
        generator = paper_decoder(channels, levels, 1, side, generator_rng(setting.seed, 1))
        fits[name] = trace(generator, y, {"picture": picture}, iterations, device=setting.device, every=10, forward=forward)
    return Findings(_SEEN, _numbers(fits), _claims(fits, picture), _table(fits), _figure(fits))


def _operators(side: int, setting: Setting, rng: np.random.Generator) -> dict[str, Forward]:
    """Return forward operators from [1, 1, side, side] with about a third as many measurements as pixels."""
    shape = (1, 1, side, side)
    pixels = rng.random((side, side)) < _SHARE
    lines = rng.random(side) < _SHARE
    middle = side // 2
    lines[middle - side // 24 : middle + side // 24 + 1] = True  # without the lowest frequencies there is no picture to recover
    fourier = subsampled_fourier(lines[None, :], shape) @ ComplexFromReal(shape)
    matrix = random_matrix(shape, round(_SHARE * side**2), setting.seed).to(setting.device)
    return {
        "random pixels": PixelMask(pixels, shape).to(setting.device),
        "random Fourier lines": fourier.to(setting.device),
        "random projections": lambda image: matrix(image)[None],
    }


def _decibels(error: float) -> float:
    return -10 * math.log10(error)


def _late(curves: Curves) -> float:
    """Return the last error over the least."""
    errors = curves.errors["picture"]
    return float(errors[-1] / errors.min())


def _claims(fits: dict[str, Curves], picture: Array) -> tuple[Claim, ...]:
    sensing = {name: curves for name, curves in fits.items() if name != "all pixels, with noise"}
    explained = max(curves.misfit[-1] / curves.misfit[0] for curves in sensing.values())
    recovered = max(curves.errors["picture"][-1] / picture.var() for curves in sensing.values())
    late = max(map(_late, sensing.values()))
    noisy = _late(fits["all pixels, with noise"])
    return (
        Claim("misfit at the end over that at the start, most of the operators", explained, "<=", 0.02),
        Claim("error at the end over the picture's variance, most of the operators", float(recovered), "<=", 0.15),
        Claim("error at the end over the least, most of the operators", late, "<=", 1.5),
        Claim("the same of a fit to all pixels with noise, which has to be stopped", noisy, ">=", 1.5),
    )


def _numbers(fits: dict[str, Curves]) -> list[str]:
    return [
        f"{name}: {_decibels(curves.errors['picture'].min()):.2f} dB at best, "
        f"{_decibels(curves.errors['picture'][-1]):.2f} dB at the end; misfit {curves.misfit[-1]:.2g}"
        for name, curves in fits.items()
    ]


def _table(fits: dict[str, Curves]) -> Table:
    rows = [
        (name, int(t), float(misfit), float(error))
        for name, curves in fits.items()
        for t, misfit, error in zip(curves.iterations, curves.misfit, curves.errors["picture"], strict=True)
    ]
    return Table(("measurements", "iteration", "misfit", "error_against_picture"), rows)


def _figure(fits: dict[str, Curves]) -> Figure:
    figure, grid = panels(1, 2)
    for name, curves in fits.items():
        grid[0, 0].plot(curves.iterations, curves.misfit, label=name)
        grid[0, 1].plot(curves.iterations, curves.errors["picture"], label=name)
    grid[0, 0].set(title="misfit to the measurements", xlabel="iteration", xscale="log", yscale="log")
    grid[0, 1].set(title="error against the picture", xlabel="iteration", xscale="log", yscale="log")
    grid[0, 1].legend(fontsize="small")
    return figure
