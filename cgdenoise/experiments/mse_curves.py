"""Figure 1: errors of a fit over its iterations, to a photograph, to noise, and to the photograph with noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from cgdenoise.experiments.drawing import panels
from cgdenoise.experiments.findings import Array, Claim, Findings, Setting, Table
from cgdenoise.experiments.fits import Curves, first_below, generator_rng, paper_decoder, shuffled, to_tensor, trace
from cgdenoise.experiments.pictures import square
from cgdenoise.generators.build import build
from cgdenoise.generators.spec import HourglassSpec

_SIGMA = 25 / 255
"""Of the noise that is added: the paper's."""

_FITTED = 0.1
"""Share of the target's variance that is left when it counts as fitted."""

_TARGETS = ("photograph", "noise", "photograph with noise")


@dataclass(frozen=True)
class _Size:
    side: int
    iterations: int
    channels: int
    levels: int
    width: int


_QUICK = _Size(side=64, iterations=600, channels=96, levels=4, width=32)
_WHOLE = _Size(side=256, iterations=5000, channels=256, levels=6, width=128)

_SEEN = (
    "Both generators could fit anything, and both fit the photograph long before noise (its pixels in random "
    "order). Fitted to the photograph with noise they are closest to the clean one in between: an "
    "early-stopped fit is a denoiser."
)


def run(setting: Setting) -> Findings:
    """Fit DD-O and the hourglass of the deep image prior to the three targets."""
    size = _QUICK if setting.quick else _WHOLE
    rng = np.random.default_rng(setting.seed)
    clean = square(setting.photographs[min(1, len(setting.photographs) - 1)].values, size.side)
    targets = dict(zip(_TARGETS, (clean, shuffled(clean, rng), clean + rng.normal(0, _SIGMA, clean.shape)), strict=True))
    channels = clean.shape[2] if clean.ndim == 3 else 1
    generators: dict[str, Callable[[torch.Generator], nn.Module]] = {
        "DD-O": lambda draws: paper_decoder(size.channels, size.levels, channels, size.side, draws),
        "hourglass": lambda draws: build(_hourglass(size), channels, (size.side, size.side), [draws]),
    }
    fits: dict[tuple[str, str], Curves] = {}
    for name, make in generators.items():
        for target, values in targets.items():
            setting.progress(f"{name}, {target}", len(fits) / 6)
            against = {"target": values if target == "noise" else clean}
            generator = make(generator_rng(setting.seed, 1))
            fits[name, target] = trace(generator, to_tensor(values), against, size.iterations, device=setting.device, every=5)
    return Findings(_SEEN, _numbers(fits, clean, size), _claims(fits, clean, size), _table(fits), _figure(fits, clean))


def _hourglass(size: _Size) -> HourglassSpec:
    return HourglassSpec(size.width).limited_to((size.side, size.side))


def _needed(curves: Curves, clean: Array, size: _Size) -> float:
    """Return the iterations to fit a target; those of the whole budget if it is not: a lower bound."""
    return min(first_below(curves.errors["target"] / clean.var(), curves.iterations, _FITTED), size.iterations)


def _claims(fits: dict[tuple[str, str], Curves], clean: Array, size: _Size) -> tuple[Claim, ...]:
    claims = []
    for name, bound in (("DD-O", 5), ("hourglass", 2)):
        needed = {target: _needed(fits[name, target], clean, size) for target in _TARGETS}
        noisy = fits[name, _TARGETS[2]].errors["target"]
        gain = 10 * np.log10(_SIGMA**2 / noisy.min())
        claims += [
            Claim(
                f"{name}: iterations to fit noise over those for the photograph",
                needed["noise"] / needed["photograph"],
                ">=",
                bound,
            ),
            Claim(f"{name}: least error of the noisy fit below the noise, dB", float(gain), ">=", 3),
        ]
    late = fits["hourglass", _TARGETS[2]].errors["target"]
    claims.append(
        Claim("hourglass: last error of the noisy fit over its least: it has to be stopped", late[-1] / late.min(), ">=", 1.1)
    )
    return tuple(claims)


def _numbers(fits: dict[tuple[str, str], Curves], clean: Array, size: _Size) -> list[str]:
    lines = []
    for name in ("DD-O", "hourglass"):
        needed = [_needed(fits[name, target], clean, size) for target in _TARGETS[:2]]
        noisy = fits[name, _TARGETS[2]]
        best = int(noisy.errors["target"].argmin())
        lines.append(
            f"{name}: 90 % of the photograph's variance after {needed[0]:.0f} iterations, of the noise's after {needed[1]:.0f}"
            f"{' (not yet: the budget)' if needed[1] == size.iterations else ''}; of the noisy photograph the error is least, "
            f"{-10 * np.log10(noisy.errors['target'][best]):.2f} dB, after {noisy.iterations[best]} "
            f"(after {noisy.iterations[-1]}: {-10 * np.log10(noisy.errors['target'][-1]):.2f} dB)"
        )
    return lines


def _table(fits: dict[tuple[str, str], Curves]) -> Table:
    rows = [
        (name, target, int(t), float(misfit), float(error))
        for (name, target), curves in fits.items()
        for t, misfit, error in zip(curves.iterations, curves.misfit, curves.errors["target"], strict=True)
    ]
    return Table(("generator", "fitted_to", "iteration", "misfit", "error_against_clean"), rows)


def _figure(fits: dict[tuple[str, str], Curves], clean: Array) -> Figure:
    figure, grid = panels(1, 4, width=3.4)
    for panel, target in zip(grid[0], _TARGETS, strict=False):
        for name in ("DD-O", "hourglass"):
            curves = fits[name, target]
            panel.plot(curves.iterations, curves.errors["target"], label=name)
        panel.set(xscale="log", yscale="log", xlabel="iteration", ylabel="mean squared error", title=f"fit to {target}")
    grid[0, 2].axhline(_SIGMA**2, color="0.6", linestyle="--", linewidth=1, label="noise")
    grid[0, 2].legend(fontsize="small")
    grid[0, 3].imshow(clean.clip(0, 1), cmap="gray", vmin=0, vmax=1)
    grid[0, 3].set_axis_off()
    return figure
