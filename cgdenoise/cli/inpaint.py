"""`cgdenoise inpaint`: fill missing pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cgdenoise.cli.axes import Axes, checked_axes
from cgdenoise.cli.law import Law
from cgdenoise.cli.options import CertainSigma, SharedOptions, with_shared_options
from cgdenoise.cli.restore import BatchOptions, restore_pictures, solving
from cgdenoise.errors import OptionError

if TYPE_CHECKING:
    from cgdenoise.jobs.posed import Inpainting


@with_shared_options(suffix="_inpainted")
def inpaint(
    batch: BatchOptions,
    mask: Annotated[
        str | None,
        typer.Option(
            help="Image or array of the same size: white (or 1) is kept, black (or 0) is missing. Of a volume as many pages, or "
            "one for all planes. Without: what is transparent, or NaN."
        ),
    ] = None,
    invert: Annotated[bool, typer.Option("--invert", help="White is missing instead.")] = False,
    sigma: CertainSigma = None,
    axes: Axes = None,
    *,
    law: Law,
    shared: SharedOptions,
) -> None:
    """Fill the missing pixels of images; the others stay as they are, unless they are clearly noisy or --sigma says so.

    NaN in a float file is missing too, and without --mask what is transparent, which then becomes opaque. Size, bit depth, range,
    alpha (but for that) and metadata stay as they are. Of several inputs all have the same mask. Pages of a TIFF, or those of an
    array whose --axes are told, as ZYX, are the planes of a volume, which is filled as such: a whole plane may be missing.
    """
    if invert and mask is None:
        raise OptionError("--invert without --mask")

    def pose() -> Inpainting:
        from cgdenoise.jobs.inputs import read_whole
        from cgdenoise.jobs.posed import Inpainting

        return Inpainting(
            None if mask is None else (mask, read_whole(mask, "mask")), invert, sigma, law.counts(sigma), law.outliers
        )

    restore_pictures(batch, shared, [mask], solving("inpaint", shared, pose, checked_axes(axes)))
