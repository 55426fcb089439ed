"""Between files and pictures: which container it is, and whose error it is."""

import hashlib
import os
import stat
import tempfile
from functools import partial
from typing import BinaryIO

import numpy as np

from cgdenoise.errors import ImageError
from cgdenoise.reading import about, reading
from cgdenoise.reading.on_disk import Folder

from .picture import MAX_BYTES, MAX_CHANNELS, Array, Picture
from .registry import CONTAINERS, FOREIGN, LONGEST_MAGIC, by_content, by_suffix, container_for, expected
from .writing import Together, hash_of_folder, remove_leftovers, writing_together


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
            raise ImageError(f"empty file; {expected()}")
        container = by_content(data[:LONGEST_MAGIC], name)
        if container is not None:
            with reading(name, ImageError, f"an undamaged {container.title}"):
                if axes is None:
                    return container.decode(data)
                if container.decode_stack is None:
                    raise ImageError(f"axes of a {container.title}, which are known; expected none to be said")
                return container.decode_stack(data, axes)
        for magic, kind in FOREIGN.items():
            if data.startswith(magic):
                raise ImageError(f"{kind}; {expected()}")
        raise ImageError(f"not an image: starts with {data[:8]!r}; {expected()}")


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


def is_image_folder(path: str | os.PathLike[str]) -> bool:
    """Tell whether a folder is an image, by its suffix."""
    name = by_suffix(os.fspath(path).rstrip(os.sep))
    return name is not None and CONTAINERS[name].in_folder is not None and os.path.isdir(path)


def add_picture(together: Together, picture: Picture, container: str, path: str) -> str:
    """Write an image file, or folder, with others, by rows if the container can; return the SHA-256 of what was written."""
    found = CONTAINERS[container]

    def write(file: BinaryIO) -> None:
        with about(path):
            if found.by_rows is None:
                file.write(found.encode(picture))
            else:
                found.by_rows.write(picture, file)

    if found.in_folder is None:
        return together.add(path, write)
    return together.add_folder(path, partial(found.in_folder.write, picture))


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
    if is_image_folder(path):
        container = CONTAINERS[by_suffix(os.fspath(path).rstrip(os.sep)) or ""]
        assert container.in_folder is not None
        with reading(path, ImageError, f"an undamaged {container.title}"):
            return container.in_folder.read(path, folder, axes), hash_of_folder(path)
    with reading(path, ImageError, "an image file"), open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode):
            known = by_content(file.read(LONGEST_MAGIC), os.fspath(path))
            file.seek(0)
            if known is not None and known.by_rows is not None and status.st_size <= MAX_BYTES:
                with reading(path, ImageError, f"an undamaged {known.title}"):
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    file.seek(0)
                    return known.by_rows.unpack(file, status.st_size, folder, axes), digest
        data = _all_of(file)  # of a pipe, which can be opened but once
    return decode(data, os.fspath(path), axes), hashlib.sha256(data).hexdigest()


def hash_of_image(path: str | os.PathLike[str]) -> str | None:
    """Return the SHA-256 of the bytes of a file or folder, as `open_image` does, without decoding them.

    None is returned for a pipe and its like, which can be read but once.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    with reading(path, ImageError, "an image file"):
        if is_image_folder(path):
            return hash_of_folder(path)
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a whole file. ImageError if it is missing, unreadable, a directory, empty, or larger than `MAX_BYTES`."""
    with reading(path, ImageError, "an image file"), open(path, "rb") as file:
        return _all_of(file)


def _all_of(file: BinaryIO) -> bytes:
    blocks: list[bytes] = []
    size = os.fstat(file.fileno()).st_size
    # A device or a pipe has no size beforehand and, perhaps, no end. Blocks of 16 MiB, by hand.
    while size <= MAX_BYTES and (block := file.read(1 << 24)):
        blocks.append(block)
        size = max(size, sum(map(len, blocks)))
    if size > MAX_BYTES:
        raise ImageError(f"file of more than {MAX_BYTES} bytes; expected a smaller image")
    if not blocks:
        raise ImageError(f"empty file; {expected()}")
    return b"".join(blocks)


def read_image(path: str | os.PathLike[str], axes: str | None = None) -> Picture:
    """Read an image file: `decode` of `read_bytes`; or a folder that is one."""
    if is_image_folder(path):
        return open_image(path, tempfile.gettempdir(), axes)[0]
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
    remove_leftovers([path])
    with writing_together() as together:
        add_picture(together, picture, container, os.fspath(path))


def _from_array(image: Array, container: str) -> Picture:
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] > MAX_CHANNELS:
        raise ImageError(f"array of shape {array.shape}; expected (H, W) or (H, W, C) with C at most {MAX_CHANNELS}")
    return Picture((array.astype(array.dtype.newbyteorder("="), order="C", copy=False),), None, container)
