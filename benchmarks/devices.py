"""Time, quality and memory of each kind of run on the CPU and on a GPU, one after the other in one process.

    python benchmarks/devices.py [--devices cpu cuda] [--side 512]

A row is one run on a photograph of scikit-image's wheel. Its time is that of the second of two runs, as the first loads kernels;
"same" says whether the two gave the same bytes.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from skimage import data

import cgdenoise
from cgdenoise import operators

SIGMA = 25 / 255


def seconds_of(run: Callable[[], np.ndarray], device: str) -> tuple[np.ndarray, float]:
    """Run once; return the image and the seconds, the device's unfinished work among them."""
    start = time.perf_counter()
    image = run()
    if device == "cuda":
        torch.cuda.synchronize()
    return image, time.perf_counter() - start


def runs(clean: np.ndarray, device: str) -> dict[str, tuple[Callable[[], np.ndarray], np.ndarray]]:
    """Return what is timed, by name, with the truth of each."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(clean.shape)
    white = clean + SIGMA * noise
    coarse = gaussian_filter(noise, (1, 1, 0))
    coarse = clean + SIGMA * coarse / coarse.std()
    counts = rng.poisson(30 * clean) / 30
    half = len(clean) // 2
    small = clean[:half, :half]
    grey = small.mean(-1)
    holes = np.where(rng.random(small.shape[:2])[..., None] < 0.5, np.nan, small)
    lines = (rng.random((1, half)) < 0.25) | (np.abs(np.arange(half) - half // 2) < 0.04 * half)
    fourier = operators.subsampled_fourier(lines, (1, half, half)) @ operators.ComplexFromReal((1, half, half))
    measured = fourier.to("cpu", torch.float64)(torch.as_tensor(grey)[None]).numpy()

    def denoised(image: np.ndarray, preset: str) -> Callable[[], np.ndarray]:
        return lambda: cgdenoise.denoise(image, preset=preset, device=device).image

    return {
        "fast, white noise": (denoised(white, "fast"), clean),
        "balanced, white noise": (denoised(white, "balanced"), clean),
        "best, white noise": (denoised(white, "best"), clean),
        "balanced, coarse noise": (denoised(coarse, "balanced"), clean),
        "balanced, counts of 30": (denoised(counts, "balanced"), clean),
        "inpaint, half missing, half the side": (lambda: cgdenoise.inpaint(holes, device=device).image, small),
        "lines of Fourier, half the side, grey": (
            lambda: cgdenoise.reconstruct(fourier, measured, sigma=0, device=device).image,
            grey,
        ),
    }


def main() -> None:
    """Print a row for each run on each device."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", nargs="+", default=["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
    parser.add_argument("--side", type=int, default=512)
    options = parser.parse_args()
    clean = data.astronaut()[: options.side, -options.side :] / 255
    print("| run | device | dB | s | same | GB |\n| --- | --- | --- | --- | --- | --- |")
    for device in options.devices:
        for name, (run, truth) in runs(clean, device).items():
            if device == "cuda":
                torch.cuda.reset_peak_memory_stats()
            first, _ = seconds_of(run, device)
            second, seconds = seconds_of(run, device)
            held = f"{torch.cuda.max_memory_allocated() / 2**30:.2f}" if device == "cuda" else ""
            quality = cgdenoise.psnr(second.reshape(truth.shape), truth, 1.0)
            print(f"| {name} | {device} | {quality:.2f} | {seconds:.1f} | {np.array_equal(first, second)} | {held} |", flush=True)


if __name__ == "__main__":
    main()
