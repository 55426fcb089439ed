"""`cgdenoise deblur`: undo a known blur."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cgdenoise.cli.law import Law
from cgdenoise.cli.options import SharedOptions, Sigma, with_shared_options
from cgdenoise.cli.restore import BatchOptions, restore_pictures, solving

if TYPE_CHECKING:
    from cgdenoise.jobs.posed import Deblurring


@with_shared_options(suffix="_deblurred")
def deblur(
    batch: BatchOptions,
    psf: Annotated[
        str,
        typer.Option(
            metavar="PSF",
            help="Point-spread function: gaussian:SIGMA, motion:LENGTH,ANGLE, disk:RADIUS (out of focus) or box:SIDE, in pixels "
            "and degrees anticlockwise; or a picture or array of it, as .png or .npy; unknown finds one of the first three.",
        ),
    ],
    sigma: Sigma = None,
    *,
    law: Law,
    shared: SharedOptions,
) -> None:
    """Undo a blur, known or not. The noise level is estimated if it is not given.

    Size, bit depth, range, alpha and metadata stay as they are.
    """

    def pose() -> Deblurring:
        from cgdenoise.jobs.inputs import read_psf
        from cgdenoise.jobs.posed import Deblurring

        return Deblurring(psf, None if psf == "unknown" else read_psf(psf), sigma, law.counts(sigma), law.outliers)

    restore_pictures(batch, shared, [psf], solving("deblur", shared, pose))
