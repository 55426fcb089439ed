"""`cgdenoise upscale`: more pixels."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cgdenoise.cli.options import (
    Device,
    DeviceName,
    ExactSigma,
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
    Threads,
)
from cgdenoise.cli.run import Choices, Task, beside, picture_task, run


class KernelName(StrEnum):
    """Names of the filters."""

    BOX = "box"
    BICUBIC = "bicubic"


def upscale(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="PNG, JPEG, TIFF or NPY.")],
    factor: Annotated[int, typer.Option(min=2, max=16, help="Of width and height.")] = 2,
    kernel: Annotated[
        KernelName, typer.Option(help="How the pixels were averaged: over their area, or as a bicubic filter does.")
    ] = KernelName.BOX,
    output: Output = None,
    force: Force = False,
    preset: Preset = PresetName.BALANCED,
    sigma: ExactSigma = 0.0,
    members: Members = None,
    max_iterations: MaxIterations = None,
    seed: Seed = 0,
    device: Device = DeviceName.AUTO,
    threads: Threads = None,
    reference: Reference = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a picture with more pixels, from which this one would come by averaging.

    Bit depth, range and metadata stay as they are.
    """
    choices = Choices(preset, members, max_iterations, seed, device, threads, reference, force, json, quiet)
    target = beside(image, output, "_upscaled")

    def read() -> Task:
        from cgdenoise.operators import Kernel
        from cgdenoise.problems import upscaling

        filtered = Kernel(kernel)
        described = {"factor": factor, "kernel": str(kernel)}
        return picture_task(image, target, lambda page: upscaling(page, factor, filtered, sigma), described, factor)

    run([target], [image], choices, read)
