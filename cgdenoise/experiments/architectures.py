"""Figures 4 and 8: which part of the architecture makes a generator fit a picture before it fits noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from cgdenoise.experiments.drawing import panels
from cgdenoise.experiments.findings import Array, Claim, Findings, Setting, Table
from cgdenoise.experiments.fits import Curves, first_below, generator_rng, shuffled, to_tensor, trace
from cgdenoise.experiments.networks import Architecture, Network, channels_for
from cgdenoise.experiments.pictures import grey, square

_LEVELS = 3
"""Layers of every network."""

_FITTED = 0.1
"""Share of the target's variance that is left when it counts as fitted."""

_OVERPARAMETERISED = (1, 4, 16)
"""Weights for each pixel."""


@dataclass(frozen=True)
class _Fit:
    architecture: Architecture
    weights_per_pixel: int
    target: str
    curves: Curves
    variance: float

    @property
    def relative(self) -> Array:
        return self.curves.misfit / self.variance

    @property
    def iterations_needed(self) -> float:
        return first_below(self.relative, self.curves.iterations, _FITTED)


_SEEN = (
    "Four generators with as many weights fit a photograph, and noise: its pixels in random order. Noise that "
    "is not fitted within the budget counts as if it were fitted at its end, so that those ratios are lower "
    "bounds."
)


def run(setting: Setting) -> Findings:
    """Fit a photograph, and its pixels in random order, with four architectures of three sizes."""
    side, iterations = (32, 300) if setting.quick else (64, 3000)
    picture = square(grey(setting.photographs[0].values), side)
    noise = shuffled(picture, np.random.default_rng(setting.seed))
    cases = [(a, size, name) for a in Architecture for size in _OVERPARAMETERISED for name in ("image", "noise")]
    fits = []
    for number, (architecture, size, name) in enumerate(cases):
        setting.progress(f"{architecture}, {size} weights a pixel, {name}", number / len(cases))
        target = picture if name == "image" else noise
        channels = channels_for(architecture, size * side**2, _LEVELS)
        network = Network(architecture, channels, _LEVELS, side, generator_rng(setting.seed, number // 2))
        curves = trace(network, to_tensor(target), {}, iterations, device=setting.device, every=2)
        fits.append(_Fit(architecture, size, name, curves, float(picture.var())))
    return Findings(_SEEN, _numbers(fits, iterations), _claims(fits, iterations), _table(fits), _figure(fits))


def _ratio(fits: list[_Fit], architecture: Architecture, size: int, iterations: int) -> float:
    """Return iterations to fit noise over those for the image: a lower bound if noise is not fitted within the budget."""
    needed = {f.target: f.iterations_needed for f in fits if (f.architecture, f.weights_per_pixel) == (architecture, size)}
    return min(needed["noise"], iterations) / needed["image"]


def _claims(fits: list[_Fit], iterations: int) -> tuple[Claim, ...]:
    largest = _OVERPARAMETERISED[-1]
    ratios = {a: _ratio(fits, a, largest, iterations) for a in Architecture}
    fixed = min(ratio for a, ratio in ratios.items() if a.is_fixed)
    learned = max(ratio for a, ratio in ratios.items() if not a.is_fixed)
    words = f"iterations to fit noise over those for the image, {largest} weights a pixel"
    return (
        Claim(f"{words}, least of the fixed filters", fixed, ">=", 5),
        Claim(f"{words}, least of the fixed over most of the learned filters", fixed / learned, ">=", 3),
    )


def _numbers(fits: list[_Fit], iterations: int) -> list[str]:
    lines = ["iterations to fit 90 % of the variance of   image   noise   ratio"]
    for architecture in Architecture:
        for size in _OVERPARAMETERISED:
            needed = {
                f.target: f.iterations_needed for f in fits if (f.architecture, f.weights_per_pixel) == (architecture, size)
            }
            shown = [f"{value:7.0f}" if np.isfinite(value) else f" >{iterations:5d}" for value in needed.values()]
            ratio = _ratio(fits, architecture, size, iterations)
            lines.append(f"{architecture}, {size} a pixel:  {'  '.join(shown)}   {ratio:5.1f}")
    return lines


def _table(fits: list[_Fit]) -> Table:
    rows = [
        (str(f.architecture), f.weights_per_pixel, f.target, int(t), float(error))
        for f in fits
        for t, error in zip(f.curves.iterations, f.relative, strict=True)
    ]
    return Table(("architecture", "weights_per_pixel", "target", "iteration", "error_over_variance"), rows)


def _figure(fits: list[_Fit]) -> Figure:
    figure, grid = panels(1, len(Architecture), width=3.6)
    for panel, architecture in zip(grid[0], Architecture, strict=True):
        for f in (f for f in fits if f.architecture is architecture):
            colour = f"C{_OVERPARAMETERISED.index(f.weights_per_pixel)}"
            label = f"{f.weights_per_pixel} weights a pixel" if f.target == "image" else None
            panel.plot(f.curves.iterations, f.relative, "-" if f.target == "image" else ":", color=colour, label=label)
        panel.axhline(_FITTED, color="0.7", linewidth=0.8)
        panel.set(xscale="log", ylim=(0, 1.3), xlabel="iteration", ylabel="error / variance")
        panel.set_title(architecture, fontsize="small")
    grid[0, 0].legend(fontsize="x-small", title="solid: image, dotted: noise", title_fontsize="x-small")
    return figure
