"""Laws of noise: what the default makes of those that are known, told nothing and told them, and how near it comes to real ones.

    python benchmarks/laws.py --images PICTURE... [--only TEXT]   # noise of known law on clean pictures; told, BM3D
    python benchmarks/laws.py --pairs LIST.tsv...                 # law of real noise: pairs of a noisy and a clean picture

Pictures are halved first (means of 2 x 2 pixels), which takes their own noise away, and cropped about the middle. BM3D is told
the law for Poisson noise (exact Anscombe transform) and the level for Gaussian noise; otherwise its level is the best of some by
the truth. `told` is the default with the law as far as its options take it. A list has a line a pair: noisy, tab, clean. The law
of a pair is the one before the last check, of the groups' result.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import convolve, gaussian_filter

import cgdenoise
from cgdenoise import KnownNoise
from cgdenoise.noise import GeneralisedAnscombe, NoiseModel
from cgdenoise.noise.correlation import noise_correlation
from cgdenoise.restoration.presets import preset_of
from cgdenoise.runtime import prepare_process

Array = NDArray[np.float64]

_TOLERANCE, _LAG_TOLERANCE = 0.15, 0.1
"""By how much a variance, relative to the truth, and a correlation may be off."""


@dataclass(frozen=True)
class Noisy:
    """A noisy picture, the clean one in the same unit, the value of white, and all that can be told of the noise."""

    noisy: Array
    clean: Array
    peak: float
    told: tuple[KnownNoise, ...]
    stabiliser: GeneralisedAnscombe | None = None

    def psnr(self, image: Array) -> float:
        black = self.stabiliser.offset if self.stabiliser else 0.0
        return cgdenoise.psnr(np.clip(image, black, black + self.peak), self.clean, self.peak)


Law = Callable[[Array, np.random.Generator], Noisy]


def counts(peak: float, offset: float, read: float = 0.0) -> Law:
    """Poisson counts on a pedestal, with Gaussian noise of the electronics."""

    def law(clean: Array, rng: np.random.Generator) -> Noisy:
        noisy = offset + rng.poisson(clean * peak) + read * rng.standard_normal(clean.shape)
        told = KnownNoise("poisson-gaussian" if read else "poisson", read or None, gain=1.0, offset=offset)
        return Noisy(noisy, offset + peak * clean, peak, (told,), GeneralisedAnscombe(1.0, offset, read))

    return law


def clipped(sigma: float) -> Law:
    """White noise on a picture of more contrast, in 8 bits."""

    def law(clean: Array, rng: np.random.Generator) -> Noisy:
        clean = 255 * np.clip(1.5 * (clean - 0.5) + 0.5, 0, 1)
        noisy = np.clip(np.round(clean + sigma * rng.standard_normal(clean.shape)), 0, 255)
        return Noisy(noisy, clean, 255, (KnownNoise("gaussian", sigma),))

    return law


def filtered(width: float, sigma: float) -> Law:
    """Noise that a Gaussian of a width in pixels has passed, of a level after it."""

    def law(clean: Array, rng: np.random.Generator) -> Noisy:
        noise = gaussian_filter(rng.standard_normal(clean.shape), (width, width, 0))
        return Noisy(255 * clean + sigma * noise / noise.std(), 255 * clean, 255, (KnownNoise("correlated", sigma),))

    return law


def demosaiced(sigma: float) -> Law:
    """White noise on a Bayer mosaic (RGGB) that is then interpolated; the clean picture likewise."""

    def law(clean: Array, rng: np.random.Generator) -> Noisy:
        clean, noise = 255 * clean, sigma * rng.standard_normal(clean.shape)
        noisy, clean = bilinear(clean + noise), bilinear(clean)
        return Noisy(noisy, clean, 255, (KnownNoise("correlated", rms(noisy - clean)),))

    return law


def compressed(sigma: float, quality: int) -> Law:
    """White noise in 8 bits, then JPEG as Pillow writes it."""

    def law(clean: Array, rng: np.random.Generator) -> Noisy:
        clean = 255 * clean
        page = np.clip(np.round(clean + sigma * rng.standard_normal(clean.shape)), 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(page).save(file, "JPEG", quality=quality)
        noisy = np.asarray(Image.open(file), np.float64)
        level = rms(noisy - clean)
        return Noisy(noisy, clean, 255, (KnownNoise("gaussian", level), KnownNoise("correlated", level)))

    return law


LAWS: dict[str, Law] = {
    **{f"Poisson {peak}, offset {offset}": counts(peak, offset) for offset in (0, 100) for peak in (1, 2, 5, 10, 30)},
    "Poisson 30 and Gaussian 3, offset 100": counts(30, 100, 3),
    "Gaussian 25, clipped": clipped(25),
    "Gaussian 15, filtered by 0.7": filtered(0.7, 15),
    "Gaussian 15, filtered by 1.5": filtered(1.5, 15),
    "Gaussian 15, demosaiced": demosaiced(15),
    **{f"Gaussian 15, JPEG {quality}": compressed(15, quality) for quality in (90, 70, 50)},
}


def rms(values: Array) -> float:
    return float(np.sqrt(np.square(values).mean()))


def bilinear(picture: Array) -> Array:
    """Keep of each pixel the channel that a Bayer mosaic has there, and interpolate it."""
    rows, columns = np.indices(picture.shape[:2]) % 2
    kept = np.stack([(rows == 0) & (columns == 0), rows != columns, (rows == 1) & (columns == 1)], axis=2).astype(float)
    kernel = np.array([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])[..., None]
    return convolve(picture * kept, kernel, mode="mirror") / convolve(kept, kernel, mode="mirror")


def clean_picture(path: Path, side: int) -> Array:
    """Return the middle of a picture that was halved, from 0 to 1."""
    whole = np.asarray(Image.open(path).convert("RGB"), np.float64) / 255
    height, width = (length // 2 * 2 for length in whole.shape[:2])
    halved = whole[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    return middle(halved, side)


def middle(picture: Array, side: int) -> Array:
    top, left = (max(length - side, 0) // 2 for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]


def rival(case: Noisy) -> float | None:
    """Return the PSNR of BM3D."""
    try:
        from bm3d import bm3d_rgb
    except ImportError:
        return None
    if case.stabiliser:
        stable = case.stabiliser.forward(case.noisy)
        low, span = stable.min(), np.ptp(stable)
        return case.psnr(case.stabiliser.inverse(bm3d_rgb((stable - low) / span, 1 / span) * span + low))

    def at(factor: float) -> float:
        return case.psnr(255 * bm3d_rgb(case.noisy / 255, factor * case.told[0].sigma / 255))

    if case.told[0].kind == "gaussian" and len(case.told) == 1:
        return at(1.0)
    weaker, stronger = at(1.15), at(1.6)
    return max(weaker, stronger, at(0.8 if weaker > stronger else 2.2))


def known_laws(options: argparse.Namespace) -> None:
    columns = ("noisy", "untold", "told", "BM3D")
    table = []
    for name, law in LAWS.items():
        if options.only not in name:
            continue
        rows = []
        for path in options.images:
            case = law(clean_picture(path, options.side), np.random.default_rng(0))
            restored = cgdenoise.denoise(case.noisy, preset=options.preset)
            told = max(with_law(case, known, restored, options.preset) for known in case.told)
            other = None if options.without_other else rival(case)
            rows.append((case.psnr(case.noisy), case.psnr(restored.image), told, np.nan if other is None else other))
            shown = "  ".join(f"{column} {value:.2f}" for column, value in zip(columns, rows[-1], strict=True))
            print(f"{name}: {path.stem} as {said(restored.noise)}: {shown} {'; '.join(restored.warnings)}", flush=True)
        means, gaps = np.mean(rows, axis=0), np.array(rows)[:, 1:2] - np.array(rows)[:, 2:]
        cells = [f"{value:.2f}" for value in (*means, *gaps.min(axis=0))]
        table.append(f"| {name} | " + " | ".join(cells) + " |")
    print(f"\n| noise, {len(options.images)} pictures | " + " | ".join(columns) + " | least less told | least less BM3D |")
    print("| --- " * (len(columns) + 3) + "|\n" + "\n".join(table))


def with_law(case: Noisy, known: KnownNoise, untold: cgdenoise.Restoration, preset: str) -> float:
    """Return the PSNR of the default that is told a law; if that is what it found, nothing is restored twice."""
    found = (str(untold.noise.kind), untold.noise.gain, untold.noise.offset, untold.noise.read_sigma)
    if np.allclose(found[1:], (known.gain or 0, known.offset or 0, known.sigma or 0)) and found[0] == str(known.kind):
        return case.psnr(untold.image)
    return case.psnr(cgdenoise.denoise(case.noisy, noise=known, preset=preset).image)


def said(noise: NoiseModel) -> str:
    law = f" gain {noise.gain:.3g} offset {noise.offset:.3g} read {noise.read_sigma:.3g}" if noise.gain else ""
    return f"{noise.kind} {noise.sigma:.3g}{law}"


def assumed_variance(noise: NoiseModel, means: Array) -> Array:
    if not noise.gain:
        return np.full_like(means, noise.sigma**2)
    return np.maximum(noise.gain * (means - noise.offset), 0) + noise.read_sigma**2


def real_laws(options: argparse.Namespace) -> None:
    generator_alone = replace(preset_of(options.preset), guided=False)  # of the groups the law knows nothing
    for list_of_pairs in options.pairs:
        found = []
        for line in list_of_pairs.read_text().splitlines():
            noisy, clean = (middle(pixels(list_of_pairs.parent / name), options.side) for name in line.split("\t")[:2])
            noise = cgdenoise.denoise(noisy, preset=generator_alone).noise
            true, ratios = by_decile(noisy - clean, clean, noise)
            lag = lag_1((noisy - clean) / np.sqrt(true))
            autocorrelation = noise_correlation(noisy).autocorrelation
            assumed_lag = (autocorrelation[0, 1] + autocorrelation[1, 0]) / 2 if noise.correlation_length else 0.0
            found.append((np.abs(ratios - 1).max() <= _TOLERANCE, abs(lag - assumed_lag) <= _LAG_TOLERANCE))
            shown = " ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"{Path(line).name} as {said(noise)}: {shown}; lag 1 {assumed_lag:.2f} for {lag:.2f}", flush=True)
        right, right_lag = np.sum(found, axis=0)
        print(
            f"{list_of_pairs.stem}: variance right in every decile {right}, correlation {right_lag}, of {len(found)}", flush=True
        )


def pixels(path: Path) -> Array:
    image = np.asarray(Image.open(path), np.float64)
    return np.atleast_3d(image)


def by_decile(residual: Array, clean: Array, noise: NoiseModel) -> tuple[Array, Array]:
    """Return the true variance at every value, that of its tenth of the brightnesses, and assumed over true in each tenth."""
    tenth = np.digitize(clean, np.quantile(clean, np.arange(1, 10) / 10))
    numbers = np.unique(tenth)  # fewer than ten where many values are equal
    variances = np.array([max(residual[tenth == number].var(), 1e-9) for number in numbers])
    assumed = np.array([assumed_variance(noise, clean[tenth == number]).mean() for number in numbers])
    return variances[np.searchsorted(numbers, tenth)], assumed / variances


def lag_1(residual: Array) -> float:
    """Return the correlation of neighbours, down and across."""
    centred = residual - residual.mean(axis=(0, 1))
    power = np.square(centred).mean()
    return float(((centred[1:] * centred[:-1]).mean() + (centred[:, 1:] * centred[:, :-1]).mean()) / (2 * power))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, nargs="+", default=[])
    parser.add_argument("--pairs", type=Path, nargs="+", default=[])
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--only", default="", help="laws whose name has this in it")
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--without-other", action="store_true")
    options = parser.parse_args()
    prepare_process(options.threads)
    if options.images:
        known_laws(options)
    if options.pairs:
        real_laws(options)


if __name__ == "__main__":
    main()
