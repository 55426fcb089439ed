import io
import struct

import numpy as np
import pytest
from PIL import Image

from cgdenoise.errors import ImageError
from cgdenoise.images import Metadata, Picture, decode, encode, jpeg


def ramp(channels=3):
    grey = np.add.outer(np.arange(40), np.arange(56)).astype(np.uint8) * 2
    return grey if channels == 1 else np.stack([grey, grey[::-1], 255 - grey], axis=2)


def saved(array, mode=None, **options):
    buffer = io.BytesIO()
    Image.fromarray(array).convert(mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("progressive", [False, True])
def test_decodes_as_pillow_does(channels, progressive):
    data = saved(ramp(channels), progressive=progressive)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image)
    found = decode(data, "x")
    assert found.container == "jpeg"
    assert found.alpha is None
    assert np.array_equal(found.pages[0], expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_writes_quality_95_at_full_resolution(channels):
    data = encode(Picture((ramp(channels),), None, "npy"), "jpeg", "x")
    with Image.open(io.BytesIO(data)) as image:
        assert all(layer[1:3] == (1, 1) for layer in image.layer)
        assert image.quantization[0][0] == 2  # 16 at quality 50
        assert np.abs(np.asarray(image).astype(int) - ramp(channels)).mean() < 1.5


def test_metadata_survives(exif, icc):
    data = saved(ramp(), exif=exif, icc_profile=icc, dpi=(300, 150), comment=b"said so")
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp + data[2:]
    found = decode(data, "x")
    assert found.metadata.icc_profile == icc
    assert found.metadata.dpi == (300, 150)
    written = encode(found, "jpeg", "x")
    assert xmp in written
    assert written[2:4] == b"\xff\xe0"  # JFIF first
    assert written.count(b"JFIF\0") == 1
    with Image.open(io.BytesIO(written)) as image:
        assert image.info["icc_profile"] == icc
        assert image.info["dpi"] == (300, 150)
        assert image.info["comment"] == b"said so"
        assert image.info["exif"] == exif.tobytes()
        assert image.getexif()[0x0112] == 6
    again = decode(written, "x").metadata
    assert (again.icc_profile, again.exif, again.dpi) == (icc, found.metadata.exif, (300, 150))
    assert set(again.verbatim.segments) == set(found.metadata.verbatim.segments)


def test_orientation_turns_nothing(exif):
    assert decode(saved(ramp(), exif=exif), "x").pages[0].shape == (40, 56, 3)


def test_a_profile_of_many_segments(rng):
    profile = rng.bytes(200_000)
    data = encode(Picture((ramp(),), None, "npy", Metadata(icc_profile=profile)), "jpeg", "x")
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["icc_profile"] == profile
    assert decode(data, "x").metadata.icc_profile == profile


def test_damaged_exif_does_not_stop_the_pixels():
    data = encode(Picture((ramp(),), None, "npy", Metadata(exif=b"II*\0nonsense")), "jpeg", "x")
    assert decode(data, "x").metadata.exif == b"II*\0nonsense"


@pytest.mark.parametrize("segment", [b"\xff\xed\0\x16Photoshop 3.0\x008BIM\4\4", b"\xff\xe2\0\x0fICC_PROFILE\0\1"])
def test_a_segment_cut_short_does_not_stop_the_pixels(segment):
    data = saved(ramp())
    found = decode(data[:2] + segment + data[2:], "x")
    assert np.array_equal(found.pages[0], decode(data, "x").pages[0])
    assert segment in encode(found, "jpeg", "x")


@pytest.mark.parametrize("progressive", [False, True])
def test_every_truncation_is_refused(progressive):
    data = saved(ramp(), progressive=progressive)
    for length in [*range(3, len(data), 41), len(data) - 2, len(data) - 1]:
        with pytest.raises(ImageError, match=r"^cut: (truncated|damaged) JPEG"):
            decode(data[:length], "cut")


def test_cmyk_and_bombs_are_refused():
    with pytest.raises(ImageError, match="CMYK"):
        decode(saved(ramp(), "CMYK"), "x")
    data = bytearray(saved(ramp()))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 65000, 65000)
    with pytest.raises(ImageError, match="65000x65000 pixels; expected at most"):
        decode(bytes(data), "x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtype": "u2"}, "uint16 pixels"),
        ({"dtype": "f4"}, "float32 pixels"),
        ({"alpha": True}, "alpha"),
        ({"channels": 2}, "2 channels"),
        ({"size": (1, 65_501)}, "65501"),
        ({"metadata": Metadata(exif=bytes(70_000))}, "EXIF of 70006 bytes"),
    ],
)
def test_check_refuses_what_would_be_lost(picture, change, message):
    with pytest.raises(ImageError, match=message):
        jpeg.check(picture(**change))
