"""Signals as curves."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from cgdenoise.restoration.units import Array


def draw_curves(signals: Mapping[str, Array]) -> bytes:
    """Return a PNG with signals, each [N], real, by their names: the first one grey, behind the others."""
    # Here, for it takes as long to import as all the rest, and few runs draw.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for number, (name, values) in enumerate(signals.items()):
        behind = number == 0 and len(signals) > 1
        axes.plot(np.asarray(values, np.float64), label=name, color="0.7" if behind else "C0", linewidth=1)
    axes.margins(x=0)
    axes.set_xlabel("sample")
    if len(signals) > 1:
        axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return buffer.getvalue()
