"""Make the pictures of the pages from what their own commands give: python docs/tools/figures.py [PAGE...]."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from commands import DOCS, commands, write_titled
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from samples import make

NOISY, RESTORED, CLEAN = "with noise", "restored", "as it is"
FIGURES = {
    "recipes/photography.md": {
        "photo.jpg": {"photo.png": NOISY, "photo_denoised.png": RESTORED, "photo_clean.png": CLEAN},
        "phone.jpg": {"phone.jpg": "a telephone's JPEG", "phone_denoised.jpg": RESTORED, "photo_clean.png": CLEAN},
        "scratched.jpg": {"scratched.png": "scratched", "scratched_inpainted.png": "filled", "cat_clean.png": CLEAN},
        "shaken.jpg": {"shaken.png": "shaken", "shaken_deblurred.png": "deblurred"},
        "small.jpg": {"small.png": "small", "small_upscaled.png": "twice as many pixels"},
    },
    "presets.md": {"presets.jpg": {"fast.png": "fast", "balanced.png": "balanced", "best.png": "best"}},
    "recipes/microscopy.md": {
        "cells.jpg": {"cells_1.tif": NOISY, "told.tif": RESTORED, "cells_clean.tif": CLEAN},
        "noise_of_camera.png": {"noise_of_camera.png": ""},
    },
    "recipes/astronomy.md": {
        "field.jpg": {"field.tif": NOISY, "field_denoised.tif": RESTORED, "field_clean.tif": CLEAN},
        "moon.jpg": {"moon.png": "through moving air", "moon_deblurred.png": "deblurred", "moon_clean.png": CLEAN},
    },
    "recipes/mri.md": {
        "mri.jpg": {"zero_filled.npy": "zero-filled", "scan_reconstructed.png": "reconstructed", "phantom.png": CLEAN},
    },
    "recipes/tomography.md": {
        "ct.jpg": {
            "back_projected.npy": "filtered back-projection",
            "sinogram_reconstructed.png": "reconstructed",
            "phantom.png": CLEAN,
        },
    },
    "recipes/compressed-sensing.md": {
        "cs.jpg": {"y_reconstructed.png": "from a third as many measurements", "target.png": CLEAN},
        "lines.jpg": {"lines.png": "from a quarter of the Fourier lines", "camera.png": CLEAN},
    },
}
SIDE = 256
CLOSER = {"presets.jpg": (slice(20, 116), slice(40, 136))}
"""Part that is shown of the pictures of a figure, if not the whole."""


def read(path: Path) -> NDArray[np.float64]:
    """Return a picture of any of the formats, grey or in colour."""
    if path.suffix == ".npy":
        return np.load(path).astype(np.float64)
    return np.asarray(tifffile.imread(path) if path.suffix == ".tif" else Image.open(path), np.float64)


def panel(values: NDArray[np.float64], low: float, high: float, caption: str) -> Image.Image:
    """Return a square panel with its caption below."""
    levels = np.clip((values - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    picture = Image.fromarray(levels).convert("RGB").resize((SIDE, SIDE), Image.Resampling.NEAREST)
    page = Image.new("RGB", (SIDE, SIDE + 22), "white")
    page.paste(picture)
    ImageDraw.Draw(page).text((SIDE // 2, SIDE + 11), caption, "black", ImageFont.load_default(13), anchor="mm")
    return page


def compose(folder: Path, panels: dict[str, str], part: tuple[slice, slice]) -> Image.Image:
    """Return pictures side by side, those of more than 8 bits in the range of the last."""
    if "" in panels.values():
        return Image.open(folder / next(iter(panels)))
    pictures = {name: read(folder / name)[part] for name in panels}
    last = [*pictures.values()][-1]
    deep = any(name.endswith((".tif", ".npy")) for name in panels) and not any(name.endswith(".png") for name in panels)
    drawn = []
    for name, values in pictures.items():
        low, high = (last.min(), np.percentile(last, 99.8)) if deep else (0.0, values.max() if name.endswith(".npy") else 255.0)
        drawn.append(panel(values, float(low), float(high), panels[name]))
    sheet = Image.new("RGB", (len(drawn) * (SIDE + 6) - 6, SIDE + 22), "white")
    for index, one in enumerate(drawn):
        sheet.paste(one, (index * (SIDE + 6), 0))
    return sheet


def main(pages: list[str]) -> None:
    """Run the commands of pages and make their figures."""
    for page in pages:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make(folder)
            write_titled(page, folder)
            script = "\n".join(["set -e", *commands(page)])
            subprocess.run(
                ["bash", "-c", script], cwd=folder, check=True, env=os.environ | {"PYTHONPATH": f"{DOCS.parent}:{folder}"}
            )
            for figure, panels in FIGURES[page].items():
                compose(folder, panels, CLOSER.get(figure, (slice(None), slice(None)))).save(
                    DOCS / "figures" / figure, quality=88
                )
                print(f"wrote {figure}")


if __name__ == "__main__":
    main(sys.argv[1:] or list(FIGURES))
