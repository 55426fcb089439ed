"""`cgdenoise upscale`: more pixels."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cgdenoise.cli.options import ExactSigma, SharedOptions, with_shared_options
from cgdenoise.cli.run import Task, beside, picture_task, run

if TYPE_CHECKING:
    from cgdenoise.images import Picture
    from cgdenoise.problems import LinearProblem


class KernelName(StrEnum):
    """Names of the filters."""

    BOX = "box"
    BICUBIC = "bicubic"


@with_shared_options()
def upscale(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="PNG, JPEG, TIFF or NPY.")],
    factor: Annotated[int, typer.Option(min=2, max=16, help="Of width and height.")] = 2,
    kernel: Annotated[
        KernelName, typer.Option(help="How the pixels were averaged: over their area, or as a bicubic filter does.")
    ] = KernelName.BOX,
    sigma: ExactSigma = 0.0,
    *,
    shared: SharedOptions,
) -> None:
    """Make a picture with more pixels, from which this one would come by averaging.

    Bit depth, range and metadata stay as they are.
    """
    target = beside(image, shared.output, "_upscaled")

    def read() -> Task:
        from cgdenoise.jobs.pictures import enlarged
        from cgdenoise.operators import Kernel
        from cgdenoise.problems import upscaling

        filtered = Kernel(kernel)
        described = {"factor": factor, "kernel": str(kernel)}

        def pose(picture: Picture) -> LinearProblem:
            return upscaling(picture.pages[0], factor, filtered, sigma)

        return picture_task(image, target, pose, described, partial(enlarged, factor=factor))

    run("upscale", [target], [image], shared, read)
