"""A small set of files to try compressed sensing with, and the commands that reconstruct them."""

from __future__ import annotations

import io
import os
import shlex
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise import images
from cgdenoise.images import Picture
from cgdenoise.problems.sensing import fourier_lines

_SIDE = 48
"""Of the picture: large enough to be known again, and small enough for a matrix of 3 MB and half a minute. By hand."""


@dataclass(frozen=True)
class Example:
    """Files by their paths, and command lines, one for each way to measure."""

    files: dict[str, bytes]
    commands: tuple[str, ...]


def example(folder: str) -> Example:
    """Return a picture, half as many random sums of its pixels as it has, and a third of its Fourier plane's lines.

    Parameters
    ----------
    folder : str
        Where the files are to lie.
    """
    from skimage import data

    camera: NDArray[np.uint8] = data.camera()  # type: ignore[no-untyped-call]
    picture = camera[60:204:3, 170:314:3]
    x = picture.astype(np.float64)
    matrix = np.random.default_rng(0).integers(0, 2, (x.size // 2, x.size), np.int8) * np.int8(2) - np.int8(1)
    mask = fourier_lines((_SIDE, _SIDE), 1 / 3, 0)
    plane = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(x), norm="ortho"))
    place = {name: os.path.join(folder, name) for name in ("clean.png", "y.npy", "A.npy", "samples.npy", "mask.png")}
    files = {
        "clean.png": _png(picture),
        "y.npy": _npy(matrix @ x.ravel()),
        "A.npy": _npy(matrix),
        "samples.npy": _npy((plane * mask).astype(np.complex64)),
        "mask.png": _png(mask.astype(np.uint8) * 255),
    }
    clean = ("--reference", place["clean.png"])
    lines = (
        (place["y.npy"], "--matrix", place["A.npy"], "--shape", f"{_SIDE},{_SIDE}", *clean),
        (place["samples.npy"], "--mask", place["mask.png"], "--real", *clean),
    )
    commands = tuple(shlex.join(("cgdenoise", "cs", *line)) for line in lines)
    return Example({place[name]: content for name, content in files.items()}, commands)


def _png(array: NDArray[Any]) -> bytes:
    return images.encode(Picture((array,), None, "png"), "png", "example")


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
