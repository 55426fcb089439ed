"""Whatever the bytes, `decode` returns a picture or raises an ImageError of one line, and prints nothing."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from cgdenoise.errors import ImageError
from cgdenoise.images import Metadata, Picture, decode, encode, written_as

IMAGE = np.random.default_rng(3).integers(0, 256, (24, 31, 3), dtype=np.uint8)


def saved_by_pillow(kind, mode="RGB", **options):
    buffer = io.BytesIO()
    Image.fromarray(IMAGE).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def saved_by_tifffile(**options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, IMAGE, photometric="rgb", **options)
    return buffer.getvalue()


KINDS = ["png", "palette", "png16", "jpeg", "progressive", "tiff", "lzw", "jpeg in tiff", "bigtiff", "npy", "bmp", "webp", "gif"]
EXTRAS = {"fits": "astropy", "nifti": "nibabel", "nifti-gz": "nibabel", "exr": "OpenEXR"}


@pytest.fixture(params=[*KINDS, *(pytest.param(kind, marks=pytest.mark.slow) for kind in EXTRAS)])
def sample(request, exif):
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    deep = Picture((IMAGE * np.uint16(257),), None, "npy", Metadata(exif=block, dpi=(72, 72)))
    make = {
        "png": lambda: saved_by_pillow("PNG", exif=exif, dpi=(72, 72)),
        "palette": lambda: saved_by_pillow("PNG", "P"),
        "png16": lambda: encode(deep, "png", "x"),
        "jpeg": lambda: saved_by_pillow("JPEG", exif=exif, dpi=(72, 72)),
        "progressive": lambda: saved_by_pillow("JPEG", progressive=True),
        "tiff": lambda: encode(deep, "tiff", "x"),
        "lzw": lambda: saved_by_tifffile(compression="lzw", tile=(16, 16)),
        "jpeg in tiff": lambda: saved_by_tifffile(compression="jpeg"),
        "bigtiff": lambda: saved_by_tifffile(bigtiff=True),
        "npy": lambda: encode(deep, "npy", "x"),
    }
    if request.param in ("bmp", "webp", "gif"):
        return saved_by_pillow(request.param, **({"lossless": True} if request.param == "webp" else {}))
    if request.param in EXTRAS:
        pytest.importorskip(EXTRAS[request.param])
        return encode(Picture((IMAGE[..., 0].astype(np.float32),), None, "npy"), request.param, "x")
    return make[request.param]()


def survives(data):
    try:
        found = decode(data, "fuzz")
    except ImageError as error:
        found, message = None, str(error)
    else:
        message = "fuzz: "
        for container in {"tiff", written_as(found.container)}:
            try:
                encode(found, container, "fuzz")
            except ImageError as error:
                message = str(error)
    assert message.startswith("fuzz: ")
    assert message.isprintable()
    return found


def test_truncations(sample, capfd):
    whole = decode(sample, "x").pages[0]
    for twentieth in range(20):
        found = survives(sample[: len(sample) * twentieth // 20])
        assert found is None or np.array_equal(found.pages[0], whole)
    assert capfd.readouterr() == ("", "")


def test_changed_bytes(sample, capfd):
    randomly = random.Random(sample[:64])
    for _ in range(150):
        data = bytearray(sample)
        for _ in range(randomly.choice((1, 2, 5, 20))):
            # The structure is at the beginning or, in a TIFF, at the end.
            place = randomly.choice((randomly.randrange(100), randomly.randrange(len(data)), -1 - randomly.randrange(300)))
            data[place] = randomly.choice((0, 255, randomly.randrange(256), data[place] ^ 1 << randomly.randrange(8)))
        survives(bytes(data))
        survives(with_checksums(data))
    assert capfd.readouterr() == ("", "")


def with_checksums(data):
    """Make a PNG's checksums right again, so that what stands in its chunks is looked at."""
    position = 8
    while data.startswith(b"\x89PNG") and position + 12 <= len(data):
        end = position + 8 + struct.unpack_from(">I", data, position)[0]
        if end + 4 <= len(data):
            struct.pack_into(">I", data, end, zlib.crc32(data[position + 4 : end]))
        position = end + 4
    return bytes(data)
