"""`cgdenoise noise`: report what is known of the noise in an image."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cgdenoise.cli.axes import Axes, checked_axes
from cgdenoise.cli.errors import Failures
from cgdenoise.cli.options import (
    Dark,
    Force,
    Inputs,
    Json,
    NoiseFile,
    NoiseFrom,
    Offset,
    check_noise_files,
    drawing_kind,
)
from cgdenoise.cli.output import emit, emit_json, note
from cgdenoise.cli.progress import waiting
from cgdenoise.cli.streams import expanded, read_input
from cgdenoise.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgdenoise.jobs.examine import ExaminedPage
    from cgdenoise.jobs.noise_sources import NoiseSources
    from cgdenoise.noise.correlation import NoiseCorrelation
    from cgdenoise.noise.exposures import ExposureNoise
    from cgdenoise.noise.stripes import Stripes


_COARSE = 2.0
"""Power at middle frequencies over that at the finest from which to say why it is not called noise. By hand."""


def noise(
    inputs: Inputs,
    offset: Offset = None,
    noise_from: NoiseFrom = None,
    dark: Dark = None,
    noise_file: NoiseFile = None,
    save_noise: Annotated[
        str | None,
        typer.Option(
            help="Write the law of the noise to this JSON file, for --noise-file of any image of that detector.", metavar="FILE"
        ),
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option(
            help="Draw the variance against brightness, autocovariance and channels: .png, .svg or .pdf.", metavar="FILE"
        ),
    ] = None,
    axes: Axes = None,
    page: Annotated[int | None, typer.Option(min=1, help="The only page of a multi-page image to look at, from 1.")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Say what noise an image has: level, growth with brightness, correlation, impulses, each with its uncertainty.

    All figures are in the file's own grey levels. The last lines say which model denoise will choose, and why.
    A second exposure of the same scene tells the noise exactly. The law can be kept in a file: a camera is measured once.
    """
    outputs = [name for name in (save_noise, plot) if name is not None]
    _check_usage(inputs, offset, noise_from, dark, noise_file, outputs)
    kind = "png" if plot is None else drawing_kind(plot)
    said = checked_axes(axes)
    from cgdenoise.jobs.examine import examine_picture
    from cgdenoise.jobs.noise_sources import File, NoiseSources
    from cgdenoise.jobs.plan import check_output

    for name in outputs:
        check_output(name, force)
    sources = NoiseSources.read(noise_file, noise_from, dark, said)
    failures = Failures(json)
    for name in expanded(inputs, failures):
        with failures.noted(name):
            with waiting("measuring noise", name):
                picture, digest = read_input(name, said)
                pages = examine_picture(File(name, digest), picture, offset, sources, page)
            if outputs and len(pages) > 1:
                raise OptionError(f"{len(pages)} pages; expected --page, the one to draw or to take the law from", name)
            for examined in pages:
                if json:
                    emit_json(_facts(examined))
                else:
                    emit(_text(examined))
            if outputs:
                _write(pages[0], sources, save_noise, plot, kind)
                note(f"wrote {' and '.join(outputs)}")
    sys.exit(failures.code)


def _check_usage(
    inputs: Sequence[str],
    offset: float | None,
    noise_from: str | None,
    dark: str | None,
    noise_file: str | None,
    outputs: Sequence[str],
) -> None:
    """Refuse options that contradict each other, before anything heavy is imported."""
    if offset is not None and not math.isfinite(offset):
        raise OptionError(f"--offset {offset}; expected a finite number")
    check_noise_files(noise_file, noise_from, dark, offset)
    if len(inputs) > 1 and (outputs or noise_from is not None):
        what = "--noise-from" if noise_from is not None else f"{outputs[0]} to write"
        raise OptionError(f"{what} with {len(inputs)} inputs; expected one input")
    places = [Path(name).resolve() for name in outputs]
    taken = [Path(name).resolve() for name in (*inputs, noise_from, dark, noise_file) if name is not None]
    for name, place in zip(outputs, places, strict=True):
        if place in taken or places.count(place) > 1:
            raise OptionError("is read or written already; expected another name", name)


def _write(page: ExaminedPage, sources: NoiseSources, law: str | None, plot: str | None, kind: str) -> None:
    from cgdenoise.images import write_together
    from cgdenoise.jobs.examine import law_file

    files = {} if law is None else {law: law_file(page, sources)}
    if plot is not None:
        from cgdenoise.jobs.noise_figure import draw_noise

        files[plot] = draw_noise(page, kind)
    write_together(files)


def _facts(page: ExaminedPage) -> dict[str, Any]:
    report, model = page.report, page.model
    poisson, correlation, impulses = report.poisson, report.correlation, report.impulses
    from cgdenoise.fitlog.records import FORMAT

    return {
        "format": FORMAT,
        "input": page.file.name,
        "page": page.number + 1,
        "sigma": report.sigma,
        "sigma_error": report.sigma_error,
        "covariance": report.covariance.tolist(),
        "poisson": {
            "gain": poisson.gain,
            "gain_error": poisson.gain_error,
            "offset": poisson.offset,
            "sigma": poisson.sigma,
            "sigma_error": poisson.sigma_error,
            "rise": poisson.rise,
            "evidence": poisson.evidence,
        },
        "correlation": {
            "length": correlation.length,
            "sigma": correlation.sigma,
            "excess": correlation.excess,
            "excess_error": correlation.error,
            "growth": correlation.growth,
            "least": correlation.least,
            "stored_next": None if page.as_stored is None else page.as_stored.next_pixel,
        },
        "impulses": {
            "share": impulses.share,
            "share_error": impulses.share_error,
            "low": impulses.low,
            "high": impulses.high,
        },
        "stripes": dict(zip(("rows", "columns"), report.stripes.levels, strict=True)),
        "model": str(model.kind),
        "model_sigma": model.sigma,
        "reasons": list(model.reasons),
        "law": asdict(page.law),
    }


def _text(page: ExaminedPage) -> str:
    from cgdenoise.jobs.found import called

    report, model = page.report, page.model
    poisson, correlation, impulses = report.poisson, report.correlation, report.impulses
    lines = [
        called(page.file.name) + (f" page {page.number + 1}" if page.number else ""),
        f"  level          {report.sigma:.4g} ± {report.sigma_error:.2g}",
    ]
    if len(report.covariance) > 1:
        from cgdenoise.noise.estimate import largest_correlation

        lines.append(f"  channels       largest correlation {largest_correlation(report.covariance):.2f}")
    lines += [
        f"  brightness     variance = {poisson.gain:.3g} (± {poisson.gain_error:.2g}) × (value - {poisson.offset:g})"
        f" + {poisson.sigma:.3g}² (± {poisson.sigma_error:.2g})",
        f"  neighbours     {_of_neighbours(correlation)}",
        f"  impulses       {impulses.share:.2%} ± {impulses.share_error:.2%} of the values",
        f"  stripes        {_of_stripes(report.stripes)}",
        *([] if page.exposures is None else [f"  second exposure{_of_exposures(page.exposures)}"]),
        f"  model          {model.kind}, level {model.sigma:.4g}",
        *(f"                 {reason}" for reason in model.reasons),
        *([] if page.as_stored is None else [f"  as stored      {_of_stored(page.as_stored)}"]),
    ]
    return "\n".join(lines)


def _of_stripes(stripes: Stripes) -> str:
    if not stripes.present:
        return "none"
    rows, columns = stripes.levels
    return f"offsets of rows {rows:.3g}, of columns {columns:.3g} (root mean square); the rest is of the image without them"


def _of_neighbours(correlation: NoiseCorrelation) -> str:
    spectrum = f"middle over fine frequencies {correlation.excess:.2f} ± {correlation.error:.2g}"
    if correlation.is_white and correlation.excess > _COARSE + 2 * correlation.error:
        return f"{spectrum}, taken for texture: {correlation.growth:.1f} times as much where it is less flat"
    return f"independent from {max(correlation.length, 1)} px on; {spectrum}"


def _of_stored(correlation: NoiseCorrelation) -> str:
    length = max(correlation.length, 1)
    return (
        f"next pixel {correlation.next_pixel:.2f} in flat places, independent from {length} px on; finer noise was rounded away"
    )


def _of_exposures(exposures: ExposureNoise) -> str:
    law, neighbour = exposures.law, exposures.autocorrelation
    line = f"{law.gain:.3g} × (value - {law.offset:.4g}) + {law.read_sigma:.3g}²" if law.gain else f"{law.sigma:.4g}²"
    return f" variance = {line}; next pixel {(neighbour[0, 1] + neighbour[1, 0]) / 2:.2f}"
