"""DICOM by pydicom: frames in their stored values; what is written is a derived image with identifiers of its own."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from cgdenoise.errors import ImageError

from .container import Container, needed, rewriting
from .picture import MAX_BYTES, Metadata, Picture, check_shape
from .stack import Stack

_KINDS = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")
_FLOATS = ("FloatPixelData", "DoubleFloatPixelData")


@dataclass(frozen=True)
class DicomFile:
    """The file that a picture came from."""

    data: bytes


def _read(data: bytes) -> Any:
    return needed("pydicom", "dicom").dcmread(io.BytesIO(data))


def _decode(data: bytes) -> Picture:
    dataset = _read(data)
    if "PixelData" not in dataset:
        raise ImageError("DICOM without integer pixels; expected an image")
    kind = str(dataset.PhotometricInterpretation)
    if kind not in _KINDS:
        raise ImageError(f"{kind} DICOM; expected grey or RGB")
    frames, samples = int(dataset.get("NumberOfFrames", 1) or 1), int(dataset.SamplesPerPixel)
    check_shape((dataset.Rows, dataset.Columns, samples), dataset.BitsAllocated // 8, frames)
    try:
        pixels = dataset.pixel_array  # colours come as RGB, whatever they are stored as
    except (RuntimeError, NotImplementedError, AttributeError) as error:
        syntax = dataset.file_meta.TransferSyntaxUID.name
        raise ImageError(f"DICOM pixels ({syntax}) cannot be decoded: {error}") from error
    pages = np.ascontiguousarray(pixels).reshape(frames, dataset.Rows, dataset.Columns, *([samples] if samples > 1 else []))
    if pages.nbytes > MAX_BYTES or pages.dtype.kind not in "ui":
        raise ImageError(f"DICOM of {pages.dtype}, {pages.nbytes} bytes; expected integers, at most {MAX_BYTES} bytes")
    stack = Stack("T", (frames,)) if frames > 1 else None
    return Picture(tuple(pages), None, "dicom", Metadata(verbatim=DicomFile(data)), stack)


def _check(picture: Picture) -> None:
    if not isinstance(picture.metadata.verbatim, DicomFile):
        raise ImageError("a DICOM is made of a DICOM alone, for it says whose image it is; expected another format")


def _encode(picture: Picture) -> bytes:
    _check(picture)
    with rewriting("DICOM"):
        return _derived(picture)


def _derived(picture: Picture) -> bytes:
    """Return the file that a picture came from with its pixels, as a derived image."""
    pydicom = needed("pydicom", "dicom")
    uid = pydicom.uid
    dataset = _read(picture.metadata.verbatim.data)  # type: ignore[attr-defined]
    _derive(pydicom, dataset)
    pixels = np.stack(picture.pages)
    signed, bits = bool(dataset.PixelRepresentation), int(dataset.BitsStored)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    pixels = np.clip(pixels, low, high)
    if pixels.ndim == 4:
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    for name, value in (("SmallestImagePixelValue", pixels.min()), ("LargestImagePixelValue", pixels.max())):
        if name in dataset:
            setattr(dataset, name, int(value))
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_compressed:
        syntax = uid.ExplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = syntax
    order = "<" if syntax.is_little_endian else ">"
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if pixels.itemsize > 1 or syntax.is_implicit_VR else "OB"
    dataset["PixelData"].is_undefined_length = False
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _derive(pydicom: Any, dataset: Any) -> None:
    """Say that an image is derived from the one that it was, and give it identifiers of its own."""
    source = pydicom.Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    dataset.SourceImageSequence = pydicom.Sequence([source])
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    if "SeriesInstanceUID" in dataset:
        # One series of results for each series: the same inputs in the same order make the same one.
        dataset.SeriesInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[str(dataset.SeriesInstanceUID), "cgdenoise"])
    dataset.ImageType = ["DERIVED", *list(dataset.get("ImageType", ["", "SECONDARY"]))[1:]]
    dataset.DerivationDescription = "Noise removed by cgdenoise"


CONTAINER = Container("DICOM", (b"DICM",), (".dcm", ".dicom"), _decode, _check, _encode, place=128)
