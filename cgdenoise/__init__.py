"""Restore one noisy image without training data, by early-stopped fitting of a convolutional generator.

`denoise`, `inpaint`, `deblur`, `upscale` and `reconstruct` are the whole job in one call; forward operators are in `operators`.
The names below are imported on first use, so that importing the package is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cgdenoise.errors import (
        CgDenoiseError,
        ImageError,
        LogError,
        MeasurementError,
        MemoryLimitError,
        NoiseLawError,
        OperatorError,
        OptionError,
    )
    from cgdenoise.fitlog.law_file import read_noise_law
    from cgdenoise.fitlog.reader import FitLog, read_log
    from cgdenoise.fitting.holdout import Sampling
    from cgdenoise.fitting.plan import Preset
    from cgdenoise.generators.spec import DecoderSpec
    from cgdenoise.images import Picture, read_image, write_image
    from cgdenoise.metrics import psnr
    from cgdenoise.noise import estimate_sigma
    from cgdenoise.noise.known import KnownNoise
    from cgdenoise.noise.law import NoiseLaw
    from cgdenoise.problems.calls import deblur, inpaint, upscale
    from cgdenoise.progress import Progress
    from cgdenoise.restoration.denoise import denoise
    from cgdenoise.restoration.hooks import Hooks
    from cgdenoise.restoration.presets import PRESETS
    from cgdenoise.restoration.reconstruct import reconstruct
    from cgdenoise.restoration.results import FitSummary, Restoration, RestorationError, Snapshot
    from cgdenoise.runtime import keep_freed_memory

__version__ = "0.1.0"

_HOME = {
    "denoise": "restoration.denoise",
    "inpaint": "problems.calls",
    "deblur": "problems.calls",
    "upscale": "problems.calls",
    "reconstruct": "restoration.reconstruct",
    "read_image": "images",
    "write_image": "images",
    "psnr": "metrics",
    "estimate_sigma": "noise",
    "read_log": "fitlog.reader",
    "read_noise_law": "fitlog.law_file",
    "keep_freed_memory": "runtime",
    "CgDenoiseError": "errors",
    "DecoderSpec": "generators.spec",
    "FitLog": "fitlog.reader",
    "FitSummary": "restoration.results",
    "Hooks": "restoration.hooks",
    "ImageError": "errors",
    "KnownNoise": "noise.known",
    "LogError": "errors",
    "MeasurementError": "errors",
    "MemoryLimitError": "errors",
    "NoiseLaw": "noise.law",
    "NoiseLawError": "errors",
    "OperatorError": "errors",
    "OptionError": "errors",
    "PRESETS": "restoration.presets",
    "Picture": "images",
    "Preset": "fitting.plan",
    "Progress": "progress",
    "Restoration": "restoration.results",
    "RestorationError": "restoration.results",
    "Sampling": "fitting.holdout",
    "Snapshot": "restoration.results",
}
"""Where each public name is defined: the calls first, then what they take and give."""

__all__ = [  # noqa: RUF022 - the calls first
    "denoise",
    "inpaint",
    "deblur",
    "upscale",
    "reconstruct",
    "read_image",
    "write_image",
    "psnr",
    "estimate_sigma",
    "read_log",
    "read_noise_law",
    "keep_freed_memory",
    "CgDenoiseError",
    "DecoderSpec",
    "FitLog",
    "FitSummary",
    "Hooks",
    "ImageError",
    "KnownNoise",
    "LogError",
    "MeasurementError",
    "MemoryLimitError",
    "NoiseLaw",
    "NoiseLawError",
    "OperatorError",
    "OptionError",
    "PRESETS",
    "Picture",
    "Preset",
    "Progress",
    "Restoration",
    "RestorationError",
    "Sampling",
    "Snapshot",
]


def __getattr__(name: str) -> Any:
    if name == "operators":
        return importlib.import_module(f"{__name__}.operators")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*_HOME, "operators", *(name for name in globals() if name.startswith("__"))})
