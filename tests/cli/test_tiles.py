"""`denoise` of images that are too large for the memory that it may use."""

import json
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from cgdenoise.cli.options import parse_bytes
from cgdenoise.errors import OptionError
from cgdenoise.fitlog.reader import read_log
from cgdenoise.jobs.tile_file import TileFile
from cgdenoise.restoration.tile_work import TileTask
from cgdenoise.restoration.tiles import Tiling


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Tiles of 16 pixels for pictures of 24."""
    monkeypatch.setattr("cgdenoise.jobs.large.tiling_for", lambda request, held, begun: Tiling(24, 24, 16, 4))


def test_the_log_says_in_how_many_tiles(restored, folder, noisy_png):
    outcome = restored("noisy.png", "--json")
    end = json.loads(outcome.out)
    assert (end["tiles"], end["status"], end["parts"]) == (4, "complete", [{"name": "generator", "weight": 1.0}])
    assert read_log(folder / "noisy_denoised.fit.jsonl")[0].header["options"]["memory"] is None
    assert {path.name for path in folder.iterdir()} == {"noisy.png", "noisy_denoised.png", "noisy_denoised.fit.jsonl"}


def test_the_line_of_the_result_says_so_too(restored, noisy_png):
    assert re.search(r" noise [\d.]+ \(estimated\), in 4 tiles, [\d.]+ s$", restored("noisy.png").out.strip())


def test_a_reference_is_compared_with_the_whole(restored, folder, noisy_png, clean):
    Image.fromarray(clean).save("clean.png")
    end = json.loads(restored("noisy.png", "--json", "--reference", "clean.png").out)
    assert end["psnr"] > 20
    assert "psnr" not in (folder / "noisy_denoised.fit.jsonl").read_text().splitlines()[1]


def test_a_run_that_was_killed_goes_on_at_the_missing_tiles(restored, denoise, folder, noisy_png, monkeypatch):
    restored("noisy.png", "-o", "whole.png")
    made = []
    restored_tile = TileTask.restored

    def dies(self, hooks):
        if len(made) == 3:
            raise KeyboardInterrupt  # as good as a kill: nothing is written after it
        made.append(1)
        return restored_tile(self, hooks)

    monkeypatch.setattr(TileTask, "restored", dies)
    assert denoise("noisy.png", "-o", "out.png").code == 128 + signal.SIGINT
    assert (folder / "out.png.tiles").exists()
    assert not (folder / "out.png").exists()
    made.clear()
    monkeypatch.setattr(TileTask, "restored", lambda *given: made.append(1) or restored_tile(*given))
    restored("noisy.png", "-o", "out.png")
    assert len(made) == 1
    assert (folder / "out.png").read_bytes() == (folder / "whole.png").read_bytes()
    assert not (folder / "out.png.tiles").exists()


def test_tiles_of_one_size_are_gone_on_with_when_more_memory_is_free(restored, denoise, folder, noisy_png, monkeypatch):
    """The size of tiles hangs on what is free, which differs from run to run."""
    sides, add = [], TileFile.add

    def tiling(request, held, begun):
        sides.append(begun)
        return Tiling(24, 24, begun or 16, 4)

    def dies(self, index, values):
        add(self, index, values)
        raise KeyboardInterrupt

    monkeypatch.setattr("cgdenoise.jobs.large.tiling_for", tiling)
    monkeypatch.setattr(TileFile, "add", dies)
    denoise("noisy.png")
    monkeypatch.setattr(TileFile, "add", add)
    denoise("noisy.png", "--seed", "1", "-o", "other.png")
    restored("noisy.png", "--force")
    assert sides == [None, None, 16]
    assert not list(folder.glob("*.tiles"))


def test_an_interruption_says_how_many_tiles_are_restored(denoise, restored, folder, noisy_png, monkeypatch):
    add = TileFile.add

    def interrupts(self, index, values):
        add(self, index, values)
        if index == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(TileFile, "add", interrupts)
    outcome = denoise("noisy.png")
    assert outcome.code == 128 + signal.SIGINT
    assert "2 of 4 tiles (--on-exists skip goes on from there), is in noisy_denoised.png" in outcome.err
    assert read_log(folder / "noisy_denoised.fit.jsonl")[0].end["tiles_left"] == 2
    begun = []
    monkeypatch.setattr(TileFile, "add", lambda self, index, values: begun.append(index) or add(self, index, values))
    restored("noisy.png", "--on-exists", "skip")
    assert begun == [2, 3]
    assert not list(folder.glob("*.tiles"))


def test_pages_of_a_stack_keep_tiles_of_their_own(restored, folder, noisy):
    tifffile.imwrite("stack.tif", np.stack([noisy, noisy[::-1]]), photometric="rgb")
    restored("stack.tif")
    first, second = tifffile.imread("stack_denoised.tif")
    assert np.abs(first.astype(float) - second[::-1]).mean() < 10
    assert not list(folder.glob("*.tiles"))


def test_a_foreign_file_of_that_name_is_not_replaced(denoise, folder, noisy_png):
    (folder / "noisy_denoised.png.tiles").write_text("bathroom")
    outcome = denoise("noisy.png")
    assert outcome.code == 1
    assert "noisy_denoised.png.tiles" in outcome.err
    assert "no file of tiles" in outcome.err
    assert (folder / "noisy_denoised.png.tiles").read_text() == "bathroom"


@pytest.mark.parametrize(
    ("text", "expected"), [("2GB", 2e9), ("1.5 GiB", 1.5 * 2**30), ("800M", 8e8), ("64k", 64e3), ("7b", 7), ("123", 123)]
)
def test_sizes(text, expected):
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "2 XB", "2GBs", "1e9"])
def test_what_is_no_size(text, denoise, noisy_png):
    with pytest.raises(OptionError, match="expected a number with a unit"):
        parse_bytes(text)


def test_no_size_is_a_usage_error(denoise, noisy_png):
    assert denoise("noisy.png", "--memory", "lots").code == 2


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_picture_on_the_disk_has_the_same_result(restored, folder, noisy, monkeypatch, compression):
    grey = noisy[..., 0].astype(np.uint16)
    tifffile.imwrite("a.tif", np.stack([grey, grey[::-1]]), photometric="minisblack", compression=compression)
    np.save("b.npy", grey)
    for name in ("a.tif", "b.npy"):
        restored(name, "-o", f"memory_{name}")
    monkeypatch.setattr("cgdenoise.images.tiff.LARGE", 0)
    monkeypatch.setattr("cgdenoise.images.npy.LARGE", 0)
    for name in ("a.tif", "b.npy"):
        restored(name, "-o", f"disk_{name}")
    np.testing.assert_array_equal(tifffile.imread("disk_a.tif"), tifffile.imread("memory_a.tif"))
    np.testing.assert_array_equal(np.load("disk_b.npy"), np.load("memory_b.npy"))
    restored("a.tif", "-o", "compared.tif", "--reference", "a.tif")
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".") or path.name.endswith(".tiles")]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc that tells of what is not a file")
def test_a_large_picture_is_never_in_memory(start, folder, noisy):
    """By the system's own account, without pages of files, which it drops at need. All but a corner is constant, and quick."""

    def peak(name, side):
        image = np.full((side, side), 700, np.uint16)
        image[:900, :900] += np.random.default_rng(0).integers(0, 300, (900, 900), np.uint16)
        tifffile.imwrite(name, image, compression="zlib", rowsperstrip=64)
        process, most = start("denoise", name, "--memory", "1GB", "--max-iterations", "4"), 0
        while process.poll() is None:
            found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
            most = max(most, int(found[1]) * 1024 if found else 0)
            time.sleep(0.005)
        assert process.returncode == 0, process.stderr.read()
        return most

    small, large = peak("small.tif", 3000), peak("large.tif", 10000)
    assert tifffile.imread("large_denoised.tif").shape == (10000, 10000)
    assert large - small < 60 << 20  # measured: 120 MB less; the whole are 200 MB, and were in memory thrice
