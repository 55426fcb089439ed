"""`cgdenoise deblur`: undo a known blur."""

from __future__ import annotations

from typing import Annotated

import typer

from cgdenoise.cli.options import SharedOptions, Sigma, with_shared_options
from cgdenoise.cli.run import Task, beside, picture_task, run


@with_shared_options()
def deblur(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="PNG, JPEG, TIFF or NPY.")],
    psf: Annotated[
        str,
        typer.Option(
            metavar="PSF",
            help="Point-spread function: gaussian:SIGMA, motion:LENGTH,ANGLE, disk:RADIUS (out of focus) or box:SIDE, in pixels "
            "and degrees anticlockwise; or a picture or array of it, as .png or .npy.",
        ),
    ],
    sigma: Sigma = None,
    *,
    shared: SharedOptions,
) -> None:
    """Undo a known blur. The noise level is estimated if it is not given.

    Size, bit depth, range, alpha and metadata stay as they are.
    """
    target = beside(image, shared.output, "_deblurred")

    def read() -> Task:
        from cgdenoise.jobs.inputs import read_psf
        from cgdenoise.problems import deblurring

        kernel = read_psf(psf)
        return picture_task(image, target, lambda picture: deblurring(picture.pages[0], kernel, sigma), {"psf": psf})

    run("deblur", [target], [image, psf], shared, read)
