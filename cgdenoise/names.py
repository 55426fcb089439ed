"""The names that a user chooses by, without what they stand for: the command line's help needs no more of the library."""

from __future__ import annotations

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
