"""Figure 10: over many photographs, how many iterations a generator needs for each, and for noise."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from cgdenoise.experiments.drawing import panels
from cgdenoise.experiments.findings import Array, Claim, Findings, Setting, Table
from cgdenoise.experiments.fits import first_below, generator_rng, paper_decoder, shuffled, to_tensor, trace
from cgdenoise.experiments.pictures import grey, square

_FITTED = 0.3
"""Share of a target's variance that is left when it counts as fitted: fine textures, too, come there within the budget."""

_SEEN = (
    f"Iterations until {1 - _FITTED:.0%} of the variance is fitted. Noise, the same pixels in random order, "
    "comes last; how long before it a picture comes depends on how smooth it is: a texture as fine as the "
    "pixels is nearly as hard to fit as noise."
)


def run(setting: Setting) -> Findings:
    """Fit DD-O to each photograph and to its pixels in random order."""
    side, channels, iterations = (32, 128, 400) if setting.quick else (128, 256, 3000)
    levels = side.bit_length() - 3  # the coarsest level is 8 x 8
    rng = np.random.default_rng(setting.seed)
    needed: dict[str, tuple[float, float]] = {}
    for number, photograph in enumerate(setting.photographs):
        setting.progress(photograph.name, number / len(setting.photographs))
        picture = square(grey(photograph.values), side)
        both = []
        for target in (picture, shuffled(picture, rng)):
            generator = paper_decoder(channels, levels, 1, side, generator_rng(setting.seed, number))
            curves = trace(generator, to_tensor(target), {}, iterations, device=setting.device, every=2)
            both.append(first_below(curves.misfit / picture.var(), curves.iterations, _FITTED))
        needed[photograph.name] = (both[0], both[1])
    ratios = np.array([min(noise, iterations) / min(image, iterations) for image, noise in needed.values()])
    first = float(np.mean([image < noise for image, noise in needed.values()]))
    claims = (
        Claim("iterations for noise over those for the photograph, median", float(np.median(ratios)), ">=", 3),
        Claim("share of the photographs that are fitted before their noise", first, ">=", 1.0),
    )
    return Findings(_SEEN, _numbers(needed, iterations), claims, _table(needed, iterations), _figure(needed, iterations))


def _numbers(needed: dict[str, tuple[float, float]], iterations: int) -> list[str]:
    def count(value: float) -> str:
        return f"{value:.0f}" if np.isfinite(value) else f"more than {iterations}"

    return [f"{name}: {count(image)} for the photograph, {count(noise)} for noise" for name, (image, noise) in needed.items()]


def _table(needed: dict[str, tuple[float, float]], iterations: int) -> Table:
    rows = [(name, min(image, iterations), min(noise, iterations), iterations) for name, (image, noise) in needed.items()]
    return Table(("photograph", "iterations_for_it", "iterations_for_noise", "budget"), rows)


def _figure(needed: dict[str, tuple[float, float]], iterations: int) -> Figure:
    figure, grid = panels(1, 1, width=6.0)
    counts: Array = np.minimum(np.array(list(needed.values())), iterations)
    position = np.arange(len(needed))
    grid[0, 0].barh(position - 0.2, counts[:, 0], 0.4, label="photograph")
    grid[0, 0].barh(position + 0.2, counts[:, 1], 0.4, label="noise")
    grid[0, 0].axvline(iterations, color="0.6", linestyle="--", linewidth=1, label="budget")
    grid[0, 0].set(xscale="log", xlabel="iterations", title=f"until {1 - _FITTED:.0%} of the variance is fitted")
    grid[0, 0].set_yticks(position, list(needed), parse_math=False)
    grid[0, 0].legend(fontsize="small")
    return figure
