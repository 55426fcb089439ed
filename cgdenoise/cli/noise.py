"""`cgdenoise noise`: report what is known of the noise in an image."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cgdenoise.cli.errors import Failures
from cgdenoise.cli.options import Json, Offset
from cgdenoise.cli.output import emit, emit_json

if TYPE_CHECKING:
    from cgdenoise.noise import NoiseModel, NoiseReport


def noise(
    inputs: Annotated[list[str], typer.Argument(metavar="FILE...", help="Images: PNG, JPEG, TIFF or NPY.")],
    offset: Offset = None,
    json: Json = False,
) -> None:
    """Say what noise an image has: level, growth with brightness, correlation, impulses, each with its uncertainty.

    All figures are in the file's own grey levels. The last lines say which model denoise will choose, and why.
    """
    failures = Failures(json)
    for name in inputs:
        with failures.noted(name):
            for page in _examined(name, offset):
                if json:
                    emit_json(_facts(page))
                else:
                    emit(_text(page))
    sys.exit(failures.code)


@dataclass(frozen=True)
class _Page:
    name: str
    number: int
    report: NoiseReport
    model: NoiseModel


def _examined(name: str, offset: float | None) -> list[_Page]:
    from cgdenoise.errors import ImageError
    from cgdenoise.images import read_image
    from cgdenoise.noise import choose, examine
    from cgdenoise.reading import about
    from cgdenoise.restoration.units import check_image, is_constant

    pages = []
    for number, page in enumerate(read_image(name).pages):
        with about(name):
            values = check_image(page)
            if is_constant(values):
                raise ImageError("all values of a channel are the same; expected an image with noise")
        pages.append(_Page(name, number, examine(values, offset), choose(values, offset=offset)))
    return pages


def _facts(page: _Page) -> dict[str, Any]:
    report, model = page.report, page.model
    poisson, correlation, impulses = report.poisson, report.correlation, report.impulses
    from cgdenoise.fitlog.records import FORMAT

    return {
        "format": FORMAT,
        "input": page.name,
        "page": page.number,
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
        },
        "impulses": {
            "share": impulses.share,
            "share_error": impulses.share_error,
            "low": impulses.low,
            "high": impulses.high,
        },
        "model": str(model.kind),
        "model_sigma": model.sigma,
        "reasons": list(model.reasons),
    }


def _text(page: _Page) -> str:
    report, model = page.report, page.model
    poisson, correlation, impulses = report.poisson, report.correlation, report.impulses
    lines = [
        f"{page.name}" + (f" page {page.number}" if page.number else ""),
        f"  level          {report.sigma:.4g} ± {report.sigma_error:.2g}",
    ]
    if len(report.covariance) > 1:
        from cgdenoise.noise.estimate import largest_correlation

        lines.append(f"  channels       largest correlation {largest_correlation(report.covariance):.2f}")
    lines += [
        f"  brightness     variance = {poisson.gain:.3g} (± {poisson.gain_error:.2g}) × (value - {poisson.offset:g})"
        f" + {poisson.sigma:.3g}² (± {poisson.sigma_error:.2g})",
        f"  neighbours     independent from {max(correlation.length, 1)} px on; middle over fine frequencies"
        f" {correlation.excess:.2f} ± {correlation.error:.2g}",
        f"  impulses       {impulses.share:.2%} ± {impulses.share_error:.2%} of the values",
        f"  model          {model.kind}, level {model.sigma:.4g}",
        *(f"                 {reason}" for reason in model.reasons),
    ]
    return "\n".join(lines)
