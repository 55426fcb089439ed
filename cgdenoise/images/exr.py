"""OpenEXR: one part, channels of one type; the header stays, and the compression if it loses nothing."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cgdenoise.errors import ImageError

from .container import Container, needed
from .picture import MAX_CHANNELS, Metadata, Picture, channel_count, check_shape

_COLOUR = ("R", "G", "B")
_OF_THE_PIXELS = ("channels", "compression", "type")
"""Of a header, what is said anew."""


@dataclass(frozen=True)
class ExrFile:
    """The names of channels in the order of a picture's, its header, and its compression, by OpenEXR's name."""

    names: tuple[str, ...]
    header: dict[str, Any]
    compression: str


def _decode(data: bytes) -> Picture:
    openexr = needed("OpenEXR", "exr")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.exr")  # the library reads names only
        path.write_bytes(data)
        with _quiet():
            header = openexr.File(str(path), header_only=True).parts[0].header
            (left, top), (right, bottom) = header["dataWindow"]
            check_shape((int(bottom) - int(top) + 1, int(right) - int(left) + 1), 4)
            file = openexr.File(str(path), separate_channels=True)
        if len(file.parts) != 1:
            raise ImageError(f"OpenEXR of {len(file.parts)} parts; expected one")
        header, channels = dict(file.parts[0].header), dict(file.parts[0].channels)
    names = _in_order(channels)
    planes = [np.asarray(channels[name].pixels) for name in names]
    if len({(plane.shape, plane.dtype) for plane in planes}) != 1:
        raise ImageError("OpenEXR with channels of several types or sizes; expected one")
    check_shape((*planes[0].shape, len(planes)), planes[0].itemsize)
    alpha = (planes.pop(),) if names[-1] == "A" else None
    page = planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)
    compression = header["compression"]
    kept = {name: value for name, value in header.items() if name not in _OF_THE_PIXELS}
    return Picture((page,), alpha, "exr", Metadata(verbatim=ExrFile(names, kept, str(compression).rpartition(".")[2])))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library, which prints what it finds wrong with a file, from the terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept, nowhere = [os.dup(1), os.dup(2)], os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        with redirect_stdout(None), redirect_stderr(None):  # some of it goes by way of Python
            yield
    finally:
        for stream, old in zip((1, 2), kept, strict=True):
            os.dup2(old, stream)
            os.close(old)
        os.close(nowhere)


def _in_order(channels: Any) -> tuple[str, ...]:
    """Return names in the order in which people say them: colours first, alpha last."""
    colour = [name for name in _COLOUR if name in channels]
    alpha = ["A"] if "A" in channels and len(channels) > 1 else []
    names = (*colour, *sorted(set(channels) - {*colour, *alpha}), *alpha)
    if not names:
        raise ImageError("OpenEXR without channels; expected some")
    return names


def _check(picture: Picture) -> None:
    if len(picture.pages) > 1:
        raise ImageError(f"{len(picture.pages)} pages do not fit in an OpenEXR file; expected TIFF")
    if picture.dtype.name not in ("float16", "float32", "uint32"):
        raise ImageError(f"{picture.dtype} pixels do not fit in an OpenEXR file, which holds float16, float32 or uint32")
    if channel_count(picture.pages[0]) > MAX_CHANNELS:
        raise ImageError(f"{channel_count(picture.pages[0])} channels; expected at most {MAX_CHANNELS} in an OpenEXR file")


def _encode(picture: Picture) -> bytes:
    _check(picture)
    openexr, page, kept = needed("OpenEXR", "exr"), picture.pages[0], picture.metadata.verbatim
    page = page.reshape(*page.shape[:2], -1)
    planes = [page[..., channel] for channel in range(page.shape[2])] + list(picture.alpha or ())
    file = kept if isinstance(kept, ExrFile) else ExrFile(_names(page.shape[2], picture.alpha is not None), {}, "ZIP_COMPRESSION")
    lossless = ("NO", "RLE", "ZIPS", "ZIP", "PIZ")
    compression = file.compression if file.compression.partition("_")[0] in lossless else "ZIP_COMPRESSION"
    header = {**file.header, "compression": getattr(openexr, compression), "type": openexr.scanlineimage}
    channels = {name: np.ascontiguousarray(plane) for name, plane in zip(file.names, planes, strict=True)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.exr")
        openexr.File(header, channels).write(str(path))
        return path.read_bytes()


def _names(channels: int, alpha: bool) -> tuple[str, ...]:
    names = {1: ("Y",), 3: _COLOUR}.get(channels, tuple(f"C{number:02}" for number in range(channels)))
    return (*names, "A") if alpha else names


CONTAINER = Container("OpenEXR", (b"\x76\x2f\x31\x01",), (".exr",), _decode, _check, _encode)
