"""Volumes reconstructed as such, and slice by slice from the same measurements. Prints a markdown table, PSNR in dB.

    pip install '.[nifti]' && python benchmarks/volumes.py

16 x 48 x 48 voxels: ellipsoids, cells with texture, a head (the magnetic resonance image among nibabel's test files), and a
photograph that moves, for which depth is time. Half of the voxels are known, or an eighth; a quarter of each slice's cosine
transform. Random sums, a quarter as many as voxels, are of every second voxel along each axis, for their matrix has to be stored:
of all together for the volume, of each slice by itself for the slices.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from skimage import data

import cgdenoise
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.metrics import psnr
from cgdenoise.operators import ForwardOperator, PixelMask, SubsampledDCT, random_matrix

_SIZE = (16, 48, 48)
_PROBLEMS = ("half of the voxels", "an eighth of the voxels", "a quarter of the cosines", "random sums, a quarter")


def ellipsoids() -> np.ndarray:
    """Return overlapping ellipsoids of constant values."""
    reach = _SIZE[0] / _SIZE[1]
    z, y, x = np.meshgrid(np.linspace(-reach, reach, _SIZE[0]), *2 * [np.linspace(-1, 1, _SIZE[1])], indexing="ij")
    rng, volume = np.random.default_rng(0), np.full(_SIZE, 0.1)
    for _ in range(8):
        centre, half, angle = rng.uniform(-0.6, 0.6, 3) * [reach, 1, 1], rng.uniform(0.2, 0.6, 3), rng.uniform(0, 3)
        across = (x - centre[2]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
        along = (y - centre[1]) * np.cos(angle) - (x - centre[2]) * np.sin(angle)
        inside = ((z - centre[0]) / half[0]) ** 2 + (across / half[1]) ** 2 + (along / half[2]) ** 2 < 1
        volume += rng.uniform(0.1, 0.4) * inside
    return volume


def cells() -> np.ndarray:
    """Return bright cells with a texture on a dark ground."""
    rng, volume = np.random.default_rng(1), np.zeros((2 * _SIZE[0], *_SIZE[1:]))
    volume[tuple(rng.integers(0, side, 60) for side in volume.shape)] = 1
    volume = ndimage.gaussian_filter(volume, (2.5, 2.0, 2.0))
    volume /= volume.max()
    texture = ndimage.gaussian_filter(rng.normal(size=volume.shape), 1.2)
    textured = volume + 0.06 * texture / texture.std() * (volume > 0.1) + 0.1
    return np.clip(textured, 0, None)[: _SIZE[0]]


def head() -> np.ndarray:
    """Return a part of a head."""
    import nibabel

    image = nibabel.load(Path(nibabel.__file__).parent / "tests/data/example4d.nii.gz")
    volume = np.moveaxis(np.asarray(image.dataobj[..., 0], float), 2, 0)[4:20, 24:72, 40:88]
    return volume / volume.max()


def moving() -> np.ndarray:
    """Return a photograph that moves by one and a half pixels a frame."""
    coins = data.coins()[:120, :120] / 255
    return np.stack([ndimage.shift(coins, (1.3 * t, -0.8 * t))[30:78, 40:88] for t in range(_SIZE[0])])


_VOLUMES = {"ellipsoids": ellipsoids, "cells": cells, "head": head, "moving photograph": moving}


def found(truth: np.ndarray, problem: str, seed: int) -> np.ndarray:
    """Return what is made of the measurements of a slice or of a volume, [1, H, W] or [1, D, H, W]."""
    operator: ForwardOperator
    sampling = None
    if problem.endswith("voxels"):
        mask = np.random.default_rng(seed).random(truth.shape) < (0.5 if problem.startswith("half") else 0.125)
        operator = PixelMask(mask)
        sampling = Sampling(torch.from_numpy(mask).float(), torch.arange(mask.size).view(mask.shape))
    elif problem.endswith("cosines"):
        operator = SubsampledDCT(truth.shape, truth.size // 4, seed)
    else:
        operator = random_matrix(truth.shape, truth.size // 4, seed)
    y = operator(torch.from_numpy(truth)).numpy()
    return cgdenoise.reconstruct(operator, y, sampling=sampling, device="cpu").image


def one(case: tuple[str, str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the truth and what is made of it: of a slice, or of the whole volume, which is -1."""
    name, problem, number = case
    torch.set_num_threads(1)
    volume = _VOLUMES[name]()
    volume = np.ascontiguousarray(volume[::2, ::2, ::2]) if problem.startswith("random") else volume
    if number >= len(volume):
        return volume[:0], volume[:0]
    truth = volume[None] if number < 0 else volume[None, number]
    return truth[0], found(truth, problem, number + 2)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--volumes", nargs="+", default=list(_VOLUMES), choices=list(_VOLUMES))
    chosen = parser.parse_args()
    print("| volume | measured | slice by slice | as a volume |\n| --- | --- | --- | --- |")
    cases = [(name, problem) for name in chosen.volumes for problem in _PROBLEMS]
    with ProcessPoolExecutor(chosen.jobs) as pool:
        wholes = [pool.submit(one, (*case, -1)) for case in cases]
        slices = [[pool.submit(one, (*case, number)) for number in range(_SIZE[0])] for case in cases]
        for (name, problem), whole, parts in zip(cases, wholes, slices, strict=True):
            truth, image = whole.result()
            alone = np.stack([part.result()[1] for part in parts if len(part.result()[1])])
            peak = float(np.ptp(truth))
            print(f"| {name} | {problem} | {psnr(alone, truth, peak):.2f} | {psnr(image, truth, peak):.2f} |", flush=True)


if __name__ == "__main__":
    main()
