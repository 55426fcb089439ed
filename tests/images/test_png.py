import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from cgdenoise.errors import ImageError
from cgdenoise.images import decode, encode, png

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def build(width, height, depth, colour, rows, *extra, interlace=0, idat=None):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    body = zlib.compress(rows) if idat is None else idat
    return b"".join([SIGNATURE, chunk(b"IHDR", header), *extra, chunk(b"IDAT", body), chunk(b"IEND", b"")])


def chunks(data):
    position, found = 8, []
    while position < len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        assert data[position + 8 + length : position + 12 + length] == struct.pack(">I", zlib.crc32(name + body))
        found.append((name, body))
        position += 12 + length
    return found


def unfilter(data):
    """A PNG decoder of thirty lines, which shares nothing with libpng or Pillow. Not interlaced, 8 or 16 bits."""
    parts = chunks(data)
    width, height, depth, colour = struct.unpack(">IIBB", parts[0][1][:10])
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    step, raw = samples * depth // 8, zlib.decompress(b"".join(body for name, body in parts if name == b"IDAT"))
    size = width * step
    above, rows = bytearray(size), []
    for y in range(height):
        kind, row = raw[y * (size + 1)], bytearray(raw[y * (size + 1) + 1 : (y + 1) * (size + 1)])
        for i in range(size):
            a, b, c = (row[i - step] if i >= step else 0), above[i], (above[i - step] if i >= step else 0)
            nearest = min((a, b, c), key=lambda v: abs(a + b - c - v))
            row[i] = (row[i] + (0, a, b, (a + b) // 2, nearest)[kind]) & 255
        rows.append(bytes(row))
        above = row
    dtype = ">u2" if depth == 16 else "u1"
    return np.frombuffer(b"".join(rows), dtype).reshape(height, width, samples)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("alpha", [False, True])
def test_round_trip_keeps_every_bit(picture, dtype, channels, alpha):
    given = picture(dtype, channels, alpha)
    data = encode(given, "png", "x")
    stored = unfilter(data)
    planes = [given.pages[0].reshape(13, 17, -1), *([given.alpha[0][..., None]] if alpha else [])]
    assert np.array_equal(stored, np.concatenate(planes, axis=2))
    found = decode(data, "x")
    assert found.container == "png"
    assert found.pages[0].dtype == given.dtype
    assert found.pages[0].dtype.isnative
    assert np.array_equal(found.pages[0], given.pages[0])
    assert (found.alpha is not None) == alpha
    assert not alpha or np.array_equal(found.alpha[0], given.alpha[0])


def test_one_pixel_and_a_trailing_channel_of_one(picture):
    assert decode(encode(picture(size=(1, 1)), "png", "x"), "x").pages[0].shape == (1, 1)
    given = picture("u2").pages[0]
    data = encode(png.Picture((given[..., None],), None, "npy"), "png", "x")
    assert np.array_equal(decode(data, "x").pages[0], given)


@pytest.mark.parametrize(("depth", "row", "values"), [(1, 0b10, [1, 0]), (2, 0b0111, [1, 3]), (4, 0x2F, [2, 15])])
def test_few_bits_become_full_scale(depth, row, values):
    data = build(2, 1, depth, 0, bytes([0, row << (8 - 2 * depth)]))
    assert decode(data, "x").pages[0].tolist() == [[round(v * 255 / (2**depth - 1)) for v in values]]


def test_palette_becomes_rgb():
    palette = chunk(b"PLTE", bytes([9, 8, 7, 1, 2, 3]))
    found = decode(build(2, 1, 8, 3, b"\0\1\0", palette), "x")
    assert found.pages[0].tolist() == [[[1, 2, 3], [9, 8, 7]]]
    assert found.alpha is None
    found = decode(build(2, 1, 8, 3, b"\0\1\0", palette, chunk(b"tRNS", b"\x40")), "x")
    assert found.alpha[0].tolist() == [[255, 64]]
    assert all(name != b"tRNS" for name, _ in chunks(encode(found, "png", "x")))


def test_transparent_colour_becomes_alpha():
    key = chunk(b"tRNS", struct.pack(">HHH", 300, 2, 3))
    rows = b"\0" + struct.pack(">6H", 300, 2, 3, 300, 2, 4)
    found = decode(build(2, 1, 16, 2, rows, key), "x")
    assert found.pages[0].tolist() == [[[300, 2, 3], [300, 2, 4]]]
    assert found.alpha[0].tolist() == [[0, 65535]]


def test_interlaced_is_read(pixels):
    grey = pixels("u1", (9, 11))
    rows = b""
    for x, y, dx, dy in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        rows += b"".join(b"\0" + line.tobytes() for line in grey[y::dy, x::dx])
    assert np.array_equal(decode(build(11, 9, 8, 0, rows, interlace=1), "x").pages[0], grey)


def test_gamma_changes_no_value():
    extra = chunk(b"gAMA", struct.pack(">I", 100000)), chunk(b"sRGB", b"\0")
    assert decode(build(3, 1, 8, 0, b"\0\x01\x80\xfe", *extra), "x").pages[0].tolist() == [[1, 128, 254]]


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_metadata_survives(picture, exif, icc, dtype):
    text = PngImagePlugin.PngInfo()
    text.add(b"gAMA", struct.pack(">I", 45455))
    text.add_text("Title", "a title")
    text.add_text("Zipped", "again " * 50, zip=True)
    text.add_itxt("Comment", "ä comment", "de")
    text.add(b"tIME", bytes([7, 232, 1, 2, 3, 4, 5]))
    buffer = io.BytesIO()
    source = Image.fromarray(picture("u1", 3).pages[0])
    source.save(buffer, "PNG", pnginfo=text, exif=exif, icc_profile=icc, dpi=(300, 150))
    before = decode(buffer.getvalue(), "x")
    if dtype == "u2":  # the same chunks beside 16-bit pixels
        before = png.Picture((picture("u2", 3).pages[0],), None, "png", before.metadata)

    data = encode(before, "png", "x")
    ancillary = {c for c in chunks(buffer.getvalue()) if c[0][0] & 32}
    assert len(ancillary) == 8
    assert ancillary == {c for c in chunks(data) if c[0][0] & 32}
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.info["icc_profile"] == icc
        assert image.info["dpi"] == pytest.approx((300, 150), abs=0.02)
        assert image.text == {"Title": "a title", "Zipped": "again " * 50, "Comment": "ä comment"}
        assert image.info["gamma"] == pytest.approx(0.45455)
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
    after = decode(data, "x").metadata
    assert (after.icc_profile, after.exif) == (icc, before.metadata.exif)
    assert after.dpi == pytest.approx((300, 150), abs=0.02)


def test_chunks_tied_to_the_encoding_go_with_it():
    tied = chunk(b"sBIT", b"\5"), chunk(b"bKGD", b"\0\1"), chunk(b"xYZa", b"?"), chunk(b"xYZA", b"?")
    same = chunks(encode(decode(build(1, 1, 8, 0, b"\0\1", *tied), "x"), "png", "x"))
    assert [name for name, _ in same] == [b"IHDR", b"sBIT", b"bKGD", b"xYZa", b"IDAT", b"IEND"]
    wider = chunks(encode(decode(build(1, 1, 4, 0, b"\0\1", *tied), "x"), "png", "x"))
    assert [name for name, _ in wider] == [b"IHDR", b"xYZa", b"IDAT", b"IEND"]


def test_profile_bomb_is_carried_not_inflated(monkeypatch):
    monkeypatch.setattr(png, "_MAX_PROFILE", 1000)
    bomb = chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(100_000)))
    found = decode(build(1, 1, 8, 0, b"\0\1", bomb), "x")
    assert found.metadata.icc_profile is None
    assert bomb in encode(found, "png", "x")


GOOD = build(2, 2, 8, 0, b"\0\1\2\0\3\4")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GOOD[:-12], "truncated PNG"),
        (GOOD[:20], "truncated PNG"),
        (GOOD[:45] + b"\xff" + GOOD[46:], "checksum"),
        (build(2, 2, 8, 0, b"\0\1\2"), "3 bytes of pixel data; expected 6"),
        (build(2, 2, 8, 0, b"\0\1\2\0\3\4\0\5\6"), "9 bytes of pixel data; expected 6"),
        (build(2, 2, 8, 0, b"", idat=zlib.compress(b"\0\1\2\0\3\4")[:-3]), "end of the stream"),
        (build(2, 2, 8, 0, b"", idat=b"junk"), "cannot be inflated"),
        (build(0, 2, 8, 0, b""), "no pixels"),
        (build(2, 2, 3, 0, b""), "3 bits"),
        (build(2, 2, 8, 3, b"\0\1\2\0\3\4"), "palette"),
        (build(2, 2, 8, 0, b"\0\1\2\0\3\4", chunk(b"acTL", struct.pack(">II", 3, 0))), "animated PNG of 3 frames"),
        (build(20_000, 20_000, 8, 0, b""), "20000x20000 pixels; expected at most"),
        (build(2**31 - 1, 1, 8, 0, b""), "2147483647x1 pixels"),
    ],
)
def test_bad_files_are_refused(data, message):
    with pytest.raises(ImageError, match=message) as caught:
        decode(data, "bad.png")
    assert str(caught.value).startswith("bad.png: ")


def test_a_bomb_is_inflated_no_further_than_it_should_reach():
    data = build(2, 2, 8, 0, bytes(50 << 20))
    with pytest.raises(ImageError, match="bytes of pixel data; expected 6") as caught:
        decode(data, "x")
    assert int(str(caught.value).split("damaged PNG: ")[1].split()[0]) <= 1 << 20


@pytest.mark.parametrize("change", [{"dtype": "f4"}, {"dtype": "i2"}, {"channels": 2}, {"channels": 4}])
def test_check_refuses_what_would_be_lost(picture, change):
    with pytest.raises(ImageError, match="do not fit in a PNG"):
        png.check(picture(**change))
