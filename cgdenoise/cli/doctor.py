"""`cgdenoise doctor`: what this installation is and what it uses, to paste into a bug report."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import textwrap
import warnings
from typing import Any

from cgdenoise.cli.options import Json
from cgdenoise.cli.output import emit, emit_json
from cgdenoise.cli.progress import waiting

_PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "scikit-image",
    "pillow",
    "tifffile",
    "imagecodecs",
    "matplotlib",
    "typer",
    "rich",
    "psutil",
)
_EXTRAS = {
    "h5": "h5py",
    "fits": "astropy",
    "nifti": "nibabel",
    "dicom": "pydicom",
    "exr": "OpenEXR",
    "raw": "rawpy",
    "zarr": "zarr",
    "nufft": "finufft",
    "sigpy": "sigpy",
    "distributed": "distributed",
    "deepinv": "deepinv",
    "napari": "napari",
    "notebooks": "ipywidgets",
}
"""The package that each extra of the installation is for."""

_VARIABLES = (
    "CC",
    "CGDENOISE_DEBUG",
    "CUDA_VISIBLE_DEVICES",
    "GOMP_SPINCOUNT",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "OPENBLAS_NUM_THREADS",
)
"""Of the environment: they change what is used."""

_COLUMNS, _INDENT = 80, 13
"""Of its lines."""


def doctor(json: Json = False) -> None:
    """Say what this installation is and what it uses: versions, compiled kernels, device, threads, memory, extras.

    The exit code is 1 if something that was installed cannot be used.
    """
    with waiting("looking around"):
        found, problems = _examined()
    if json:
        emit_json(found | {"problems": problems})
    else:
        emit("\n".join(_line(name, _shown(value)) for name, value in found.items()))
        emit("\n".join(_line("problem", problem) for problem in problems) or "no problem found")
    sys.exit(1 if problems else 0)


def _examined() -> tuple[dict[str, Any], list[str]]:
    """Return what was found, by name, and what is wrong with it."""
    import torch

    from cgdenoise import __version__, generators, patches
    from cgdenoise.native.build import LIBRARIES
    from cgdenoise.runtime import available_cores, choose_device, choose_dtype, free_memory, total_memory

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        kernels = {"fits": generators.has_compiled_kernels(), "groups": patches.has_compiled_kernels()}
    device = choose_device("auto")
    on = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    built = [library.path.name for library in LIBRARIES if library.path.exists()]
    found = {
        "cgdenoise": __version__,
        "python": f"{platform.python_version()}, {platform.platform()}",
        "packages": {name: _version(name) for name in _PACKAGES},
        "kernels": {name: "compiled" if there else "torch's, slower: none were compiled" for name, there in kernels.items()},
        "libraries": built,
        "device": f"{device.type}, {on}",
        "precision": str(choose_dtype(device)).removeprefix("torch."),
        "threads": f"{available_cores()} cores may be used, of {os.cpu_count()}",
        "memory": f"{free_memory() / 1e9:.1f} GB free, of {total_memory() / 1e9:.1f}",
        "extras": {name: _version(package) for name, package in _EXTRAS.items()},
        "environment": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }
    return found, [str(warning.message) for warning in warned]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _line(name: str, text: str) -> str:
    """Return a fact in lines that a terminal and a bug report have room for."""
    return textwrap.fill(
        f"{name:<{_INDENT}}{text}", _COLUMNS, subsequent_indent=" " * _INDENT, break_long_words=False, break_on_hyphens=False
    )


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        there = ", ".join(f"{name} {text}" for name, text in value.items() if text is not None)
        absent = ", ".join(name for name, text in value.items() if text is None)
        return "; ".join(filter(None, [there, absent and f"not installed: {absent}"])) or "nothing"
    return ", ".join(value) or "none" if isinstance(value, list) else str(value)
