"""`inpaint`, `deblur` and `upscale` take inputs and say where results go as `denoise` does."""

import io
import json
import sys

import numpy as np
import pytest
from PIL import Image

from cgdenoise.cli.restore import parse_shard
from cgdenoise.errors import OptionError
from cgdenoise.fitlog.reader import read_log

QUICK = ("--preset", "fast", "--members", "1", "--threads", "1", "--device", "cpu", "--max-iterations", "5")
COMMANDS = {"inpaint": ["--mask", "mask.png"], "deblur": ["--psf", "gaussian:1"], "upscale": ["--factor", "2"]}
RESULTS = {"inpaint": "inpainted", "deblur": "deblurred", "upscale": "upscaled"}


@pytest.fixture
def files(folder, noisy):
    """Two pictures in a folder, one of them below it; one that is none; and a mask."""
    (folder / "in" / "deep").mkdir(parents=True)
    for number, name in enumerate(("a.png", "deep/b.png")):
        Image.fromarray(np.roll(noisy, number, 0)).save(folder / "in" / name)
    (folder / "in" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Image.fromarray(((np.indices((24, 24)).sum(0) % 3 > 0) * 255).astype(np.uint8)).save(folder / "mask.png")
    return folder


@pytest.fixture
def piped(monkeypatch):
    """Put bytes on standard input, and return where standard output goes."""

    def connect(data):
        sink = io.TextIOWrapper(io.BytesIO(), write_through=True)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        monkeypatch.setattr(sys, "stdout", sink)
        return sink.buffer

    return connect


def pictures(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_is_mirrored_one_bad_file_stops_no_other_and_what_is_complete_is_skipped(cli, light, files, command):
    run = (command, "in", "-o", "out", *COMMANDS[command], *QUICK, "--json", "--on-exists", "skip")
    outcome = cli(*run)
    states = {json.loads(line)["input"]: json.loads(line)["status"] for line in outcome.out.splitlines()}
    assert (outcome.code, states) == (1, {"in/a.png": "complete", "in/bad.png": "error", "in/deep/b.png": "complete"})
    assert pictures(files / "out") == [f"a_{RESULTS[command]}.png", f"deep/b_{RESULTS[command]}.png"]
    assert "1 of 3 inputs failed: in/bad.png" in outcome.err
    again = [json.loads(line)["status"] for line in cli(*run).out.splitlines()]
    assert again == ["skipped", "error", "skipped"]
    again = [json.loads(line)["status"] for line in cli(*run, "--sigma", "3").out.splitlines()]
    assert again == ["complete", "error", "complete"]


def test_another_mask_makes_another_result(cli, light, files):
    run = ("inpaint", "in/a.png", "--mask", "mask.png", *QUICK, "--on-exists", "skip")
    cli(*run)
    assert "skipped" in cli(*run).out
    Image.fromarray(255 - np.array(Image.open("mask.png"))).save("mask.png")
    assert "skipped" not in cli(*run).out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_gives_the_bytes_of_a_file(cli, light, files, piped, command):
    cli(command, "in/a.png", "-o", "a.png", *COMMANDS[command], *QUICK)
    out = piped((files / "in" / "a.png").read_bytes())
    assert cli(command, "-", "-o", "-", "--log", "a.jsonl", *COMMANDS[command], *QUICK, "-q").code == 0
    assert out.getvalue() == (files / "a.png").read_bytes()
    (page,) = read_log("a.jsonl")
    assert (page.end["output"], page.end["log"]) == ("-", "a.jsonl")


@pytest.mark.slow
def test_results_are_the_same_in_processes(cli, light, files):
    (files / "in" / "bad.png").unlink()
    run = ("inpaint", "in", *COMMANDS["inpaint"], "--preset", "balanced", *QUICK[2:])
    assert cli(*run, "-o", "one").code == 0
    assert cli(*run, "-o", "two", "--jobs", "2").code == 0
    assert pictures(files / "one") == pictures(files / "two") == ["a_inpainted.png", "deep/b_inpainted.png"]
    for name in pictures(files / "one"):
        assert (files / "one" / name).read_bytes() == (files / "two" / name).read_bytes()


def test_no_log_is_no_log(restored, files):
    restored("in/a.png", "--no-log")
    assert [path.name for path in (files / "in").iterdir() if "a" in path.stem and path.is_file()].count("a_denoised.png") == 1
    assert list(files.rglob("*.jsonl")) == []


@pytest.mark.parametrize("args", [["--log", "a.jsonl"], ["--on-exists", "skip"]])
def test_no_log_with_what_needs_one_is_refused(refused_denoise, files, args):
    refused_denoise("in/a.png", "--no-log", *args, names="--no-log", code=2)


def test_shards_share_the_inputs_in_their_order(denoise, files):
    for shard in ("1/2", "2/2", "4/4"):
        denoise("in", "-o", f"out{shard[0]}", "--shard", shard)
    assert pictures(files / "out1") == ["a_denoised.png", "deep/b_denoised.png"]
    assert not (files / "out2").exists() or pictures(files / "out2") == []  # the bad one
    outcome = denoise("in", "-o", "out4", "--shard", "4/4")
    assert (outcome.code, outcome.err) == (0, "cgdenoise: no input for --shard 4/4: there are fewer inputs than shards\n")


@pytest.mark.parametrize("text", ["0/4", "5/4", "4", "a/b", "1/0", "-1/4", "1/2/3", ""])
def test_a_shard_that_is_none_is_refused(text):
    with pytest.raises(OptionError, match="expected I/N"):
        parse_shard(text)


@pytest.mark.parametrize("command", COMMANDS)
def test_before_after_and_what_was_removed_lie_side_by_side(cli, light, files, command):
    assert cli(command, "in/a.png", *COMMANDS[command], *QUICK, "--side-by-side", "sides.png").code == 0
    with Image.open("sides.png") as sheet:
        after = np.array(Image.open(files / "in" / f"a_{RESULTS[command]}.png"))
        width = (sheet.width - 16) // 3
        assert width >= 192
        assert width % after.shape[1] == 0
        middle = np.array(sheet)[24:, width + 8 : 2 * width + 8]
    low, high = np.percentile(after, [0.1, 99.9])
    expected = (
        np.clip((after - low) / (high - low) * 255, 0, 255).repeat(width // after.shape[1], 0).repeat(width // after.shape[1], 1)
    )
    assert np.abs(middle - expected).max() <= 1


def test_side_by_side_pictures_of_several_inputs_go_into_a_folder(denoise, files):
    (files / "in" / "bad.png").unlink()
    np.save(files / "in" / "many.npy", np.random.default_rng(0).normal(0, 1, (20, 16, 5)))
    assert denoise("in", "-o", "out", "--side-by-side", "sides").code == 0
    assert pictures(files / "sides") == ["a_denoised.sides.png", "deep/b_denoised.sides.png", "many_denoised.sides.png"]


@pytest.mark.parametrize(("name", "problem"), [("a.jpg", "expected .png"), ("in/a.png", "is an input"), ("a_denoised.png", "")])
def test_side_by_side_is_a_png_of_its_own(refused_denoise, files, name, problem):
    place = () if name != "a_denoised.png" else ("-o", "a_denoised.png")
    assert problem in refused_denoise("in/a.png", *place, "--side-by-side", name, names=name, code=2)
