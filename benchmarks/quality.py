"""Restore pictures with known noise through the command line, which is told nothing of it, and compare with other methods.

    python benchmarks/quality.py --images FOLDER --model gaussian --level 15 25 50 --crop 256 --preset best

Prints a row for each picture and, as Markdown, the means: what the generators give alone, and the result, by groups of patches
that they guide. Others, where they can be imported, are told the noise: BM3D (with the Anscombe transform for Poisson noise; on
luminance, with sigma * sqrt(3), where channels share it), the best median filter for impulses.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import cgdenoise

COLUMNS = ("noisy", "generator", "result", "other", "sigma_ratio", "seconds")


def corrupted(clean: np.ndarray, model: str, level: float, rng: np.random.Generator) -> np.ndarray:
    """Return the picture with noise: of `level` grey levels of 255, of a peak of `level` counts, or in `level` of the pixels."""
    if model == "poisson":
        return rng.poisson(clean * level) / level
    if model == "impulse":
        fate = rng.random(clean.shape[:2])
        noisy = clean.copy()
        noisy[fate < level / 2], noisy[fate > 1 - level / 2] = 0, 1
        return noisy
    if model == "common":
        field = rng.standard_normal(clean.shape[:2])
        return np.clip(clean + level / 255 * field.reshape(field.shape + (1,) * (clean.ndim - 2)), 0, 1)
    return clean + level / 255 * rng.standard_normal(clean.shape)


def other(noisy: np.ndarray, clean: np.ndarray, model: str, level: float) -> np.ndarray | None:
    """Return the rival's picture."""
    if model == "impulse":
        from scipy.ndimage import median_filter

        sizes = [(side, side) + (1,) * (clean.ndim - 2) for side in (3, 5, 7)]
        return max((median_filter(noisy, size) for size in sizes), key=lambda picture: psnr(picture, clean))
    try:
        from bm3d import bm3d, bm3d_rgb
    except ImportError:
        return None
    if model == "common":
        axes = np.linalg.qr(np.array([[1.0, 1, 1], [1, 0, -1], [1, -2, 1]]).T)[0].T
        turned = noisy @ axes.T
        turned[..., 0] = bm3d(turned[..., 0], level / 255 * np.sqrt(3))
        return turned @ axes
    filtered = bm3d_rgb if clean.ndim == 3 else bm3d
    if model == "poisson":
        from cgdenoise.noise import GeneralisedAnscombe

        anscombe = GeneralisedAnscombe(1 / level, 0, 0)
        stable = anscombe.forward(noisy)
        low, high = stable.min(), stable.max()
        return anscombe.inverse(filtered((stable - low) / (high - low), 1 / (high - low)) * (high - low) + low)
    return filtered(noisy, level / 255)


def psnr(picture: np.ndarray, clean: np.ndarray) -> float:
    return cgdenoise.psnr(np.clip(picture, 0, 1), clean, 1.0)


def restored(noisy: np.ndarray, clean: np.ndarray, preset: str, threads: int) -> dict[str, float]:
    """Run the command and read its log."""
    with tempfile.TemporaryDirectory() as folder:
        source, reference, target = (Path(folder) / name for name in ("noisy.npy", "clean.npy", "out.npy"))
        np.save(source, noisy.astype(np.float32))
        np.save(reference, clean.astype(np.float32))
        command = ["cgdenoise", "denoise", source, "-o", target, "--preset", preset, "--reference", reference, "-q"]
        subprocess.run([*command, "--threads", str(threads)], check=True)
        lines = target.with_suffix(".fit.jsonl").read_text().splitlines()
        found = {part["name"]: part["psnr"] for part in json.loads(lines[-1])["parts"]}
        head, end = json.loads(lines[0]), json.loads(lines[-1])
        result = psnr(np.load(target), clean)
    return found | {"result": result, "sigma": head["sigma"], "seconds": end["seconds"], "kind": head["noise"]["kind"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--model", choices=["gaussian", "poisson", "impulse", "common"], default="gaussian")
    parser.add_argument("--level", type=float, nargs="+", default=[25.0])
    parser.add_argument("--crop", type=int, default=256)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--preset", default="best")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--without-other", action="store_true")
    options = parser.parse_args()
    table = []
    for level in options.level:
        rows = []
        for number, path in enumerate(sorted(options.images.glob("*.*"))[: options.limit]):
            with Image.open(path) as opened:
                clean = np.asarray(opened.convert("L" if opened.mode == "L" else "RGB"), float) / 255
            top, left = (max(side - options.crop, 0) // 2 for side in clean.shape[:2])
            clean = clean[top : top + options.crop, left : left + options.crop]
            noisy = corrupted(clean, options.model, level, np.random.default_rng([0, number]))
            row: dict = {"noisy": psnr(noisy, clean)} | restored(noisy, clean, options.preset, options.threads)
            if options.model == "gaussian":
                row["sigma_ratio"] = row["sigma"] * 255 / level
            rival = None if options.without_other else other(noisy, clean, options.model, level)
            if rival is not None:
                row["other"] = psnr(rival, clean)
            rows.append(row)
            shown = " ".join(f"{key} {row[key]:.2f}" for key in COLUMNS if key in row)
            print(f"{path.stem} {options.model} {level:g} as {row['kind']}: {shown}", flush=True)
        means = {key: float(np.mean([row[key] for row in rows if key in row])) for key in COLUMNS if any(key in r for r in rows)}
        table.append(
            f"| {options.model} {level:g} | " + " | ".join(f"{means[k]:.2f}" if k in means else "" for k in COLUMNS) + " |"
        )
    print(f"\n| {options.preset}, {len(rows)} pictures | " + " | ".join(COLUMNS) + " |")
    print("| --- " * (len(COLUMNS) + 1) + "|")
    print("\n".join(table))


if __name__ == "__main__":
    main()
