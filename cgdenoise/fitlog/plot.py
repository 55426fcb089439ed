"""The curves of a fit log as a picture."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cgdenoise.fitlog.reader import FitLog
from cgdenoise.fitlog.records import Record
from cgdenoise.fitlog.story import kept, made_of


def draw(log: FitLog, kind: str) -> bytes:
    """Draw one page of a log.

    Parameters
    ----------
    log : FitLog
        With its evaluations.
    kind : "png" or "svg"
        Format of the picture.

    Returns
    -------
    bytes
        The picture. One panel of errors, in grey levels; a second one of PSNR if a reference was given. A line for
        each fit, a dot at the iteration whose output was kept.
    """
    compared = any("psnr" in evaluation for evaluation in log.evaluations)
    figure = Figure(figsize=(8, 7.5 if compared else 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2 if compared else 1, 1, sharex=True, squeeze=False)[:, 0]
    judged = any(evaluation["held_out_rms"] is not None for evaluation in log.evaluations)
    error = "held_out_rms" if judged else "residual_rms"
    for number, fit in enumerate(log.fits):
        curve = [e for e in log.evaluations if e["fit"] == fit["fit"]]
        _line(panels[0], curve, fit, error, f"C{number % 10}")
        if judged:
            _thin(panels[0], curve, "residual_rms", f"C{number % 10}")
        if compared and not fit["probe"]:  # a probe fit may see a part of the image, and is not compared
            _line(panels[1], [e for e in curve if "psnr" in e], fit, "psnr", f"C{number % 10}")
    name = "held-out error (dotted: residual)" if judged else "residual"
    panels[0].set(ylabel=f"{name}, RMS in grey levels")
    if any(evaluation[error] for evaluation in log.evaluations):
        panels[0].set(yscale="log")
    if log.header["sigma"]:
        panels[0].axhline(log.header["sigma"], color="grey", linestyle="--", linewidth=1, label="noise level")
    if log.fits or log.header["sigma"]:
        panels[0].legend(fontsize="small")
    if compared:
        panels[1].set(ylabel="PSNR of the averaged output, dB")
    panels[-1].set(xlabel="iteration")
    title = f"{Path(log.header['input']['name']).name}: {log.end['status']}, made of {made_of(log.end)}\n{kept(log)}"
    # The name of a file may be no text.
    figure.suptitle(title.encode(errors="backslashreplace").decode(), fontsize="medium", parse_math=False)
    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font lacks is drawn as a box, which says enough
        figure.savefig(picture, format=kind, dpi=120)
    return picture.getvalue()


def _line(panel: Any, curve: list[Record], fit: Record, key: str, colour: str) -> None:
    """Draw one fit's curve and mark the chosen iteration."""
    label = f"{'probe' if fit['probe'] else 'fit'} {fit['fit'] + 1}, depth {fit['depth']}: iteration {fit['iteration']}"
    panel.plot([e["iteration"] for e in curve], [e[key] for e in curve], color=colour, linewidth=1.2, label=label)
    kept = [e[key] for e in curve if e["iteration"] == fit["iteration"]]
    panel.plot([fit["iteration"]] * len(kept), kept, "o", color=colour, markersize=6)


def _thin(panel: Any, curve: list[Record], key: str, colour: str) -> None:
    panel.plot([e["iteration"] for e in curve], [e[key] for e in curve], color=colour, linewidth=0.8, linestyle=":")
