"""Between files and pictures: which container it is, and whose error it is."""

import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cgdenoise.errors import ImageError
from cgdenoise.reading import about, reading
from cgdenoise.reading.on_disk import Folder

from . import by_pillow, dicom, exr, fits, jpeg, nifti, npy, png, raw, tiff
from .container import ByRows, Container
from .picture import MAX_BYTES, MAX_CHANNELS, Array, Picture
from .writing import write_atomically

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
}

_LONGEST_MAGIC = 256
"""Bytes of a file that tell its kind, or more."""

_FOREIGN = {
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
    container = _by_suffix(name)
    return None if container is None else CONTAINERS[container].written_as


def written_as(container: str) -> str:
    """Return the container of what is made of a picture of a container: another one if that is read only."""
    suffix = CONTAINERS[container].written_as
    return container if suffix is None else container_for(f"x{suffix}")


def _by_suffix(name: str) -> str | None:
    return next((key for key, container in CONTAINERS.items() if name.lower().endswith(container.suffixes)), None)


def _by_content(head: bytes, name: str) -> Container | None:
    """Return the container of a file by its first bytes, or else by its name, as raw files of cameras are known."""
    named = _by_suffix(name)
    if named is not None and not CONTAINERS[named].magics:
        return CONTAINERS[named]
    return next((container for container in CONTAINERS.values() if container.is_of(head)), None)


def _expected() -> str:
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
    container = _by_suffix(name) if Path(name).suffix else None
    if container is not None and CONTAINERS[container].written_as is None:
        return container
    suffix = Path(path).suffix.lower()
    problem = f"suffix {suffix!r} is of no known format" if suffix else "no suffix"
    if container is not None:
        problem = f"{CONTAINERS[container].title} files are read, not written"
    with about(path):
        raise ImageError(f"{problem}; expected {', '.join(suffixes(written=True))}")


def decode(data: bytes, name: str, axes: str | None = None) -> Picture:
    """Decode an image file; its first bytes say of which kind it is.

    Parameters
    ----------
    data
        The whole file.
    name
        What to call it in messages. A suffix in it means nothing but for raw files of cameras, which begin as others do.
    axes
        What the axes of its array, or its pages, are, as in "TZCYX", where the file does not say it: letters of time, depth,
        channels, rows and columns.

    Returns
    -------
    Picture
        Pixels in the file's own dtype and units, and its metadata.

    Raises
    ------
    ImageError
        If it is no image, a damaged one, or one of an unsupported kind: whatever the bytes, nothing else is raised.
    """
    with about(name):
        if not data:
            raise ImageError(f"empty file; {_expected()}")
        container = _by_content(data[:_LONGEST_MAGIC], name)
        if container is not None:
            with reading(name, ImageError, f"an undamaged {container.title}"):
                if axes is None:
                    return container.decode(data)
                if container.decode_stack is None:
                    raise ImageError(f"axes of a {container.title}, which are known; expected none to be said")
                return container.decode_stack(data, axes)
        for magic, kind in _FOREIGN.items():
            if data.startswith(magic):
                raise ImageError(f"{kind}; {_expected()}")
        raise ImageError(f"not an image: starts with {data[:8]!r}; {_expected()}")


def check(picture: Picture, container: str, name: str) -> None:
    """Check that `container` can hold `picture` without losing pixels. Cheap: call it before a long fit.

    Parameters
    ----------
    picture
        What is to be written; only its shapes, dtype and metadata count.
    container
        "png", "jpeg", "tiff" or "npy".
    name
        What to call the output in messages.

    Raises
    ------
    ImageError
        If it cannot.
    """
    with about(name):
        CONTAINERS[container].check(picture)


def encode(picture: Picture, container: str, name: str) -> bytes:
    """Return the bytes of an image file.

    Parameters
    ----------
    picture
        What to write.
    container
        "png", "jpeg", "tiff" or "npy". If it is not the picture's own, common metadata goes along (ICC profile,
        EXIF, resolution), as far as the container holds it, and the rest stays behind.
    name
        What to call the output in messages.

    Raises
    ------
    ImageError
        If `check` does.
    """
    with about(name):
        return CONTAINERS[container].encode(picture)


def write(picture: Picture, container: str, name: str, file: BinaryIO) -> None:
    """Write the bytes of an image file to one that is open, by rows if the container can; else as `encode`."""
    with about(name):
        found = CONTAINERS[container]
        if found.by_rows is None:
            file.write(found.encode(picture))
        else:
            found.by_rows.write(picture, file)


def open_image(path: str | os.PathLike[str], folder: Folder, axes: str | None = None) -> tuple[Picture, str]:
    """Read an image file whose pages may be too large for the memory, and return it with the SHA-256 of its bytes.

    Parameters
    ----------
    path
        Of the file.
    folder
        Where there is room for the pages of a large one. No file is seen there; what there is goes with the picture.
    axes
        As in `decode`.

    Raises
    ------
    ImageError
        As `read_image`, or if there is no room in the folder.
    """
    with reading(path, ImageError, "an image file"), open(path, "rb") as file:
        status = os.fstat(file.fileno())
        head = file.read(_LONGEST_MAGIC) if stat.S_ISREG(status.st_mode) else b""
        container = _by_content(head, os.fspath(path))
        if container is not None and container.by_rows is not None and status.st_size <= MAX_BYTES:
            with reading(path, ImageError, f"an undamaged {container.title}"):
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                file.seek(0)
                return container.by_rows.unpack(file, status.st_size, folder, axes), digest
    data = read_bytes(path)
    return decode(data, os.fspath(path), axes), hashlib.sha256(data).hexdigest()


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a whole file. ImageError if it is missing, unreadable, a directory, empty, or larger than `MAX_BYTES`."""
    blocks: list[bytes] = []
    with reading(path, ImageError, "an image file"):
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            # A device or a pipe has no size beforehand and, perhaps, no end. Blocks of 16 MiB, by hand.
            while size <= MAX_BYTES and (block := file.read(1 << 24)):
                blocks.append(block)
                size = max(size, sum(map(len, blocks)))
        if size > MAX_BYTES:
            raise ImageError(f"file of more than {MAX_BYTES} bytes; expected a smaller image")
        if not blocks:
            raise ImageError(f"empty file; {_expected()}")
        return b"".join(blocks)


def read_image(path: str | os.PathLike[str], axes: str | None = None) -> Picture:
    """Read an image file: `decode` of `read_bytes`."""
    return decode(read_bytes(path), os.fspath(path), axes)


def write_image(path: str | os.PathLike[str], image: Picture | Array) -> None:
    """Write an image in the container that the suffix asks for, atomically, replacing what was there.

    Parameters
    ----------
    path
        Where to. The suffix is one of `suffixes()`.
    image
        A picture; or an array, (H, W) or (H, W, C), which is written without metadata, in its own dtype and values: PNG
        holds uint8 and uint16, JPEG uint8, each with a C of 1 or 3, TIFF and NPY real numbers of 8 to 64 bits, of any C up to 16.

    Raises
    ------
    ImageError
        If the container cannot hold the image, or the file cannot be written.
    """
    container = container_for(path)
    with about(path):
        picture = image if isinstance(image, Picture) else _from_array(image, container)
    write_atomically(path, encode(picture, container, os.fspath(path)))


def _from_array(image: Array, container: str) -> Picture:
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] > MAX_CHANNELS:
        raise ImageError(f"array of shape {array.shape}; expected (H, W) or (H, W, C) with C at most {MAX_CHANNELS}")
    return Picture((array.astype(array.dtype.newbyteorder("="), order="C", copy=False),), None, container)
