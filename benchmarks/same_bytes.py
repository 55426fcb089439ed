"""Whether a change leaves the results as they were: the hash of what each command makes, to be compared by `diff`.

    python benchmarks/same_bytes.py > before.txt    # change something
    python benchmarks/same_bytes.py > after.txt; diff before.txt after.txt

One thread: sums over several threads depend on their number. Of the log the numbers count that the fits reported.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

SIDE = 64
SHORT = ("--max-iterations", "40")


def pictures() -> dict[str, np.ndarray]:
    """Return a grey photograph with white noise, a coloured one with shot noise, and one with impulses."""
    rng = np.random.default_rng(0)
    grey = data.camera()[60 : 60 + SIDE, 200 : 200 + SIDE].astype(float)
    colour = data.coffee()[120 : 120 + SIDE, 220 : 220 + SIDE].astype(float)
    impulses = np.where(rng.random(grey.shape) < 0.1, rng.choice([0.0, 255.0], grey.shape), grey)
    noisy = {"white": grey + 20 * rng.standard_normal(grey.shape), "shot": 8 * rng.poisson(colour / 8), "impulses": impulses}
    return {name: np.clip(image, 0, 255).round().astype(np.uint8) for name, image in noisy.items()}


def commands(folder: Path) -> dict[str, list[str]]:
    """Write the inputs into a folder, and return the commands by name, each without its output."""
    rng = np.random.default_rng(1)
    found = {}
    for name, picture in pictures().items():
        Image.fromarray(picture).save(folder / f"{name}.png")
        for preset in ("fast", "balanced", "best"):
            found[f"denoise {name} {preset}"] = ["denoise", str(folder / f"{name}.png"), "--preset", preset]
    clean = str(folder / "clean.png")
    Image.fromarray(data.camera()[60 : 60 + SIDE, 200 : 200 + SIDE]).save(clean)
    Image.fromarray(np.where(rng.random((SIDE, SIDE)) < 0.5, 255, 0).astype(np.uint8)).save(folder / "mask.png")
    coils = np.stack([np.linspace(0.2, 1, SIDE)[None] * np.ones((SIDE, 1)), np.linspace(1, 0.2, SIDE)[:, None] * np.ones(SIDE)])
    samples = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(coils * data.camera()[::8, ::8], axes=(1, 2))), axes=(1, 2)) / SIDE
    samples[..., np.setdiff1d(np.arange(SIDE), [*range(26, 38), *range(0, SIDE, 3)])] = 0
    np.save(folder / "kspace.npy", samples.astype(np.complex64))
    return found | {
        "inpaint": ["inpaint", clean, "--mask", str(folder / "mask.png"), *SHORT],
        "inpaint noisy": ["inpaint", str(folder / "white.png"), "--mask", str(folder / "mask.png"), "--sigma", "20", *SHORT],
        "deblur": ["deblur", str(folder / "white.png"), "--psf", "gaussian:1", *SHORT],
        "upscale": ["upscale", clean, "--factor", "2", *SHORT],
        "cs gaussian": ["cs", "--simulate", clean, *SHORT],
        "cs dct": ["cs", "--simulate", clean, "--operator", "dct", "--simulate-sigma", "5", *SHORT],
        "cs fourier": ["cs", "--simulate", clean, "--operator", "fourier", *SHORT],
        "mri": ["mri", str(folder / "kspace.npy"), *SHORT],
        "denoise white paper": ["denoise", str(folder / "white.png"), "--preset", "paper", "--max-iterations", "5"],
    }


def digest(folder: Path, arguments: list[str]) -> str:
    """Run a command, and return the hashes of its picture, its array if there is one, and the numbers of its log."""
    output = folder / "out.png"
    run = [sys.executable, "-m", "cgdenoise", *arguments, "-o", str(output), "--force", "--threads", "1", "-q"]
    subprocess.run(run, check=True)
    records = [json.loads(line) for line in output.with_suffix(".fit.jsonl").read_text().splitlines()]
    numbers = [
        [record[key] for key in ("iteration", "train_rms", "residual_rms", "held_out_rms")]
        for record in records
        if record["type"] == "evaluation"
    ]
    array = output.with_suffix(".npy")
    contents = [output.read_bytes(), array.read_bytes() if array.exists() else b"", json.dumps(numbers).encode()]
    array.unlink(missing_ok=True)
    return " ".join(hashlib.sha256(content).hexdigest()[:12] for content in contents)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        for command, arguments in commands(Path(name)).items():
            print(f"{command:24} {digest(Path(name), arguments)}", flush=True)
