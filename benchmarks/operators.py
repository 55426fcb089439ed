"""An iteration through each forward operator, and the operator's share of it: 256² grey, the reconstruction presets' networks.

    python benchmarks/operators.py        # prints the table of benchmarks/README.md

Medians of several. The operator's time is that of A and of its adjoint, by themselves, on an image as the generator gives it.
"""

import argparse
import time

import numpy as np
import torch
from floor import median_seconds
from torch import Tensor

from cgdenoise.fitting.loop import Problem, Schedule, fit
from cgdenoise.fitting.stopping import Budget
from cgdenoise.generators.build import build
from cgdenoise.operators import (
    Blur,
    Coils,
    ComplexFromReal,
    Downsample,
    ForwardOperator,
    Kernel,
    PixelMask,
    SubsampledDCT,
    gaussian_psf,
    subsampled_fourier,
)
from cgdenoise.problems.sensing import fourier_lines
from cgdenoise.restoration.presets import RECONSTRUCTION
from cgdenoise.restoration.reconstruct import on_channels
from cgdenoise.runtime import choose_dtype, prepare_process, rng_for

_ITERATIONS, _REPEATS = 20, 5


def operators(side: int) -> dict[str, ForwardOperator]:
    """Return what is measured, from real channels."""
    shape, lines = (1, side, side), fourier_lines((side, side), 0.25, 0)
    maps = np.ones((8, side, side), np.complex64) / 8**0.5
    found = {
        "mask": PixelMask(torch.rand(shape, generator=rng_for(0)) > 0.5),
        "Fourier, a quarter": subsampled_fourier(lines, shape) @ ComplexFromReal(shape),
        "DCT, a quarter": SubsampledDCT(shape, side * side // 4, 0),
        "blur 1.6": Blur(shape, gaussian_psf(1.6)),
        "down by 2": Downsample(shape, 2, Kernel.BICUBIC),
        "8 coils": subsampled_fourier(lines, maps.shape) @ Coils(maps),
    }
    return {name: on_channels(operator, False).to(dtype=torch.float32) for name, operator in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--whole", type=int, default=0, help="also time one fit of so many iterations")
    chosen = parser.parse_args()
    prepare_process(None)
    preset = RECONSTRUCTION["fast"]
    print("| operator | depth | ms an iteration | of the operator | share | s for 1500 |\n| --- | --- | --- | --- | --- | --- |")
    for name, operator in operators(chosen.side).items():
        channels = operator.in_shape[0]
        x = torch.rand(operator.in_shape, generator=rng_for(1))
        y = operator(x)
        problem = Problem(y[None], torch.ones(1, *y.shape), torch.zeros(1, *y.shape), operator)

        def pair(operator: ForwardOperator = operator, x: Tensor = x) -> Tensor:
            return operator.adjoint(operator(x))

        with torch.no_grad():
            alone = 1e3 * median_seconds(pair, 3 * _REPEATS)
        for spec in preset.generators:
            size = (chosen.side, chosen.side)
            generator = build(spec, channels, size, [rng_for(0)], choose_dtype(torch.device("cpu")))

            def run(iterations: int, generator: torch.nn.Module = generator, problem: Problem = problem) -> None:
                fit(
                    generator,
                    problem,
                    optimiser=preset.optimiser,
                    stop=Budget(),
                    schedule=Schedule(iterations, averaging=preset.averaging),
                )

            each = 1e3 * median_seconds(lambda: run(_ITERATIONS), _REPEATS) / _ITERATIONS
            cells = f"{each:.1f} | {alone:.1f} | {alone / each:.0%} | {1.5 * each:.0f}"
            print(f"| {name} | {len(spec.channels)} | {cells} |", flush=True)
            if chosen.whole:
                start = time.perf_counter()
                run(chosen.whole)
                print(f"{chosen.whole} iterations: {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
