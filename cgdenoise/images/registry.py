"""All kinds of image files there are, and which of them a file is, by its first bytes or by its name."""

from __future__ import annotations

import os
from pathlib import Path

from cgdenoise.errors import ImageError
from cgdenoise.reading import about

from . import by_pillow, dicom, exr, fits, jpeg, nifti, npy, ome_zarr, png, raw, tiff
from .container import ByRows, Container

CONTAINERS = {
    "png": Container("PNG", (b"\x89PNG",), (".png",), png.decode, png.check, png.encode),
    "jpeg": Container("JPEG", (b"\xff\xd8\xff",), (".jpg", ".jpeg"), jpeg.decode, jpeg.check, jpeg.encode),
    "tiff": Container(
        "TIFF",
        (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        (".tif", ".tiff"),
        tiff.decode,
        tiff.check,
        tiff.encode,
        ByRows(tiff.unpack, tiff.write),
        tiff.decode,
    ),
    "npy": Container(
        "NPY", (b"\x93NUMPY",), (".npy",), npy.decode, npy.check, npy.encode, ByRows(npy.unpack, npy.write), npy.decode
    ),
    "bmp": by_pillow.BMP,
    "webp": by_pillow.WEBP,
    "gif": by_pillow.GIF,
    "avif": by_pillow.AVIF,
    "fits": fits.CONTAINER,
    "nifti": nifti.CONTAINER,
    "nifti-gz": nifti.COMPRESSED,
    "dicom": dicom.CONTAINER,
    "exr": exr.CONTAINER,
    "raw": raw.CONTAINER,
    "zarr": ome_zarr.CONTAINER,
}

LONGEST_MAGIC = 256
"""Bytes of a file that tell its kind, or more."""

FOREIGN = {
    b"PK\x03\x04": "a ZIP archive (as .npz files are)",
    b"\x80\x02": "a Python pickle, which is never opened",
    b"\x80\x03": "a Python pickle, which is never opened",
    b"\x80\x04": "a Python pickle, which is never opened",
    b"\x80\x05": "a Python pickle, which is never opened",
}


def suffixes(*, written: bool = False) -> tuple[str, ...]:
    """Return the suffixes of the files that can be read, or of those that can be written."""
    known = CONTAINERS.values()
    return tuple(suffix for container in known if not (written and container.written_as) for suffix in container.suffixes)


def result_suffix(name: str) -> str | None:
    """Return the suffix of what is made of a file, by its name, where that is not the file's own."""
    container = by_suffix(name)
    return None if container is None else CONTAINERS[container].written_as


def written_as(container: str) -> str:
    """Return the container of what is made of a picture of a container: another one if that is read only."""
    suffix = CONTAINERS[container].written_as
    return container if suffix is None else container_for(f"x{suffix}")


def by_suffix(name: str) -> str | None:
    """Return the container that a name's suffix is of."""
    return next((key for key, container in CONTAINERS.items() if name.lower().endswith(container.suffixes)), None)


def by_content(head: bytes, name: str) -> Container | None:
    """Return the container of a file by its first bytes, or else by its name, as raw files of cameras are known."""
    named = by_suffix(name)
    if named is not None and not CONTAINERS[named].magics and CONTAINERS[named].in_folder is None:
        return CONTAINERS[named]
    return next((container for container in CONTAINERS.values() if container.is_of(head)), None)


def expected() -> str:
    """Return the end of a message about what is no image."""
    *others, last = (container.title for container in CONTAINERS.values())
    return f"expected {', '.join(others)} or {last}"


def container_for(path: str | os.PathLike[str]) -> str:
    """Return the container that an output path's suffix asks for: "png", "jpeg", "tiff" or another of `CONTAINERS`.

    Raises
    ------
    ImageError
        If the suffix is of no container, or of one that is read only.
    """
    name = Path(path).name
    container = by_suffix(name) if Path(name).suffix else None
    if container is not None and CONTAINERS[container].written_as is None:
        return container
    suffix = Path(path).suffix.lower()
    problem = f"suffix {suffix!r} is of no known format" if suffix else "no suffix"
    if container is not None:
        problem = f"{CONTAINERS[container].title} files are read, not written"
    with about(path):
        raise ImageError(f"{problem}; expected {', '.join(suffixes(written=True))}")
