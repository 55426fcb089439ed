"""What the defaults do to pictures that are no photographs, clean and noisy, and to clean photographs.

    python benchmarks/harmless.py [--side 128] [--sigma 0 5 15 25] [--images FOLDER] [--only TEXT] [--preset NAME]

Each picture of `structured.py` gets white Gaussian noise, is rounded to 8 bits, and restored with nothing told. A row has the
PSNR of the input and of the result, for a clean one that of the result to the input. `--images` takes clean photographs instead
(centre crops of 256²), which must stay as they are; `--clipped` quadruples their contrast first, so that half is clipped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from structured import PICTURES, noisy

import cgdenoise
from cgdenoise.runtime import prepare_process

Picture = NDArray[np.uint8]

_SAME = 99.0
"""PSNR that stands for a picture that came back as it was."""


def psnr(picture: Picture, clean: Picture) -> float:
    return min(cgdenoise.psnr(picture, clean, 255), _SAME)


def restored(picture: Picture, preset: str) -> tuple[Picture, cgdenoise.Restoration]:
    result = cgdenoise.denoise(picture, preset=preset)
    image = result.image
    return np.clip(np.round(image), 0, 255).astype(np.uint8), result


def photographs(folder: Path, side: int, clipped: bool) -> dict[str, Picture]:
    found = {}
    for path in sorted(folder.iterdir()):
        image = Image.open(path)
        picture = np.asarray(image.convert("L" if image.mode == "L" else "RGB"))
        top, left = ((length - side) // 2 for length in picture.shape[:2])
        picture = picture[top : top + side, left : left + side]
        if clipped:
            picture = np.clip((picture - np.median(picture)) * 4 + 128, 0, 255).astype(np.uint8)
        found[path.stem] = picture
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--sigma", type=float, nargs="+", default=[0, 5, 15, 25])
    parser.add_argument("--images", type=Path, help="folder of clean photographs, in place of the structured pictures")
    parser.add_argument("--clipped", action="store_true")
    parser.add_argument("--only", default="", help="pictures whose name has this in it")
    parser.add_argument("--preset", default="balanced")
    options = parser.parse_args()
    prepare_process(None)
    if options.images:
        pictures = photographs(options.images, 256, options.clipped)
    else:
        pictures = {name: make(options.side) for name, make in PICTURES.items()}
    for sigma in options.sigma:
        before, after = [], []
        for number, (name, clean) in enumerate(pictures.items()):
            if options.only not in name:
                continue
            data = noisy(clean, sigma, number) if sigma else clean
            picture, result = restored(data, options.preset)
            before.append(psnr(data, clean))
            after.append(psnr(picture, clean))
            model = f"{result.noise.kind} {result.sigma:.1f}"
            remarks = "; ".join(result.warnings)
            print(
                f"{sigma:4g}  {name:30} {before[-1]:6.2f} {after[-1]:6.2f} {after[-1] - before[-1]:+6.2f}  {model}  {remarks}",
                flush=True,
            )
        gains = np.subtract(after, before)
        print(
            f"{sigma:4g}  MEAN {np.mean(before):.2f} {np.mean(after):.2f} gain {gains.mean():+.2f}, least {gains.min():+.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
