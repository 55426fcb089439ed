"""The names that a user chooses by, without what they stand for: the command line's help needs no more of the library."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class PresetName(StrEnum):
    """Of `restoration.presets`."""

    FAST = "fast"
    BALANCED = "balanced"
    BEST = "best"
    PAPER = "paper"


class GeneratorName(StrEnum):
    """Of `restoration.presets.with_generator`."""

    DECODER = "decoder"  # the preset's own
    DD_O = "dd-o"
    HOURGLASS = "hourglass"


class NoiseKind(StrEnum):
    """What may be assumed of the noise."""

    AUTO = "auto"  # chosen from the image
    GAUSSIAN = "gaussian"
    POISSON = "poisson"
    POISSON_GAUSSIAN = "poisson-gaussian"
    IMPULSE = "impulse"
    CORRELATED = "correlated"


class MeasuredNoise(StrEnum):
    """What the noise of measurements may be."""

    GAUSSIAN = "gaussian"
    POISSON = "poisson"


class StopName(StrEnum):
    """Of the stopping rules, as `Preset.stop` has them."""

    HOLDOUT = "holdout"
    NOISE_LEVEL = "noise-level"
    NONE = "none"


class DeviceName(StrEnum):
    """Where to compute, as `runtime.choose_device` takes it."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


class Channels(StrEnum):
    """Which channels of a picture are restored together."""

    JOINT = "joint"
    SEPARATE = "separate"


class OnExists(StrEnum):
    """What becomes of an input whose output is there already."""

    FAIL = "fail"
    SKIP = "skip"  # if that is complete, and of the same input, options and version
    OVERWRITE = "overwrite"


PARTS = {
    "generator": "the generator",
    "guide": "groups of similar patches",
    "both": "groups of similar patches, guided by the generator",
    "frames": "groups of similar patches over frames",
    "input": "the input as it was",
    "total variation": "total variation",
    "wavelets": "wavelets",
}
"""What a restoration is made of, in words, by the names that its parts have in the log."""


_LEAST = 0.005
"""Share of a part that is worth to be named: less is 0 % in round numbers."""


def made_of(parts: Sequence[tuple[str, float]]) -> str:
    """Return what a picture was made of, by the names and the shares of its parts: with shares if it is more than one thing."""
    shares = sorted(((weight, PARTS.get(name, name)) for name, weight in parts if weight >= _LEAST), reverse=True)
    return shares[0][1] if len(shares) == 1 else ", ".join(f"{weight:.0%} {name}" for weight, name in shares)


def counted(count: int, made: int) -> str:
    """Return how many fits count in a picture, of so many that were made."""
    return f"{count} fit{'s' * (count != 1)}" if count == made else f"{count} of {made} fits"
