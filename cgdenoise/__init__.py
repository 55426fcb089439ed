"""Restore one noisy image without training data, by early-stopped fitting of a convolutional generator.

`denoise` is the whole job in one call. The names below are imported on first use, so that importing the package is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cgdenoise.errors import CgDenoiseError, ImageError, LogError, MemoryLimitError, OptionError
    from cgdenoise.fitting.plan import Preset
    from cgdenoise.generators.spec import DecoderSpec
    from cgdenoise.images import Picture, read_image, write_image
    from cgdenoise.metrics import psnr
    from cgdenoise.noise import estimate_sigma
    from cgdenoise.restoration.denoise import denoise
    from cgdenoise.restoration.presets import PRESETS
    from cgdenoise.restoration.results import Denoised, FitSummary, RestorationError, RestorationResult, Snapshot
    from cgdenoise.runtime import keep_freed_memory

__version__ = "0.1.0"

_HOME = {
    "CgDenoiseError": "errors",
    "DecoderSpec": "generators.spec",
    "Denoised": "restoration.results",
    "FitSummary": "restoration.results",
    "ImageError": "errors",
    "LogError": "errors",
    "MemoryLimitError": "errors",
    "OptionError": "errors",
    "PRESETS": "restoration.presets",
    "Picture": "images",
    "Preset": "fitting.plan",
    "RestorationError": "restoration.results",
    "RestorationResult": "restoration.results",
    "Snapshot": "restoration.results",
    "denoise": "restoration.denoise",
    "estimate_sigma": "noise",
    "keep_freed_memory": "runtime",
    "psnr": "metrics",
    "read_image": "images",
    "write_image": "images",
}

__all__ = [  # noqa: RUF022 - the main call first
    "denoise",
    "CgDenoiseError",
    "DecoderSpec",
    "Denoised",
    "FitSummary",
    "ImageError",
    "LogError",
    "MemoryLimitError",
    "OptionError",
    "PRESETS",
    "Picture",
    "Preset",
    "RestorationError",
    "RestorationResult",
    "Snapshot",
    "estimate_sigma",
    "keep_freed_memory",
    "psnr",
    "read_image",
    "write_image",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
