import io
import json
import math
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image, TiffImagePlugin

from cgdenoise.errors import ImageError
from cgdenoise.images import Picture, decode, encode, tiff, tiff_encode

DTYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]


def saved(array, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def pillow_saved(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", **options)
    return buffer.getvalue()


def read(data):
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert len(file.series) == 1
        return file.series[0].asarray(), file.pages[0], [page.aspage().tags for page in file.pages]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("channels", "alpha"), [(1, False), (1, True), (2, False), (3, False), (3, True), (16, False)])
def test_written_bits_are_what_tifffile_reads(picture, dtype, channels, alpha):
    given = picture(dtype, channels, alpha)
    data = encode(given, "tiff", "x")
    stored, page, _ = read(data)
    planes = [given.pages[0].reshape(13, 17, -1), *([given.alpha[0][..., None]] if alpha else [])]
    assert stored.dtype == given.dtype
    assert np.array_equal(stored.reshape(13, 17, -1), np.concatenate(planes, axis=2))
    assert page.photometric == (2 if channels == 3 else 1)
    assert page.compression == 8
    found = decode(data, "x")
    assert np.array_equal(found.pages[0], given.pages[0])
    assert (found.alpha is not None) == alpha
    assert not alpha or np.array_equal(found.alpha[0], given.alpha[0])


@pytest.mark.parametrize(("dtype", "channels"), [("u1", 1), ("u1", 3), ("u2", 1), ("f4", 1), ("i4", 1)])
def test_libtiff_reads_what_is_written(picture, dtype, channels):
    given = picture(dtype, channels, size=(700, 900))  # several strips
    with Image.open(io.BytesIO(encode(given, "tiff", "x"))) as image:
        assert np.array_equal(np.asarray(image), given.pages[0])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "deflate", "predictor": True},
        {"compression": "lzw", "tile": (16, 16)},
        {"compression": "packbits", "rowsperstrip": 3},
        {"compression": "zstd", "byteorder": ">"},
        {"bigtiff": True, "tile": (16, 32)},
        {"planarconfig": "separate"},
        {"planarconfig": "separate", "compression": "deflate", "rowsperstrip": 4, "byteorder": ">"},
    ],
)
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("channels", [3, 4])
def test_storage_variants(pixels, options, dtype, channels):
    array = pixels(dtype, (33, 37, channels))
    planar = "planarconfig" in options
    source = saved(np.moveaxis(array, -1, 0) if planar else array, photometric="rgb", **options)
    found = decode(source, "x")
    assert found.pages[0].dtype == array.dtype
    assert np.array_equal(found.pages[0], array[..., :3])
    assert channels == 3 or np.array_equal(found.alpha[0], array[..., 3])
    # Written back, tifffile's own description of the shape (in the first page) must still be true.
    stored, page, _ = read(encode(found, "tiff", "x"))
    assert np.array_equal(np.moveaxis(stored, 0, -1) if planar else stored, array)
    assert (page.compression == 1) == ("compression" not in options)
    assert page.parent.byteorder == options.get("byteorder", "<")


def test_min_is_white_is_kept_as_stored(pixels):
    array = pixels("u2")
    found = decode(saved(array, photometric="miniswhite"), "x")
    assert np.array_equal(found.pages[0], array)
    stored, page, _ = read(encode(found, "tiff", "x"))
    assert page.photometric == 0
    assert np.array_equal(stored, array)


@pytest.mark.parametrize("kind", ["unspecified", "assocalpha", "unassalpha"])
def test_extra_samples_keep_their_meaning(pixels, kind):
    array = pixels("u1", (5, 6, 4))
    found = decode(saved(array, photometric="rgb", extrasamples=(kind,)), "x")
    assert np.array_equal(found.alpha[0], array[..., 3])
    _, page, _ = read(encode(found, "tiff", "x"))
    assert page.extrasamples == (["unspecified", "assocalpha", "unassalpha"].index(kind),)


def test_alpha_of_an_unknown_kind_is_alpha(pixels):
    array = pixels("u1", (5, 6, 2))
    data = patched(array, 338, 999, photometric="minisblack", planarconfig="contig", extrasamples=("unassalpha",))
    found = decode(encode(decode(data, "x"), "tiff", "x"), "x")
    assert np.array_equal(found.pages[0], array[..., 0])
    assert np.array_equal(found.alpha[0], array[..., 1])


def test_unspecified_samples_beside_grey_are_channels(pixels):
    array = pixels("u2", (5, 6, 2))
    found = decode(saved(array, photometric="minisblack", planarconfig="contig"), "x")
    assert found.alpha is None
    assert np.array_equal(found.pages[0], array)


def test_pages_of_a_stack(pixels):
    array = pixels("u2", (6, 13, 17))
    found = decode(saved(array, photometric="minisblack"), "x")
    assert len(found.pages) == 6
    assert np.array_equal(found.pages, array)
    stored, _, _ = read(encode(found.with_pages([page + 0.2 for page in found.pages]), "tiff", "x"))
    assert np.array_equal(stored, array)


def test_pages_may_differ_in_shape_but_not_in_dtype(pixels):
    def stack(*arrays):
        buffer = io.BytesIO()
        with tifffile.TiffWriter(buffer) as writer:
            for array in arrays:
                writer.write(array, photometric="minisblack")
        return buffer.getvalue()

    arrays = pixels("u2", (5, 6)), pixels("u2", (9, 4))
    found = decode(encode(decode(stack(*arrays), "x"), "tiff", "x"), "x")
    assert all(np.array_equal(a, b) for a, b in zip(found.pages, arrays, strict=True))
    with pytest.raises(ImageError, match="one dtype"):
        decode(stack(pixels("u2"), pixels("u1")), "x")


def test_thumbnails_are_left_out_and_masks_refused(pixels):
    main, small = pixels("u1", (20, 30)), pixels("u1", (5, 6))

    def file(kind):
        buffer = io.BytesIO()
        with tifffile.TiffWriter(buffer) as writer:
            writer.write(main, photometric="minisblack")
            writer.write(small, photometric="minisblack", subfiletype=1)
        buffer.seek(0)
        with tifffile.TiffFile(buffer, mode="r+") as file:
            file.pages[1].tags[254].overwrite(kind)
        return buffer.getvalue()

    found = decode(file(1), "x")
    assert np.array_equal(found.pages, main[None])
    assert np.array_equal(read(encode(found, "tiff", "x"))[0], main)
    with pytest.raises(ImageError, match=r"^x: page 2 of 2: transparency mask"):
        decode(file(4), "x")


def test_imagej_hyperstack(pixels):
    array = pixels("u2", (3, 2, 13, 17))
    options = {"resolution": (4.0, 4.0), "metadata": {"axes": "ZCYX", "spacing": 0.5, "unit": "um", "Info": "note"}}
    found = decode(saved(array, imagej=True, **options), "x")
    assert np.array_equal(np.reshape(found.pages, array.shape), array)
    data = encode(found, "tiff", "x")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.is_imagej
        assert file.series[0].axes == "ZCYX"
        assert np.array_equal(file.asarray(), array)
        assert file.imagej_metadata["spacing"] == 0.5
        assert file.imagej_metadata["Info"] == "note"
        assert file.pages[0].tags[282].value == (4, 1)


def test_imagej_stack_with_one_directory(pixels):
    """Large ImageJ stacks have a directory for the first image only; the others follow its pixels."""
    array = pixels("u2", (5, 13, 17))
    data = bytearray(saved(array, imagej=True, metadata={"axes": "ZYX"}))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert len(file.pages) == 5
        order, offset = file.byteorder, file.pages[0].offset
    count = struct.unpack_from(order + "H", data, offset)[0]
    data[offset + 2 + 12 * count : offset + 6 + 12 * count] = bytes(4)  # no next directory
    found = decode(bytes(data), "x")
    assert np.array_equal(found.pages, array)
    stored, _, tags = read(encode(found, "tiff", "x"))
    assert np.array_equal(stored, array)
    assert len(tags) == 5


@pytest.mark.parametrize("keys", [("shape", "axes"), ("axes", "shape")])
def test_tifffile_stack_with_one_directory(pixels, keys):
    """The order of the keys in its description has changed with tifffile's versions."""
    array = pixels("u2", (5, 13, 17))
    layout = {"shape": array.shape, "axes": "ZYX"}
    text = json.dumps({key: layout[key] for key in keys})
    first = saved(array[0], photometric="minisblack", description=text, metadata=None)
    found = decode(first + array[1:].tobytes(), "x")
    assert np.array_equal(found.pages, array)
    assert np.array_equal(read(encode(found, "tiff", "x"))[0], array)


def test_a_stack_is_never_cut_to_its_first_page(pixels):
    text = "ImageJ=1.54f\nimages=5\nslices=5\n"
    with pytest.raises(ImageError, match="announces 5 images but has 1"):
        decode(saved(pixels("u1"), description=text, metadata=None), "x")


def test_ome_description_stays_true_or_goes(pixels):
    array = pixels("u2", (4, 13, 17))
    found = decode(saved(array, ome=True, metadata={"axes": "ZYX", "PhysicalSizeX": 0.25}, photometric="minisblack"), "x")
    data = encode(found, "tiff", "x")
    stored, page, _ = read(data)
    assert np.array_equal(stored, array)
    assert 'PhysicalSizeX="0.25"' in page.description
    smaller = Picture(tuple(p[:7] for p in found.pages), None, "tiff", found.metadata)
    assert "<OME" not in read(encode(smaller, "tiff", "x"))[1].description


def test_shape_in_tifffile_s_description_follows_a_new_shape(pixels):
    found = decode(saved(pixels("u1", (8, 9, 3)), photometric="rgb", metadata={"a": 1}), "x")
    assert json.loads(read(encode(found, "tiff", "x"))[1].description)["a"] == 1
    grown = Picture((pixels("u1", (16, 18, 3)),), None, "tiff", found.metadata)
    stored, page, _ = read(encode(grown, "tiff", "x"))
    assert stored.shape == (16, 18, 3)
    assert page.description == ""


def test_palette_becomes_rgb(pixels):
    indices = pixels("u1", (6, 7)) % 4
    colours = np.zeros((3, 256), np.uint16)
    colours[:, :4] = [[0, 257, 514, 65535], [5 * 257, 0, 0, 0], [1, 2, 3, 4]]
    found = decode(saved(indices, photometric="palette", colormap=colours), "x")
    assert found.dtype == np.uint16
    assert np.array_equal(found.pages[0], colours.T[indices])
    colours[2] = 0
    found = decode(saved(indices, photometric="palette", colormap=colours), "x")
    assert found.dtype == np.uint8
    assert np.array_equal(found.pages[0] * np.uint16(257), colours.T[indices])
    stored, page, _ = read(encode(found, "tiff", "x"))
    assert page.photometric == 2
    assert np.array_equal(stored, found.pages[0])


def test_imagej_palette_is_a_tint(pixels):
    array, colours = pixels("u1"), np.arange(768, dtype=np.uint16).reshape(3, 256)
    text = {"description": "ImageJ=1.54f\n", "metadata": None}
    found = decode(saved(array, photometric="palette", colormap=colours, **text), "x")
    assert np.array_equal(found.pages[0], array)
    _, page, _ = read(encode(found, "tiff", "x"))
    assert page.photometric == 3
    assert np.array_equal(page.colormap, colours)


def test_ycbcr_jpeg_becomes_rgb():
    grey = np.add.outer(np.arange(32), np.arange(48)).astype(np.uint8) * 3
    array = np.stack([grey, grey // 2, 255 - grey], axis=2)
    found = decode(saved(array, photometric="rgb", compression="jpeg", compressionargs={"level": 95}), "x")
    assert np.abs(found.pages[0].astype(int) - array).mean() < 3
    stored, page, _ = read(encode(found, "tiff", "x"))
    assert np.array_equal(stored, found.pages[0])
    assert (page.photometric, page.compression) == (2, 8)


def tags_of(data):
    with Image.open(io.BytesIO(data)) as image:
        directory = image.getexif()
        return dict(directory), directory.get_ifd(0x8769), directory.get_ifd(0x8825)


@pytest.mark.parametrize("order", [b"II", b"MM"])
def test_metadata_survives(exif, icc, order):
    directory = TiffImagePlugin.ImageFileDirectory_v2(ifh=order + (b"*\0" + bytes(4) if order == b"II" else b"\0*" + bytes(4)))
    for code, value in exif.items():
        directory[code] = value
    directory[270], directory[305], directory[306] = "free text", "a program", "2024:01:02 03:04:05"
    directory[33432], directory[700] = "me", b"<xmp/>"
    directory.tagtype[700] = 1
    directory[0x8769], directory[0x8825] = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    image = Image.fromarray(np.arange(63, dtype=np.uint8).reshape(7, 9))
    source = pillow_saved(image, tiffinfo=directory, icc_profile=icc, resolution=118.5, resolution_unit=3)
    found = decode(source, "x")
    assert found.metadata.icc_profile == icc
    assert found.metadata.dpi == pytest.approx((118.5 * 2.54,) * 2)
    data = encode(found, "tiff", "x")
    layout_tags = {256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 254, 317, 339, 0x8769, 0x8825}
    before, after = tags_of(source), tags_of(data)
    assert {k: v for k, v in before[0].items() if k not in layout_tags} == {
        k: v for k, v in after[0].items() if k not in layout_tags
    }
    assert {270, 271, 274, 282, 283, 296, 305, 306, 315, 700, 33432, 34675} <= set(after[0])
    assert before[1] == after[1]
    assert after[1][0x9003] == "2024:05:06 07:08:09"
    assert after[1][0x927C] == bytes(range(40))
    assert before[2] == after[2]
    assert after[2][2] == (48.0, 8.0, 15.5)


def test_tags_of_rationals_survive(pixels):
    tags = [(286, 5, 1, (7, 4), True), (318, 5, 2, (1, 3, 1, 4), True), (33550, 12, 3, (0.5, 2.0, 0.0), True)]
    found = decode(saved(pixels("u1"), extratags=tags), "x")
    _, page, _ = read(encode(found, "tiff", "x"))
    assert [(page.tags[code].count, page.tags[code].value) for code, *_ in tags] == [(tag[2], tag[3]) for tag in tags]


@pytest.mark.parametrize(
    ("kind", "value"), [(3, (5,)), (5, (1 << 31, 3)), (10, (-1, 2)), (12, (0.1,)), (12, (np.inf,)), (5, (1, 0))]
)
def test_any_resolution_can_be_written_again(pixels, kind, value):
    """SHORT, RATIONAL, SRATIONAL and DOUBLE: what does not fit a rational is left out."""
    data = bytearray(saved(pixels("u1"), resolution=(1, 1), description=bytes(struct.pack("<d", 0)), metadata=None))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        entry, room = file.pages[0].tags[282].offset, file.pages[0].tags[270].valueoffset
    packed = struct.pack("<" + {3: "H", 5: "II", 10: "ii", 12: "d"}[kind], *value)
    struct.pack_into("<HI", data, entry + 2, kind, 1)
    data[entry + 8 : entry + 12] = packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack("<I", room)
    data[room : room + 8] = packed.ljust(8, b"\0")
    found = decode(bytes(data), "x")
    assert decode(encode(found, "tiff", "x"), "x").metadata.dpi == found.metadata.dpi
    assert found.metadata.dpi == {3: (5, 1), 5: ((1 << 31) / 3, 1)}.get(kind if value[-1] else None)


def test_a_pointer_of_another_type_does_not_stop_the_pixels(exif):
    data = bytearray(pillow_saved(Image.fromarray(GREY), exif=exif.tobytes()))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        struct.pack_into("<H", data, file.pages[0].tags[34665].offset + 2, 3)  # SHORT
    assert np.array_equal(decode(bytes(data), "x").pages[0], GREY)


def test_no_resolution_stays_none(pixels):
    plain = decode(encode(Picture((pixels("u1"),), None, "npy"), "tiff", "x"), "x")
    assert plain.metadata.dpi is None
    assert decode(encode(plain, "tiff", "x"), "x").metadata.dpi is None


def test_description_is_verbatim(pixels):
    text = "Grüße, µm".encode("latin-1")
    found = decode(saved(pixels("u1"), extratags=[(270, 7, len(text), text, True)], metadata=None), "x")
    assert found.metadata.verbatim.pages[0].tags[0].value == text
    assert text in encode(found, "tiff", "x")


def test_each_page_keeps_its_own_tags(pixels):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for text in ("first", "second"):
            writer.write(pixels("u1"), description=text, metadata=None)
    data = encode(decode(buffer.getvalue(), "x"), "tiff", "x")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert [page.description for page in file.pages] == ["first", "second"]


def test_big_output_is_bigtiff(monkeypatch, pixels, exif):
    monkeypatch.setattr(tiff_encode, "_CLASSIC_LIMIT", 0)
    source = pillow_saved(Image.fromarray(pixels("u1")), exif=exif.tobytes())
    found = decode(source, "x")
    data = encode(found, "tiff", "x")
    stored, page, _ = read(data)
    assert page.parent.is_bigtiff
    assert np.array_equal(stored, found.pages[0])
    assert page.tags[34665].value["DateTimeOriginal"] == "2024:05:06 07:08:09"
    assert decode(data, "x").metadata.exif == found.metadata.exif


def patched(array, code, value, **options):
    """A file with one SHORT or LONG tag set to another value."""
    buffer = io.BytesIO(saved(array, **options))
    with tifffile.TiffFile(buffer, mode="r+") as file:
        file.pages[0].tags[code].overwrite(value)
    return buffer.getvalue()


GREY = np.arange(600, dtype=np.uint8).reshape(20, 30)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: saved(np.zeros((4, 5, 4), np.uint8), photometric="separated"), "CMYK"),
        (lambda: saved(np.zeros((4, 5, 3), np.uint8), photometric="cielab"), "CIE Lab"),
        (lambda: saved(np.zeros((4, 5), np.complex64)), "samples of format"),
        (lambda: saved(np.zeros((4, 5), bool)), "1-bit samples"),
        (lambda: patched(np.zeros((4, 5), np.uint16), 258, 12, photometric="minisblack"), "12-bit samples"),
        (
            lambda: saved(np.zeros((4, 16, 16), np.uint8), volumetric=True, tile=(4, 16, 16), photometric="minisblack"),
            "volumetric",
        ),
        (lambda: patched(GREY, 256, 0), "no pixels"),
        (lambda: patched(GREY, 256, (1 << 20,) * 100), "tag 256 of 100 values"),
        (lambda: patched(GREY, 256, 50), "600 bytes of pixel data; expected 1000"),
        (lambda: patched(GREY, 256, 60_000, compression="lzw"), "cannot be decoded|offsets"),
        (lambda: patched(GREY, 273, 5000), "truncated TIFF"),
        (lambda: patched(GREY, 279, 0), "without data"),
        (lambda: b"II*\0\x08\0\0\0\0\0\0\0\0\0", "TIFF"),
        (lambda: b"II*\0\0\0\0\0", "no directory"),
        (lambda: b"MM", "not an image"),
    ],
)
def test_bad_files_are_refused(data, message):
    with pytest.raises(ImageError, match=f"^bad.tif: .*({message})"):
        decode(data(), "bad.tif")


def test_bombs_are_refused_before_decoding(monkeypatch):
    monkeypatch.setattr(tiff, "read_page", None)
    buffer = io.BytesIO(saved(GREY, compression="deflate"))
    with tifffile.TiffFile(buffer, mode="r+") as file:
        for code in (256, 257, 278):
            file.pages[0].tags[code].overwrite(60_000)
    with pytest.raises(ImageError, match="60000x60000 pixels; expected at most"):
        decode(buffer.getvalue(), "x")
    monkeypatch.setattr(tiff, "MAX_BYTES", 1000)
    with pytest.raises(ImageError, match="1200 bytes once decoded"):
        decode(saved(np.stack([GREY, GREY]), photometric="minisblack"), "x")


def test_a_million_pages_are_refused_before_they_are_read(monkeypatch):
    monkeypatch.setattr("tifffile.TiffFile", None)
    monkeypatch.setattr("cgdenoise.images.ifd.read_directory", None)
    empty = b"".join(struct.pack("<HI", 0, 8 + 6 * (k + 1)) for k in range(1_000_000))
    with pytest.raises(ImageError, match="TIFF of more than 65536 pages"):
        decode(b"II*\0\x08\0\0\0" + empty, "a.tif")
    with pytest.raises(ImageError, match="truncated TIFF"):
        decode(b"II*\0\x08\0\0\0" + empty[:6000], "a.tif")


def test_a_million_images_behind_one_directory_are_refused(pixels):
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels("u1", (9, 1)), description="ImageJ=1.11a\nimages=1000000\n", metadata=None)
    with pytest.raises(ImageError, match="TIFF of 1000000 pages"):
        decode(stream.getvalue() + bytes(9_000_000), "a.tif")


def test_directories_that_overlap_are_refused():
    """One starts two bytes after the other: the work would grow with the square of the file's size."""
    data = bytearray(b"II*\0\x08\0\0\0" + bytes(9000))
    for k in range(500):
        place, count = 8 + 2 * k, 100 + k
        struct.pack_into("<H", data, place, count)
        struct.pack_into("<I", data, place + 2 + 12 * count, place + 2 if k < 499 else 0)
    with pytest.raises(ImageError, match="damaged TIFF: its directories overlap"):
        decode(bytes(data), "a.tif")


def test_a_circle_of_directories_is_refused():
    data = bytearray(saved(np.stack([GREY, GREY]), photometric="minisblack"))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        first, second = (page.offset for page in file.pages)
    link = second + 2 + 12 * struct.unpack_from("<H", data, second)[0]
    struct.pack_into("<I", data, link, first)
    with pytest.raises(ImageError, match="comes twice"):
        decode(bytes(data), "x")


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "packbits", "zstd"])
def test_no_truncation_passes_for_the_whole(compression, rng):
    array = rng.integers(0, 256, (3, 20, 30), dtype=np.uint8)
    data = saved(array, photometric="minisblack", compression=compression, rowsperstrip=5)
    for length in [*range(0, len(data), math.ceil(len(data) / 60)), len(data) - 1]:
        try:
            found = decode(data[:length], "x")
        except ImageError:
            continue
        assert np.array_equal(found.pages, array)  # what was cut off is padding


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits", "zstd", "lzma"])
def test_compressions_that_lose_nothing_are_kept(pixels, compression):
    data = saved(pixels("u2", (40, 50)), compression=compression)
    with (
        tifffile.TiffFile(io.BytesIO(data)) as before,
        tifffile.TiffFile(io.BytesIO(encode(decode(data, "x"), "tiff", "x"))) as after,
    ):
        assert after.pages[0].compression == before.pages[0].compression
        np.testing.assert_array_equal(after.pages[0].asarray(), before.pages[0].asarray())


def test_what_is_not_stored_again_is_said(pixels):
    jpeg = saved(pixels("u1", (40, 48)), compression="jpeg")
    assert decode(jpeg, "x").remarks == ("its JPEG compression becomes Deflate, which loses nothing",)
    palette = saved(pixels("u1", (40, 48)), photometric="palette", colormap=pixels("u2", (3, 256)))
    assert "palette becomes RGB" in decode(palette, "x").remarks[0]
    assert decode(saved(GREY), "x").remarks == ()
