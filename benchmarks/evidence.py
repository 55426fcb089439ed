"""What right and wrong operators leave of the measurements, as shares of a constant image's error. Prints a markdown table.

    python benchmarks/evidence.py --images PICTURE...                        # centre crops of 64 x 64, an hour on one core
    python benchmarks/evidence.py --images PICTURE... --problems deblur cs

A small generator with few iterations: larger ones leave less of what can be explained.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from cgdenoise import CgDenoiseError, DecoderSpec, read_image
from cgdenoise.operators import (
    Blur,
    Coils,
    ComplexFromReal,
    Downsample,
    ForwardOperator,
    Fourier,
    Kernel,
    PixelMask,
    gaussian_psf,
    motion_psf,
    subsampled_fourier,
)
from cgdenoise.problems import (
    deblurring,
    fourier_lines,
    fourier_problem,
    inpainting,
    linear_problem,
    parallel_problem,
    solve,
    upscaling,
)
from cgdenoise.problems.problem import LinearProblem
from cgdenoise.problems.sensing import named_operator, simulated
from cgdenoise.restoration.presets import RECONSTRUCTION

PRESET = replace(
    RECONSTRUCTION["fast"],
    generators=(DecoderSpec((128, 64, 32, 16)),),
    probe_iterations=0,
    max_iterations=150,
    patience=50,
    guided=True,
)
PSFS = {"Gauss 1.6": gaussian_psf(1.6), "motion 15": motion_psf(15, 30), "motion 9": motion_psf(9, 30)}

Named = Iterator[tuple[str, LinearProblem]]


def as_page(operator: ForwardOperator, page: np.ndarray, sigma: float) -> np.ndarray:
    """Return what the operator makes of a picture, in 8 bits."""
    planes = np.ascontiguousarray(np.moveaxis(np.atleast_3d(page).astype(float), 2, 0))
    seen = np.moveaxis(operator(torch.from_numpy(planes)).numpy(), 0, 2)
    noisy = seen + sigma * np.random.default_rng(0).standard_normal(seen.shape)
    values = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return values if page.ndim == 3 else values[..., 0]


def inpaint(page: np.ndarray) -> Named:
    for share in (0.5, 0.9):
        keep = np.random.default_rng(0).random(page.shape[:2]) >= share
        yield f"{share:.0%} missing", inpainting(page, keep, 0.0)


def deblur(page: np.ndarray) -> Named:
    shape = (1 if page.ndim == 2 else page.shape[2], *page.shape[:2])
    for name in ("Gauss 1.6", "motion 15"):
        for sigma in (0, 2, 10):
            blurred = as_page(Blur(shape, PSFS[name]), page, sigma)
            yield f"{name}, noise {sigma}", deblurring(blurred, PSFS[name], None)
    for name, psf in PSFS.items():
        yield f"WRONG: sharp, {name}", deblurring(page, psf, None)


def upscale(page: np.ndarray) -> Named:
    shape = (1 if page.ndim == 2 else page.shape[2], *page.shape[:2])
    for factor in (2, 4):
        yield f"x{factor}", upscaling(as_page(Downsample(shape, factor), page, 0), factor, Kernel.BOX, 0.0)


def cs(page: np.ndarray) -> Named:
    image = page.astype(float) if page.ndim == 2 else page.mean(2)
    for name in ("gaussian", "rademacher", "dct"):
        for ratio in (0.1, 0.25, 0.5):
            count = round(ratio * image.size)
            operator, other = (named_operator(name, image.shape, count, seed) for seed in (0, 1))
            for sigma in (0.0, 10.0):
                y = simulated(operator, image, sigma, 0)
                yield f"{name} {ratio:.0%}, noise {sigma:g}", linear_problem(operator, y, sigma)
                yield f"WRONG: {name} {ratio:.0%}, noise {sigma:g}, other seed", linear_problem(other, y, sigma)


def mri(page: np.ndarray) -> Named:
    image = page.astype(float) if page.ndim == 2 else page.mean(2)
    row, column = np.meshgrid(*(np.linspace(-1, 1, side) for side in image.shape), indexing="ij")
    angles = np.pi / 2 * np.arange(4)
    maps = np.stack(
        [np.exp(-((row - np.sin(a)) ** 2 + (column - np.cos(a)) ** 2) / 0.9 + 1j * (a + row * np.cos(a))) for a in angles]
    )
    maps /= np.sqrt((np.abs(maps) ** 2).sum(0))
    for ratio in (0.25, 0.4):
        mask, other = (fourier_lines(image.shape, ratio, seed) for seed in (0, 1))
        for sigma in (0.0, 10.0):
            y = simulated(subsampled_fourier(mask, image.shape) @ ComplexFromReal(image.shape), image, sigma, 0)
            yield f"real, {ratio:.0%} of the lines, noise {sigma:g}", fourier_problem(y, mask, True, sigma)
            yield f"WRONG: real, {ratio:.0%}, noise {sigma:g}, other mask", fourier_problem(y, other, True, sigma)
        scan = PixelMask(mask, maps.shape) @ Fourier(maps.shape) @ Coils(maps) @ ComplexFromReal(image.shape)
        y = simulated(scan, image, 2.0, 0)
        yield f"4 coils, {ratio:.0%} of the lines, noise 2", parallel_problem(y, mask, maps, None)
        yield f"WRONG: 4 coils, {ratio:.0%}, maps of others", parallel_problem(y, mask, maps[::-1].copy(), None)


PROBLEMS = {make.__name__: make for make in (inpaint, deblur, upscale, cs, mri)}


def row(problem: LinearProblem) -> str:
    """Reconstruct, and return the cells of the table."""
    try:
        evidence = solve(problem, preset=PRESET, device="cpu").evidence
    except CgDenoiseError as error:
        return f"{error} | | | "
    if evidence is None:
        return "constant | | | "
    said = "nothing explained" if evidence.explains_nothing else "doubtful" if evidence.doubt(problem.predicted) else ""
    shares = [misfit.share(evidence.sigma) for misfit in (evidence.held_out, evidence.result)]
    return f"{shares[0]:.2f} | {shares[1]:.3f} | {evidence.held_out.count} | {'; '.join([said, *problem.warnings]).strip('; ')}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--side", type=int, default=64, help="of the crops, in pixels")
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    print("| image | problem | held out | result | values held out | verdict |\n| --- | --- | --- | --- | --- | --- |")
    for path in chosen.images:
        whole = read_image(path).pages[0]
        top, left = ((side - chosen.side) // 2 for side in whole.shape[:2])
        page = whole[top : top + chosen.side, left : left + chosen.side]
        for name in chosen.problems:
            for what, problem in PROBLEMS[name](page):
                print(f"| {path.stem} | {name}: {what} | {row(problem)} |", flush=True)


if __name__ == "__main__":
    main()
