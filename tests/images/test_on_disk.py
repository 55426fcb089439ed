"""Pages that would fill the memory are read from, and written to, the disk by rows: the same pixels and metadata."""

import io
import os

import numpy as np
import pytest
import tifffile

from cgdenoise.errors import ImageError
from cgdenoise.images import decode, encode, npy, open_image, tiff, write_image
from cgdenoise.reading import on_disk
from cgdenoise.reading.on_disk import RowsOnDisk, is_on_disk, let_go

SHAPE = (300, 530)


@pytest.fixture(autouse=True)
def nothing_is_small(monkeypatch):
    monkeypatch.setattr(tiff, "LARGE", 0)
    monkeypatch.setattr(npy, "LARGE", 0)


def opened(tmp_path, data, name="a.tif"):
    """Open an image on the disk; it must be what decoding it in memory gives."""
    (tmp_path / name).write_bytes(data)
    found, digest = open_image(tmp_path / name, tmp_path)
    assert os.listdir(tmp_path) == [name]
    expected = decode(data, name)
    assert len(digest) == 64
    assert found.metadata == expected.metadata
    assert all(is_on_disk(page) for page in found.pages)
    for page, other in zip((*found.pages, *(found.alpha or ())), (*expected.pages, *(expected.alpha or ())), strict=True):
        assert (page.dtype, page.shape) == (other.dtype, other.shape)
        np.testing.assert_array_equal(page, other)
    return found


def take(path):
    data = path.read_bytes()
    path.unlink()
    return data


def saved(array, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize(
    ("channels", "options"),
    [
        (1, {}),
        (1, {"byteorder": ">"}),
        (1, {"compression": "zlib", "predictor": True, "rowsperstrip": 7, "bigtiff": True}),
        (1, {"compression": "lzw", "tile": (64, 48)}),
        (3, {"tile": (64, 48), "photometric": "rgb"}),
        (3, {"planarconfig": "separate", "photometric": "rgb", "compression": "zlib", "rowsperstrip": 100}),
        (4, {"photometric": "rgb", "extrasamples": ["unassalpha"], "compression": "zlib"}),
        (4, {"photometric": "rgb", "extrasamples": ["unassalpha"], "planarconfig": "separate"}),
        (5, {"photometric": "minisblack", "planarconfig": "contig", "byteorder": ">"}),
    ],
)
def test_tiff(tmp_path, pixels, dtype, channels, options):
    array = pixels(dtype, SHAPE if channels == 1 else (*SHAPE, channels))
    array = np.moveaxis(array, -1, 0) if options.get("planarconfig") == "separate" else array
    found = opened(tmp_path, saved(array, **options))
    write_image(tmp_path / "b.tif", found)
    again = opened(tmp_path, take(tmp_path / "b.tif"))
    in_memory = decode(encode(decode((tmp_path / "a.tif").read_bytes(), "a"), "tiff", "a"), "a")
    assert again.metadata == in_memory.metadata
    for page, other in zip((*found.pages, *(found.alpha or ())), (*again.pages, *(again.alpha or ())), strict=True):
        np.testing.assert_array_equal(page, other)


def test_palettes_and_stacks(tmp_path, pixels):
    colours = pixels("u2", (3, 256))
    indices = pixels("u1", SHAPE)
    for options in ({}, {"compression": "zlib", "rowsperstrip": 50}):
        data = saved(indices, photometric="palette", colormap=colours, **options)
        assert opened(tmp_path, data).pages[0].shape == (*SHAPE, 3)
    stack = pixels("u2", (5, *SHAPE))
    assert len(opened(tmp_path, saved(stack, photometric="minisblack")).pages) == 5
    assert len(opened(tmp_path, saved(stack, photometric="minisblack", imagej=True)).pages) == 5


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<u2", ">f8"])
@pytest.mark.parametrize("shape", [SHAPE, (*SHAPE, 3)])
def test_npy(tmp_path, pixels, dtype, shape, order):
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(pixels(np.dtype(dtype).newbyteorder("="), shape), dtype, order=order))
    found = opened(tmp_path, buffer.getvalue(), "a.npy")
    write_image(tmp_path / "b.npy", found)
    assert take(tmp_path / "b.npy") == encode(decode(buffer.getvalue(), "a"), "npy", "a")


def test_damage_is_told(tmp_path, pixels):
    (tmp_path / "a.tif").write_bytes(saved(pixels("u2", SHAPE), compression="zlib")[:-99])
    with pytest.raises(ImageError, match=r"a.tif: .*(truncated|damaged)"):
        open_image(tmp_path / "a.tif", tmp_path)
    assert os.listdir(tmp_path) == ["a.tif"]


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    monkeypatch.setattr(on_disk.tempfile, "TemporaryFile", lambda **options: Full())
    with pytest.raises(ImageError, match=r"cannot be written \(No space left on device\); expected room for"):
        RowsOnDisk(tmp_path, np.dtype("u1")).append(np.zeros((1, 4)))


@pytest.mark.skipif(not hasattr(on_disk.mmap, "MADV_DONTNEED"), reason="no madvise on this system")
def test_what_is_let_go_takes_no_memory(tmp_path):
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    rows = RowsOnDisk(tmp_path, np.dtype("u1"))
    for _ in range(64):
        rows.append(np.ones((1, 1 << 20), np.uint8))
    (array,), before = rows.arrays([(64, 1 << 20)]), resident()
    assert array.sum() == 64 << 20
    assert resident() > before + (50 << 20)
    let_go(array[3:, ::2])
    assert resident() < before + (10 << 20)
    assert array[63, 5] == 1
    let_go(np.ones(3))
