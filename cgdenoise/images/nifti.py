"""NIfTI, read by nibabel: slices of a volume, in its stored values; header and extensions stay byte for byte."""

from __future__ import annotations

import gzip
import io
import math
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cgdenoise.errors import ImageError

from .container import Container, check_planes, needed
from .picture import MAX_BYTES, Array, Metadata, Picture, check_shape
from .stack import Stack


@dataclass(frozen=True)
class NiftiFile:
    """What comes before the values of a volume, its shape, and the dtype of the values in the file."""

    head: bytes
    shape: tuple[int, ...]
    stored: np.dtype[Any]


def _decode(data: bytes) -> Picture:
    nibabel = needed("nibabel", "nifti")
    kind = nibabel.Nifti2Image if data[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else nibabel.Nifti1Image
    header = kind.header_class.from_fileobj(io.BytesIO(data), check=False)  # it would be mended, and nibabel would say so
    shape, dtype, start = tuple(int(side) for side in header.get_data_shape()), header.get_data_dtype(), int(header["vox_offset"])
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise ImageError(f"NIfTI of {dtype}; expected real integers or floats of 8 to 64 bits")
    if len(shape) < 2:
        raise ImageError(f"NIfTI of shape {shape}; expected two axes or more")
    if math.prod(shape) * dtype.itemsize > MAX_BYTES:
        raise ImageError(f"NIfTI of shape {shape}; expected at most {MAX_BYTES} bytes once decoded")
    check_shape(shape[1::-1], dtype.itemsize)
    if not header.sizeof_hdr <= start <= len(data) or len(data) - start < (size := math.prod(shape) * dtype.itemsize):
        raise ImageError(f"truncated NIfTI: {len(data)} bytes; expected {start} and the values of shape {shape}")
    # Stored with the first axis fastest: from back to front they are frames, slices, rows, columns.
    pages = np.frombuffer(data, dtype, offset=start, count=size // dtype.itemsize).reshape(-1, shape[1], shape[0])
    outer = tuple(side for side in shape[:1:-1] if side > 1)
    stack = Stack("TZ"[-len(outer) :], outer) if len(outer) in (1, 2) else None
    kept = NiftiFile(data[:start], shape, dtype)
    return Picture(tuple(pages.astype(dtype.newbyteorder("="))), None, "nifti", Metadata(verbatim=kept), stack)


def _decode_compressed(data: bytes) -> Picture:
    unpacker = zlib.decompressobj(wbits=31)
    unpacked = unpacker.decompress(data, MAX_BYTES)
    if unpacker.unconsumed_tail:
        raise ImageError(f"gzip of more than {MAX_BYTES} bytes; expected a smaller NIfTI")
    if not CONTAINER.is_of(unpacked):
        raise ImageError("gzip of something else; expected a NIfTI in it")
    return replace(_decode(unpacked), container="nifti-gz")


def _check(picture: Picture) -> None:
    if picture.dtype.itemsize == 2 and picture.dtype.kind == "f":
        raise ImageError("float16 pixels do not fit in a NIfTI, which holds floats of 32 or 64 bits")
    check_planes(picture, "a NIfTI", "slices")


def _encode(picture: Picture) -> bytes:
    _check(picture)
    kept, pages = picture.metadata.verbatim, np.stack([page.reshape(page.shape[:2]) for page in picture.pages])
    return kept.head + pages.astype(kept.stored).tobytes() if isinstance(kept, NiftiFile) else _new(pages)


def _new(slices: Array) -> bytes:
    """Return a volume of slices, one unit apart in all directions."""
    data: bytes = needed("nibabel", "nifti").Nifti1Image(slices.transpose(2, 1, 0), np.eye(4), dtype=slices.dtype).to_bytes()
    return data


_MAGICS = (b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c")
CONTAINER = Container("NIfTI", _MAGICS, (".nii",), _decode, _check, _encode)
COMPRESSED = Container(
    "compressed NIfTI",
    (b"\x1f\x8b",),
    (".nii.gz",),
    _decode_compressed,
    _check,
    lambda picture: gzip.compress(_encode(picture), mtime=0),
)
