"""`denoise` of images that are too large for the memory that it may use."""

import json
import signal

import numpy as np
import pytest
import tifffile
from PIL import Image

from cgdenoise.cli.options import parse_bytes
from cgdenoise.errors import OptionError
from cgdenoise.fitlog.reader import read_log
from cgdenoise.restoration import tiled
from cgdenoise.restoration.tiles import Tiling


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Tiles of 16 pixels for pictures of 24."""
    monkeypatch.setattr("cgdenoise.jobs.pages.tiling_for", lambda request, held: Tiling(24, 24, 16, 4))


def test_the_log_says_in_how_many_tiles(restored, folder, noisy_png):
    outcome = restored("noisy.png", "--json")
    end = json.loads(outcome.out)
    assert (end["tiles"], end["status"], end["parts"]) == (4, "complete", [{"name": "generator", "weight": 1.0}])
    assert read_log(folder / "noisy_denoised.fit.jsonl")[0].header["options"]["memory"] is None
    assert {path.name for path in folder.iterdir()} == {"noisy.png", "noisy_denoised.png", "noisy_denoised.fit.jsonl"}


def test_a_reference_is_compared_with_the_whole(restored, folder, noisy_png, clean):
    Image.fromarray(clean).save("clean.png")
    end = json.loads(restored("noisy.png", "--json", "--reference", "clean.png").out)
    assert end["psnr"] > 20
    assert "psnr" not in (folder / "noisy_denoised.fit.jsonl").read_text().splitlines()[1]


def test_a_run_that_was_killed_goes_on_at_the_missing_tiles(restored, denoise, folder, noisy_png, monkeypatch):
    restored("noisy.png", "-o", "whole.png")
    made = []
    restored_tile = tiled._Decided.restored

    def dies(self, normalised, context):
        if len(made) == 3:
            raise KeyboardInterrupt  # as good as a kill: nothing is written after it
        made.append(1)
        return restored_tile(self, normalised, context)

    monkeypatch.setattr(tiled._Decided, "restored", dies)
    assert denoise("noisy.png", "-o", "out.png").code == 128 + signal.SIGINT
    assert (folder / "out.png.tiles").exists()
    assert not (folder / "out.png").exists()
    made.clear()
    monkeypatch.setattr(tiled._Decided, "restored", lambda *given: made.append(1) or restored_tile(*given))
    restored("noisy.png", "-o", "out.png")
    assert len(made) == 1
    assert (folder / "out.png").read_bytes() == (folder / "whole.png").read_bytes()
    assert not (folder / "out.png.tiles").exists()


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
