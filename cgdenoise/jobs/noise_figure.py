"""The noise of a page as a figure: variance against brightness, autocovariance, covariance of the channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cgdenoise.experiments.drawing import encode, panels
from cgdenoise.jobs.examine import ExaminedPage
from cgdenoise.noise.clipping import clipped_ends
from cgdenoise.noise.correlation import noise_correlation
from cgdenoise.noise.pedestal import estimate_from_darkest
from cgdenoise.noise.poisson import PoissonGaussian, estimate_poisson_gaussian
from cgdenoise.noise.scatter import measure


def draw_noise(page: ExaminedPage, kind: str) -> bytes:
    """Draw what is known of the noise in a page.

    Parameters
    ----------
    page : ExaminedPage
        All figures are in its grey levels.
    kind : "png", "svg" or "pdf"
        Format of the picture.

    Returns
    -------
    bytes
        The picture. Of the variance: what was measured (in smooth patches, and by a second exposure), the lines through it (from
        the offset, from the darkest values), and the law. Of the channels, if there are several.
    """
    covariance = page.report.covariance if page.exposures is None else page.exposures.covariance
    figure, grid = panels(1, 3 if len(covariance) > 1 else 2, 4.6, 4.0)
    values = page.unspoilt
    _draw_variance(grid[0][0], page, values)
    _draw_autocovariance(grid[0][1], page, values)
    if len(covariance) > 1:
        _draw_covariance(grid[0][2], covariance)
    number = f", page {page.number}" if page.number else ""
    title = f"{Path(page.file.name).name}{number}: {page.model.kind} noise, level {page.model.sigma:.3g}"
    # The name of a file may be no text.
    figure.suptitle(title.encode(errors="backslashreplace").decode(), parse_math=False)
    return encode(figure, kind)


def _draw_variance(panel: Any, page: ExaminedPage, values: Any) -> None:
    levels = measure(values, *clipped_ends(values))
    if len(levels.mean):
        error = levels.error * levels.variance
        panel.errorbar(
            levels.mean, levels.variance, error, fmt="o", color="C0", markersize=4, label="smooth patches, fine frequencies"
        )
    if page.exposures is not None:
        panel.plot(page.exposures.mean, page.exposures.variance, "x", color="C3", label="second exposure")
    darkest, brightest = np.nanpercentile(values, [0.5, 99.5])
    x = np.linspace(darkest, brightest, 200)
    # From 0 as the report has it, and from the darkest values: where no offset is known, both are tried.
    _line(panel, x, estimate_poisson_gaussian(values, offset=0.0), "C1", "line from 0")
    _line(panel, x, estimate_from_darkest(values), "C2", "line from the darkest")
    law = page.law.variance(x)
    panel.plot(x, law, color="black", linewidth=3, alpha=0.5, zorder=1, label="law")
    highest = max([*law, *levels.variance, *([] if page.exposures is None else page.exposures.variance)])
    panel.set(xlabel="brightness", ylabel="variance of the noise", title="variance")
    panel.set_ylim(0, 1.15 * highest or 1)
    panel.legend(fontsize="small")


def _line(panel: Any, x: Any, line: PoissonGaussian, colour: str, label: str) -> None:
    variance = line.gain * np.maximum(x - line.offset, 0) + line.sigma**2
    panel.plot(x, variance, color=colour, linestyle="--", linewidth=1.2, label=label)


def _draw_autocovariance(panel: Any, page: ExaminedPage, values: Any) -> None:
    if page.exposures is not None:
        measured, power, name = page.exposures.autocorrelation, page.exposures.law.sigma**2, "second exposure"
    else:
        # As if the user had said that there is some: whether it is believed is seen in what is assumed.
        found = noise_correlation(values, told=True)
        measured, power, name = found.autocorrelation, found.sigma**2, "flattest blocks"
    distances = np.arange(len(measured))
    panel.plot(distances, power * measured[0], "o-", color="C0", markersize=4, linewidth=1, label=f"{name}, across")
    panel.plot(distances, power * measured[:, 0], "s-", color="C1", markersize=4, linewidth=1, label=f"{name}, down")
    assumed = np.where(distances == 0, 1.0, 0.0)
    if page.law.autocorrelation is not None:
        table = np.array(page.law.autocorrelation)
        distances, assumed = np.arange(len(table)), (table[0] + table[:, 0]) / 2
    panel.plot(distances, page.model.sigma**2 * assumed, color="black", linewidth=3, alpha=0.5, zorder=1, label="assumed")
    panel.axhline(0, color="grey", linewidth=0.6)
    panel.set(xlabel="distance in pixels", title="autocovariance")
    panel.legend(fontsize="small")


def _draw_covariance(panel: Any, covariance: Any) -> None:
    largest = float(np.abs(covariance).max()) or 1.0
    panel.imshow(covariance, cmap="RdBu_r", vmin=-largest, vmax=largest)
    for row, column in np.ndindex(*covariance.shape):
        strong = abs(covariance[row, column]) > largest / 2
        text = f"{covariance[row, column]:.3g}"
        panel.text(column, row, text, ha="center", va="center", color="white" if strong else "black", fontsize="small")
    ticks = range(len(covariance))
    panel.set_xticks(ticks, [str(channel + 1) for channel in ticks])  # counted from 1, as pages are
    panel.set_yticks(ticks, [str(channel + 1) for channel in ticks])
    panel.set(xlabel="channel", title="covariance of the channels")
