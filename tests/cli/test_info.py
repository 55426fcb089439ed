"""`info`: facts about a file."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from cgdenoise.fitlog.records import FORMAT
from cgdenoise.images import write_image
from cgdenoise.restoration import duration, units


@pytest.fixture(autouse=True)
def durations(monkeypatch):
    """Seconds that a page takes, by preset: measuring them is the estimate's business."""
    monkeypatch.setattr(duration, "seconds_at_most", lambda presets, size, channels: {"fast": 1.5, "balanced": 6.0})


@pytest.fixture
def info(cli):
    def run(*args):
        outcome = cli("info", *args, "--threads", "1")
        assert (outcome.code, outcome.err) == (0, "")
        return outcome.out

    return run


def test_human_text(info, folder, noisy):
    alpha = np.full((24, 24, 1), 200, np.uint8)
    Image.fromarray(np.dstack([noisy[:, :20], alpha[:, :20]])).save(folder / "a.png", icc_profile=b"x" * 200, dpi=(300, 300))
    lines = info("a.png").splitlines()
    assert lines[0] == "a.png: PNG"
    assert lines[1].split(maxsplit=1) == ["pixels", "20 x 24, RGB, uint8"]
    assert lines[3].split(maxsplit=1) == ["metadata", "ICC profile (200 bytes), 300 x 300 dpi, alpha, carried over unchanged"]
    assert lines[4].startswith("  noise")
    assert lines[5] == "  time       at most fast 2 s, balanced 6 s"
    assert len(lines) == 6


def test_json(info, noisy_png, noisy):
    facts = json.loads(info("noisy.png", "--json"))
    sigma, seconds = facts.pop("sigma"), facts.pop("seconds_at_most")
    assert facts == {
        "format": FORMAT,
        "input": "noisy.png",
        "container": "png",
        "pages": 1,
        "height": 24,
        "width": 24,
        "channels": 3,
        "dtype": "uint8",
        "alpha": False,
        "minimum": int(noisy.min()),
        "maximum": int(noisy.max()),
        "missing": 0,
        "icc_profile_bytes": 0,
        "exif_bytes": 0,
        "dpi": None,
        "sample": [24, 24],
    }
    assert 10 < sigma < 30
    assert seconds == {"fast": 1.5, "balanced": 6.0}


def test_json_is_one_object_a_file(info, folder, noisy_png):
    (folder / "second.png").write_bytes(noisy_png.read_bytes())
    found = [json.loads(line)["input"] for line in info("noisy.png", "second.png", "--json").splitlines()]
    assert found == ["noisy.png", "second.png"]


def test_missing_pixels_are_counted(info, folder, noisy):
    values = noisy.astype(np.float32)
    values[2, 3, 1] = np.nan
    values[4:6, 7] = np.nan
    np.save(folder / "a.npy", values)
    assert json.loads(info("a.npy", "--json"))["missing"] == 3
    assert "3 pixels, which will be filled" in info("a.npy")


def test_pages_are_counted_and_timed(info, folder, noisy):
    tifffile.imwrite(folder / "a.tif", np.stack([noisy[..., 0]] * 3), photometric="minisblack")
    facts = json.loads(info("a.tif", "--json"))
    assert (facts["pages"], facts["seconds_at_most"]) == (3, {"fast": 4.5, "balanced": 18.0})
    assert info("a.tif").startswith("a.tif: TIFF, 3 pages, of which the first\n  pixels     24 x 24, grey, uint8\n")


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (3, 5), (24, 24)])
def test_image_that_is_tiny_or_constant(info, folder, shape):
    Image.fromarray(np.full(shape, 5, np.uint8)).save(folder / "a.png")
    facts = json.loads(info("a.png", "--json"))
    assert (facts["height"], facts["width"], facts["sigma"]) == (*shape[:2], 0)


def test_noise_of_a_large_image_is_that_of_its_centre(info, folder, monkeypatch):
    monkeypatch.setattr(
        "cgdenoise.restoration.duration.seconds_at_most", lambda presets, size, channels: dict.fromkeys(presets, 60.0)
    )
    rng = np.random.default_rng(0)
    values = np.pad(rng.normal(0, 10, (1024, 50)), ((100, 100), (0, 0)), constant_values=5).astype(np.float32)
    values[0, 0] = 1000
    np.save(folder / "a.npy", values)
    facts = json.loads(info("a.npy", "--json"))
    assert facts["sample"] == [1024, 50]
    assert facts["sigma"] == pytest.approx(10, rel=0.1)
    assert (facts["height"], facts["maximum"]) == (1224, 1000)
    lines = info("a.npy").splitlines()
    assert lines[-2].endswith("grey levels (standard deviation), in the central 50 x 1024 pixels")
    assert lines[-1] == "  time       at most fast 60 s, balanced 60 s, told from smaller images"


def test_nothing_is_written(info, folder, noisy_png):
    info("noisy.png")
    assert list(folder.iterdir()) == [noisy_png]


@pytest.mark.parametrize("command", ["info", "noise"])
def test_folders_and_standard_input_are_files_too(cli, folder, noisy, noisy_png, monkeypatch, command):
    (folder / "in" / "deep").mkdir(parents=True)
    for name in ("b.png", "deep/a.png"):
        (folder / "in" / name).write_bytes(noisy_png.read_bytes())
    (folder / "empty").mkdir()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(noisy_png.read_bytes())))
    outcome = cli(command, "in", "empty", "-", "--json")
    found = [json.loads(line) for line in outcome.out.splitlines()]
    assert [facts["input"] for facts in found] == ["in/b.png", "in/deep/a.png", "empty", "-"]
    assert outcome.code == 1
    assert outcome.err == "cgdenoise: error: empty: " + found[2]["error"].removeprefix("empty: ") + "\n"
    assert found[3]["sigma"] == found[0]["sigma"]


@pytest.mark.parametrize("command", ["info", "noise"])
def test_standard_input_has_a_name(cli, noisy_png, monkeypatch, command):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(noisy_png.read_bytes())))
    assert cli(command, "-").out.startswith("standard input")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"no image")))
    assert cli(command, "-").err.startswith("cgdenoise: error: standard input: not an image")


def test_a_large_image_is_never_in_memory_as_floats(monkeypatch, info, folder):
    np.save(folder / "a.npy", np.zeros((3000, 8), np.uint16) + np.arange(3000, dtype=np.uint16)[:, None])
    largest = []
    check = units.check_image
    monkeypatch.setattr(units, "check_image", lambda page: largest.append(page.shape[0]) or check(page))
    facts = json.loads(info("a.npy", "--json"))
    assert (facts["minimum"], facts["maximum"], facts["sample"], largest) == (0, 2999, [1024, 8], [1024])


@pytest.mark.parametrize("command", ["info", "noise"])
def test_folders_that_are_images_and_arrays_with_named_axes_are_files_too(cli, noisy, command):
    stack = np.stack([noisy[..., 0]] * 2)
    np.save("a.npy", stack[:, None])
    pytest.importorskip("zarr")
    write_image("a.zarr", noisy)
    whole = cli(command, "a.zarr", "--json")
    assert (whole.code, whole.err) == (0, "")
    assert [json.loads(line)["input"] for line in whole.out.splitlines()] == ["a.zarr"]
    outcome = cli(command, "a.npy", "--json", "--axes", "tzyx")
    found = [json.loads(line) for line in outcome.out.splitlines()]
    assert (outcome.code, outcome.err) == (0, "")
    assert found[-1].get("pages", found[-1].get("page")) == 2
    assert cli(command, "a.npy", "--axes", "TT").err.startswith("cgdenoise: error: --axes: axes 'TT'; expected")


@pytest.mark.parametrize("option", ["--noise-from", "--dark"])
def test_what_tells_of_the_noise_may_be_a_folder(cli, folder, option):
    pytest.importorskip("zarr")
    rng = np.random.default_rng(0)
    for name in "ab":
        write_image(f"{name}.zarr", (100 + rng.normal(0, 10, (24, 24, 3))).astype(np.float32))
    outcome = cli("noise", "a.zarr", option, "b.zarr", "--save-noise", "law.json")
    assert outcome.code == 0, outcome.err
    sources = json.loads(Path("law.json").read_text())["sources"]
    assert [source["name"] for source in sources] == ["a.zarr", "b.zarr"]
    assert all(len(source["sha256"]) == 64 for source in sources)
