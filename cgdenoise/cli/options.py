"""Options that several commands share, so that one name means one thing."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class PresetName(StrEnum):
    """Names of the presets."""

    FAST = "fast"
    BALANCED = "balanced"
    BEST = "best"
    PAPER = "paper"


class NoiseName(StrEnum):
    """Names of the noise models."""

    AUTO = "auto"
    GAUSSIAN = "gaussian"
    POISSON = "poisson"
    POISSON_GAUSSIAN = "poisson-gaussian"
    IMPULSE = "impulse"
    CORRELATED = "correlated"


class StopName(StrEnum):
    """Names of the stopping rules."""

    HOLDOUT = "holdout"
    NOISE_LEVEL = "noise-level"
    NONE = "none"


class DeviceName(StrEnum):
    """Names of the devices."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


Force = Annotated[bool, typer.Option("--force", help="Replace an output that exists.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per result on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors (and JSON, if asked for).")]
Sigma = Annotated[
    float | None,
    typer.Option(min=0, help="Noise level (standard deviation) in the file's own grey levels. Estimated if not given."),
]
Noise = Annotated[NoiseName, typer.Option(help="What kind of noise it is. auto decides by the image, and the log says why.")]
Gain = Annotated[
    float | None,
    typer.Option(help="What one count of Poisson noise adds to a value, in the file's own grey levels. Estimated if not given."),
]
Offset = Annotated[
    float, typer.Option(help="Value of a pixel that has received no light, for Poisson noise, in the file's own grey levels.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers: the same seed gives the same result.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads. All that the process may use if not given.")]
Output = Annotated[
    str | None, typer.Option("--output", "-o", help="Output file or existing folder. Beside the input if not given.")
]
Preset = Annotated[PresetName, typer.Option(help="fast, balanced, best, or the method as published.")]
Members = Annotated[int | None, typer.Option(min=1, max=64, help="Fits to average. More are better and slower.")]
MaxIterations = Annotated[int | None, typer.Option(min=1, help="Budget of each fit.")]
Device = Annotated[DeviceName, typer.Option(help="Where to compute.")]
Reference = Annotated[
    str | None, typer.Option(help="Clean image to compare with: adds PSNR and SSIM to the log, never touches the fit.")
]
ExactSigma = Annotated[
    float,
    typer.Option(
        "--sigma", min=0, help="Noise level (standard deviation) of the measured values, in their unit. 0: they are kept exactly."
    ),
]
