"""A scan of several coils: the generator alone and the whole beside sigpy's reconstructions. Prints a markdown table, PSNR in dB.

    pip install '.[sigpy]' && python benchmarks/scans.py --side 64
    python benchmarks/scans.py --side 128 --convdecoder 20000   # beside ConvDecoder as published: for a GPU

A phantom, smooth coil maps that are not told, a share of the lines with 14 central ones, noise 0.01. All methods get the same
maps, of the samples; the weights of sigpy's are chosen by the truth, in their favour, and ours have nothing to choose.
"""

import argparse
import sys
from dataclasses import replace

import numpy as np
import torch
from convdecoder import convdecoder
from inverse import phantom

from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.metrics import psnr
from cgdenoise.operators import Fourier
from cgdenoise.problems import estimate_maps, fourier_lines, parallel_problem, solve
from cgdenoise.restoration.presets import RECONSTRUCTION

_WEIGHTS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
_ITERATIONS = 2000  # with its own 100 total variation is 6 dB short of what 500 give
_CENTRE, _LEVEL = 14, 0.01
_CONVOLVED = replace(
    RECONSTRUCTION["fast"],
    generators=(DecoderSpec((128, 128, 128, 64, 32, 32), kernel_size=3),),
    probe_iterations=0,
    max_iterations=1000,
    competition=False,
    hold_out=0.0,
    stop="none",
)  # what is nearest to ConvDecoder of what there is here: learned filters, all of the lines fitted, and no early stop


def scanned(side: int, coils: int, acceleration: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the phantom's magnitude, the mask and the samples."""
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    magnitude = phantom(side)[0].double().numpy()
    around = [(np.sin(a), np.cos(a), a) for a in 2 * np.pi * np.arange(coils) / coils]
    maps = np.stack([np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / 1.5 + 1j * (a + rows * c)) for r, c, a in around])
    maps /= np.sqrt((abs(maps) ** 2).sum(0))
    mask = fourier_lines((side, side), 1 / acceleration, 0) | (abs(np.arange(side) - side // 2) < _CENTRE // 2)
    rng = np.random.default_rng(0)
    noise = _LEVEL / 2**0.5 * (rng.standard_normal(maps.shape) + 1j * rng.standard_normal(maps.shape))
    image = magnitude * np.exp(1j * (rows + columns / 2))
    samples: np.ndarray = (Fourier(maps.shape)(torch.from_numpy(maps * image)).numpy() + noise) * mask
    return magnitude, mask, samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--coils", type=int, default=8)
    parser.add_argument("--accelerations", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--convdecoder", type=int, metavar="ITERATIONS")
    chosen = parser.parse_args()
    try:
        from sigpy.mri import app
    except ImportError:
        sys.exit("needs sigpy; install it with: pip install sigpy")
    for number, acceleration in enumerate(chosen.accelerations):
        truth, mask, y = scanned(chosen.side, chosen.coils, acceleration)
        maps = estimate_maps(y, mask)
        assert maps is not None
        single = y.astype(np.complex64)
        support = abs(estimate_maps(y, mask, 0.8)).any(0)

        def quality(image: np.ndarray, truth: np.ndarray = truth, support: np.ndarray = support) -> float:
            return psnr(abs(image) * support, truth, 1.0)

        problem = parallel_problem(y, mask, None, None)
        rows = {"zero-filled": quality(problem.start.image())}
        for name, kind in (("L1 wavelets", app.L1WaveletRecon), ("TV", app.TotalVariationRecon)):
            found = (kind(single, maps, weight, max_iter=_ITERATIONS, show_pbar=False).run() for weight in _WEIGHTS)
            rows[name] = max(quality(image) for image in found)
        for name, preset in (("generator alone", "fast"), ("cgdenoise", "balanced")):
            rows[name] = quality(solve(problem, preset=preset).image)
        if chosen.convdecoder:
            rows["3x3, not stopped"] = quality(solve(problem, preset=_CONVOLVED).image)
            rows["ConvDecoder"] = quality(convdecoder(y, mask, chosen.convdecoder))
        if not number:
            print(f"| lines | {' | '.join(rows)} |\n| --- {'| --- ' * len(rows)}|")
        print(f"| 1/{acceleration} | {' | '.join(f'{value:.2f}' for value in rows.values())} |", flush=True)


if __name__ == "__main__":
    main()
