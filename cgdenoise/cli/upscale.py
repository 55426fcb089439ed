"""`cgdenoise upscale`: more pixels."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cgdenoise.cli.law import Law
from cgdenoise.cli.options import CertainSigma, SharedOptions, with_shared_options
from cgdenoise.cli.restore import BatchOptions, restore_pictures, solving

if TYPE_CHECKING:
    from cgdenoise.jobs.posed import Upscaling


class KernelName(StrEnum):
    """Names of the filters."""

    BOX = "box"
    BICUBIC = "bicubic"


@with_shared_options(suffix="_upscaled")
def upscale(
    batch: BatchOptions,
    factor: Annotated[int, typer.Option(min=2, max=16, help="Of width and height.")] = 2,
    kernel: Annotated[
        KernelName, typer.Option(help="How the pixels were averaged: over their area, or as a bicubic filter does.")
    ] = KernelName.BOX,
    sigma: CertainSigma = None,
    *,
    law: Law,
    shared: SharedOptions,
) -> None:
    """Make pictures with more pixels, from which these would come by averaging.

    Bit depth, range and metadata stay as they are.
    """

    def pose() -> Upscaling:
        from cgdenoise.jobs.posed import Upscaling
        from cgdenoise.operators import Kernel

        return Upscaling(factor, Kernel(kernel), sigma, law.counts(sigma), law.outliers)

    restore_pictures(batch, shared, [], solving("upscale", shared, pose))
