"""The curves of a fit log as a picture."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from cgdenoise.fitlog.reader import FitLog
from cgdenoise.fitlog.records import Record
from cgdenoise.fitlog.story import kept, made_of


def draw(log: FitLog, kind: str) -> bytes:
    """Draw one page of a log.

    Parameters
    ----------
    log : FitLog
        With its evaluations.
    kind : "png", "svg" or "pdf"
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
    noise_level, unit = _scale(log.header)
    panels[0].set(ylabel=f"{name}\nRMS in {unit}")
    if noise_level:
        panels[0].axhline(noise_level, color="grey", linestyle="--", linewidth=1, label="noise level")
    if any(evaluation[error] for evaluation in log.evaluations):
        _logarithmic(panels[0])
    if log.fits or log.header["sigma"]:
        panels[0].legend(fontsize="small")
    if compared:
        panels[1].set(ylabel="PSNR of the averaged output, dB")
    panels[-1].set(xlabel="iteration")
    title = f"{Path(log.header['input']['name']).name}: {log.end['status']}, made of {made_of(log.end)}\n{kept(log.fits)}"
    # The name of a file may be no text.
    figure.suptitle(title.encode(errors="backslashreplace").decode(), fontsize="medium", parse_math=False)
    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font lacks is drawn as a box, which says enough
        figure.savefig(picture, format=kind, dpi=120)
    return picture.getvalue()


def _scale(header: Record) -> tuple[float | None, str]:
    """Return the noise level and the unit of a log's errors."""
    if header.get("noise", {}).get("gain"):
        return 1.0, "standard deviations of the noise"
    return header["sigma"], "grey levels" if "container" in header["input"] else "the measurements' unit"


def _logarithmic(panel: Any) -> None:
    """Make an axis of errors logarithmic, with plain numbers at its ticks."""
    panel.set(yscale="log")
    low, high = panel.get_ylim()
    few = high < 10 * low  # the powers of ten would be one number or none
    panel.yaxis.set_major_locator(MaxNLocator(6) if few else LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())


def _line(panel: Any, curve: list[Record], fit: Record, key: str, colour: str) -> None:
    """Draw one fit's curve and mark the chosen iteration."""
    label = f"{'probe' if fit['probe'] else 'fit'} {fit['fit']}, depth {fit['depth']}: iteration {fit['iteration']}"
    panel.plot([e["iteration"] for e in curve], [e[key] for e in curve], color=colour, linewidth=1.2, label=label)
    kept = [e[key] for e in curve if e["iteration"] == fit["iteration"]]
    panel.plot([fit["iteration"]] * len(kept), kept, "o", color=colour, markersize=6)


def _thin(panel: Any, curve: list[Record], key: str, colour: str) -> None:
    panel.plot([e["iteration"] for e in curve], [e[key] for e in curve], color=colour, linewidth=0.8, linestyle=":")
