"""`cgdenoise compare`: how like two pictures are."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cgdenoise.cli.axes import Axes, checked_axes
from cgdenoise.cli.options import Force, Json, Quiet
from cgdenoise.cli.output import emit, emit_json, note
from cgdenoise.cli.progress import waiting
from cgdenoise.errors import OptionError

if TYPE_CHECKING:
    from cgdenoise.jobs.compare import Comparison


def compare(
    image: Annotated[str, typer.Argument(help="Image: PNG, JPEG, TIFF, NPY, FITS, ...")],
    reference: Annotated[str, typer.Argument(help="What it should be.")],
    peak: Annotated[
        float | None,
        typer.Option(help="Full scale. If not given that of the reference's dtype, or of floats the range of its values."),
    ] = None,
    difference: Annotated[
        str | None, typer.Option(help="Draw IMAGE less REFERENCE into this file, amplified about grey.", metavar="FILE")
    ] = None,
    axes: Axes = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say how like an image is to a reference of the same size: PSNR, SSIM, and the differences in grey levels."""
    if peak is not None and not (math.isfinite(peak) and peak > 0):
        raise OptionError(f"--peak {peak}; expected a finite number above 0")
    axes = checked_axes(axes)
    from cgdenoise.images import container_for, encode, write_atomically
    from cgdenoise.images.picture import Picture
    from cgdenoise.jobs.compare import compare as compared
    from cgdenoise.jobs.compare import draw_difference
    from cgdenoise.jobs.plan import check_output

    if difference is not None:
        container = container_for(difference)
        check_output(difference, force)
    with waiting("comparing", image, quiet):
        comparisons = compared(image, reference, peak, axes)
    if difference is not None:
        if len(comparisons) > 1 and container != "tiff":
            raise OptionError(f"{len(comparisons)} pages; expected a .tif for their differences", difference)
        pages, factors = zip(*map(draw_difference, comparisons), strict=True)
        write_atomically(difference, encode(Picture(pages, None, container), container, difference))
        if not quiet:
            note(f"{difference}: differences times {', '.join(f'{factor:.3g}' for factor in factors)}, about grey")
    for comparison in comparisons:
        if json:
            emit_json(_facts(comparison, image, reference))
        elif not quiet:
            emit(_sentence(comparison, image, len(comparisons)))
    sys.stdout.flush()


def _facts(comparison: Comparison, image: str, reference: str) -> dict[str, Any]:
    from cgdenoise.fitlog.records import FORMAT

    numbers = {name: getattr(comparison, name) for name in ("psnr", "ssim", "rms", "largest", "peak")}
    return {"format": FORMAT, "input": image, "reference": reference, "page": comparison.page + 1} | numbers


def _sentence(comparison: Comparison, image: str, pages: int) -> str:
    page = f" page {comparison.page + 1}" if pages > 1 else ""
    likeness = f", SSIM {comparison.ssim:.4f}" if math.isfinite(comparison.ssim) else ""
    return (
        f"{image}{page}: PSNR {comparison.psnr:.2f} dB{likeness}, RMS {comparison.rms:.4g}, largest {comparison.largest:.4g} "
        f"(full scale {comparison.peak:g})"
    )
