"""Restore noisy photographs with the defaults, and lay each beside non-local means at its tuned best, on one contact sheet.

    python benchmarks/photographs.py --images FOLDER [-o benchmarks/photographs.jpg]

There is no clean picture, so non-local means is tuned by the noise: of a grid of strengths, the one whose residual
has the standard deviation that `cgdenoise noise` finds.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage.restoration import denoise_nl_means

from cgdenoise.noise import choose

SIDE = 208


def nonlocal_means(noisy: np.ndarray) -> np.ndarray:
    sigma = choose(noisy.reshape(*noisy.shape[:2], -1)).sigma
    axis = -1 if noisy.ndim == 3 else None
    candidates = [
        denoise_nl_means(noisy, h=h * sigma, sigma=sigma, patch_size=5, patch_distance=9, channel_axis=axis, fast_mode=True)
        for h in (0.4, 0.6, 0.8, 1.0, 1.3, 1.7)
    ]
    return min(candidates, key=lambda picture: abs(np.std(picture - noisy) - sigma))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--output", "-o", type=Path, default=Path(__file__).with_name("photographs.jpg"))
    parser.add_argument("--threads", default="2")
    options = parser.parse_args()
    rows = []
    for path in sorted(options.images.glob("*.png")):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "restored.png"
            command = ["cgdenoise", "denoise", path, "-o", target, "--threads", options.threads]
            print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip(), flush=True)
            with Image.open(path) as opened, Image.open(target) as restored:
                noisy, ours = np.asarray(opened), restored.convert("RGB")
                shown = opened.convert("RGB")
        theirs = Image.fromarray(np.rint(255 * np.clip(nonlocal_means(noisy / 255), 0, 1)).astype(np.uint8)).convert("RGB")
        left, top = ((side - SIDE) // 2 for side in shown.size)
        rows.append([picture.crop((left, top, left + SIDE, top + SIDE)) for picture in (shown, ours, theirs)])
    sheet = Image.new("RGB", (6 * SIDE + 5, (len(rows) + 1) // 2 * (SIDE + 1) + 14), "white")
    for number in range(2):
        for column, name in enumerate(("noisy", "cgdenoise", "non-local means")):
            ImageDraw.Draw(sheet).text(((3 * number + column) * (SIDE + 1) + 4, 1), name, fill="black")
    for number, row in enumerate(rows):
        for column, picture in enumerate(row):
            sheet.paste(picture, ((3 * (number % 2) + column) * (SIDE + 1), 14 + number // 2 * (SIDE + 1)))
    sheet.save(options.output, quality=88)


if __name__ == "__main__":
    main()
