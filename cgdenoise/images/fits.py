"""FITS by astropy: the image of one header and data unit; all others, and all cards, stay as they are."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from cgdenoise.errors import ImageError

from .container import Container, check_planes, needed, rewriting
from .picture import MAX_BYTES, Array, Metadata, Picture, check_shape
from .stack import Stack


@dataclass(frozen=True)
class FitsFile:
    """The file that a picture came from, which of its units has the pixels, and the shape of these."""

    data: bytes
    unit: int
    shape: tuple[int, ...]


def _fits() -> Any:
    return needed("astropy.io.fits", "fits")


def _decode(data: bytes) -> Picture:
    with _fits().open(io.BytesIO(data), memmap=False, lazy_load_hdus=False) as units:
        number = next((n for n, unit in enumerate(units) if unit.is_image and len(unit.shape) >= 2), None)
        if number is None:
            raise ImageError("FITS without an image; expected a unit of two axes or more")
        shape = tuple(int(side) for side in units[number].shape)
        if math.prod(shape) * 8 > MAX_BYTES:
            raise ImageError(f"FITS image of shape {shape}; expected at most {MAX_BYTES} bytes once decoded")
        check_shape(shape[-2:], 8)
        array = np.asarray(units[number].data)
    array = array.astype(array.dtype.newbyteorder("="))
    pages = array.reshape(-1, *shape[-2:])
    # The third axis of a cube is a wavelength or a time: that there are planes is all that is known.
    stack = Stack("Z", (len(pages),)) if len(pages) > 1 else None
    return Picture(tuple(pages), None, "fits", Metadata(verbatim=FitsFile(data, number, shape)), stack)


def _check(picture: Picture) -> None:
    if picture.dtype.name not in ("uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"):
        raise ImageError(
            f"{picture.dtype} pixels do not fit in a FITS file; expected integers of 8 to 64 bits or floats of 32 or 64"
        )
    check_planes(picture, "a FITS file", "planes")


def _encode(picture: Picture) -> bytes:
    _check(picture)
    fits, file = _fits(), picture.metadata.verbatim
    planes = np.stack([page.reshape(page.shape[:2]) for page in picture.pages])
    buffer = io.BytesIO()
    if not isinstance(file, FitsFile):
        fits.PrimaryHDU(planes if len(planes) > 1 else planes[0]).writeto(buffer)
        return buffer.getvalue()
    with rewriting("FITS"), fits.open(io.BytesIO(file.data), memmap=False, lazy_load_hdus=False) as units:
        units[file.unit] = _with_pixels(fits, units[file.unit], planes.reshape(file.shape))
        units.writeto(buffer, output_verify="silentfix")
    return buffer.getvalue()


def _with_pixels(fits: Any, unit: Any, pixels: Array) -> Any:
    """Return a unit with other pixels; one that was compressed without, for that may lose something."""
    if isinstance(unit, fits.CompImageHDU):
        return fits.ImageHDU(pixels, unit.header)
    unit.data  # noqa: B018 - reading it makes the header say how it is stored once it was scaled
    unit.data = pixels
    return unit


CONTAINER = Container("FITS", (b"SIMPLE  =",), (".fits", ".fit", ".fts"), _decode, _check, _encode)
