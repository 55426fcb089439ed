"""`cgdenoise deblur`: undo a known blur."""

from __future__ import annotations

from typing import Annotated

import typer

from cgdenoise.cli.options import (
    Device,
    DeviceName,
    Force,
    Json,
    MaxIterations,
    Members,
    Output,
    Preset,
    PresetName,
    Quiet,
    Reference,
    Seed,
    Sigma,
    Threads,
)
from cgdenoise.cli.run import Choices, Task, beside, picture_task, run


def deblur(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="PNG, JPEG, TIFF or NPY.")],
    psf: Annotated[
        str,
        typer.Option(
            metavar="PSF",
            help="Point-spread function: gaussian:SIGMA, motion:LENGTH,ANGLE (pixels, degrees anticlockwise), or a .png or .npy.",
        ),
    ],
    output: Output = None,
    force: Force = False,
    preset: Preset = PresetName.BALANCED,
    sigma: Sigma = None,
    members: Members = None,
    max_iterations: MaxIterations = None,
    seed: Seed = 0,
    device: Device = DeviceName.AUTO,
    threads: Threads = None,
    reference: Reference = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Undo a known blur. The noise level is estimated if it is not given.

    Size, bit depth, range, alpha and metadata stay as they are.
    """
    choices = Choices(preset, members, max_iterations, seed, device, threads, reference, force, json, quiet)
    target = beside(image, output, "_deblurred")

    def read() -> Task:
        from cgdenoise.jobs.inputs import read_psf
        from cgdenoise.problems import deblurring

        kernel = read_psf(psf)
        return picture_task(image, target, lambda page: deblurring(page, kernel, sigma), {"psf": psf})

    run([target], [image, psf], choices, read)
