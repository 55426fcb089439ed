"""Figures that need no display and no global state."""

from __future__ import annotations

import io
import warnings
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cgdenoise.experiments.findings import Array


def panels(rows: int, columns: int, width: float = 4.0, height: float = 3.2) -> tuple[Figure, Any]:
    """Return a figure and its panels, an array [rows, columns]; the size of a panel is in inches."""
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def show(panel: Any, values: Array, title: str) -> None:
    """Draw a picture of values in 0 to 1."""
    panel.imshow(values.clip(0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    panel.set_title(title, fontsize="small", parse_math=False)
    panel.set_axis_off()


_UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""What keeps the time out of a drawing, so that the same is drawn as the same bytes."""


def encode(figure: Figure, kind: str) -> bytes:
    """Return the bytes of a figure's file."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font lacks is drawn as a box, which says enough
        # Without the date, so that the same experiment gives the same bytes.
        figure.savefig(file, format=kind, dpi=120, metadata=_UNDATED.get(kind))
    return file.getvalue()
