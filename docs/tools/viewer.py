"""Make the picture of the widget in napari: xvfb-run -a python docs/tools/viewer.py [FOLDER], of the files of samples.py."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import napari
import tifffile
from PIL import Image
from qtpy.QtWidgets import QApplication

FIGURE = Path(__file__).parents[1] / "figures" / "napari.png"
WAIT = 600.0
"""Seconds for the restoration, at most."""


def main(folder: str) -> None:
    """Restore a stack of nuclei by the widget, and take a picture of the window."""
    viewer = napari.Viewer(show=True)
    viewer.window.resize(1150, 720)
    _, widget = viewer.window.add_plugin_dock_widget("cgdenoise", "Restore")
    viewer.add_image(tifffile.imread(Path(folder) / "cells.tif"), name="cells", scale=(0.5, 0.25, 0.25), colormap="green")
    widget.start()
    end = time.monotonic() + WAIT
    while len(viewer.layers) < 2 and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.05)
    grid = getattr(viewer, "canvas", viewer).grid
    grid.stride, grid.shape, grid.enabled = 1, (1, 2), True
    viewer.reset_view()
    for _ in range(40):
        QApplication.processEvents()
        time.sleep(0.05)
    viewer.screenshot(FIGURE, canvas_only=False, flash=False)
    Image.open(FIGURE).convert("RGB").save(FIGURE, optimize=True)
    viewer.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "samples")
