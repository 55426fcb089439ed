"""What bfloat16 costs in quality: the fast preset with and without it, on crops of 256² RGB with noise of σ 25.

python benchmarks/precision.py --images FOLDER --limit 8       # prints the table of benchmarks/README.md
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import cgdenoise
from cgdenoise.restoration.presets import PRESETS
from cgdenoise.runtime import available_cores, choose_dtype, keep_freed_memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=8)
    arguments = parser.parse_args()
    if choose_dtype(torch.device("cpu")) is not torch.bfloat16:
        raise SystemExit("this machine has no native bfloat16: nothing to compare")
    keep_freed_memory()
    torch.set_num_threads(available_cores())
    print("| image | bfloat16, dB | float32, dB | difference |\n| --- | --- | --- | --- |")
    rows = []
    for number, path in enumerate(sorted(arguments.images.iterdir())[: arguments.limit]):
        image = np.asarray(Image.open(path).convert("RGB"), np.float64) / 255
        top, left = (max(side - 256, 0) // 2 for side in image.shape[:2])
        clean = image[top : top + 256, left : left + 256]
        noisy = clean + 25 / 255 * np.random.default_rng([0, number]).standard_normal(clean.shape)
        found = []
        for reduced in (True, False):
            preset = replace(PRESETS["fast"], reduced_precision=reduced)
            restored = cgdenoise.denoise(noisy, preset=preset).image
            found.append(cgdenoise.psnr(np.clip(restored, 0, 1), clean, 1.0))
        rows.append(found)
        print(f"| {path.stem} | {found[0]:.2f} | {found[1]:.2f} | {found[0] - found[1]:+.2f} |", flush=True)
    half, full = np.mean(rows, axis=0)
    print(f"| mean | {half:.2f} | {full:.2f} | {half - full:+.3f} |")


if __name__ == "__main__":
    main()
