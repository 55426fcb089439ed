"""`denoise` on many files: folders, lists, results of an earlier run, what is skipped and what is made again."""

import hashlib
import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
from PIL import Image

from cgdenoise.cli.batch import Batch
from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.workers import Lost
from cgdenoise.fitlog.reader import read_log
from cgdenoise.jobs.plan import Job


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def frames(folder, noisy):
    """Three pictures in a folder and one below it."""
    (folder / "in" / "deep").mkdir(parents=True)
    paths = [folder / "in" / name for name in ("a.png", "b.png", "deep/a.png")]
    for number, path in enumerate(paths):
        Image.fromarray(np.roll(noisy, number, 0)).save(path)
    (folder / "in" / "notes.txt").write_text("no image")
    return paths


def test_a_folder_is_mirrored_into_one_that_is_made(restored, folder, frames):
    restored("in", "-o", "new/out")
    assert [name for name in names(folder / "new") if name.endswith(".png")] == [
        "out/a_denoised.png",
        "out/b_denoised.png",
        "out/deep/a_denoised.png",
    ]


def test_a_folder_of_results_is_looked_through_once(restored, folder, frames, monkeypatch):
    """For what killed runs have left; once for each file it would take hours of a hundred thousand."""
    (folder / "out").mkdir()
    seen, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: seen.append(os.fspath(path)) or scandir(path))
    restored("in", "-o", "out")
    assert seen.count(os.path.realpath("out")) == 1


def test_what_a_lost_process_has_left_half_written_is_removed(folder):
    job = Job("a.png", "out.png", "out.fit.jsonl")
    for name in job.files:
        prefix = f".cgdenoise-{hashlib.sha256(name.encode()).hexdigest()[:16]}-"
        (folder / f"{prefix}0123456789abcdef.tmp").touch()
    (folder / ".cgdenoise-0123456789abcdef-0123456789abcdef.tmp").touch()  # of another one
    Batch([job], None, Interrupt(), False, True).follow([Lost(job, "killed", True)])
    assert os.listdir(folder) == [".cgdenoise-0123456789abcdef-0123456789abcdef.tmp"]


def test_several_folders_keep_their_names(restored, folder, frames):
    shutil.copytree("in", "other")
    restored("in", "other", "-o", "out")
    found = [name for name in names(folder / "out") if name.endswith(".png")]
    assert found == [f"{top}/{name}_denoised.png" for top in ("in", "other") for name in ("a", "b", "deep/a")]


def test_results_of_an_earlier_run_are_no_inputs(denoise, restored, folder, frames):
    restored("in")
    before = {path: path.stat().st_mtime_ns for path in (folder / "in").rglob("*")}
    outcome = denoise("in", "--on-exists", "skip")
    assert outcome.code == 0
    assert "passed over 3 results" in outcome.err
    assert outcome.out.count("skipped") == 3
    assert {path: path.stat().st_mtime_ns for path in (folder / "in").rglob("*")} == before


@pytest.mark.parametrize("null", [False, True])
def test_a_list_names_inputs(restored, folder, frames, null):
    (folder / "list").write_bytes((b"\0" if null else b"\r\n").join([b"in/a.png", b"in/deep/a.png", b""]))
    restored("--from-file", "list", *["-0"] * null)
    assert {"in/a_denoised.png", "in/deep/a_denoised.png"} <= set(names(folder))


@pytest.mark.slow
def test_a_list_may_come_through_a_pipe(start, folder, frames):
    process = start("denoise", "--from-file", "-", "-o", "out", stdin=-1)
    process.communicate(b"in/a.png\nin/b.png\n", timeout=3000)
    assert process.returncode == 0
    assert {"out/a_denoised.png", "out/b_denoised.png"} <= set(names(folder))


@pytest.mark.parametrize("change", ["input", "option", "output", "log", "interrupted", "version"])
def test_only_what_is_complete_and_the_same_is_skipped(restored, folder, noisy, noisy_png, change):
    restored("noisy.png")
    result, log = folder / "noisy_denoised.png", folder / "noisy_denoised.fit.jsonl"
    before = result.read_bytes()
    assert "skipped" in restored("noisy.png", "--on-exists", "skip", "--threads", "2").out
    extra = []
    if change == "input":
        Image.fromarray(noisy[::-1]).save(noisy_png)
    elif change == "option":
        extra = ["--seed", "5"]
    elif change == "output":
        result.write_bytes(before[:100])
    elif change == "log":
        result.unlink()  # as a kill between the two leaves it
    elif change == "interrupted":
        log.write_text(log.read_text().replace('"status": "complete"', '"status": "interrupted"'))
    else:
        log.write_text(log.read_text().replace('"cgdenoise": "', '"cgdenoise": "0'))
    outcome = restored("noisy.png", "--on-exists", "skip", *extra)
    assert "skipped" not in outcome.out
    assert (result.read_bytes() == before) == (change not in ("input", "option"))
    (page,) = read_log(log)
    assert page.end["status"] == "complete"


def test_what_is_done_is_not_unpacked_again(restored, noisy_png, monkeypatch):
    restored("noisy.png")
    monkeypatch.setattr("cgdenoise.images.open_image", None)
    assert "skipped" in restored("noisy.png", "--on-exists", "skip").out


def test_what_is_no_result_is_never_replaced_by_skipping(denoise, folder, noisy_png):
    (folder / "noisy_denoised.png").write_bytes(b"mine")
    outcome = denoise("noisy.png", "--on-exists", "skip")
    assert (outcome.code, outcome.out) == (1, "")
    assert "exists" in outcome.err
    assert (folder / "noisy_denoised.png").read_bytes() == b"mine"


def test_json_has_an_object_for_every_input_and_the_failures_are_listed(denoise, folder, frames):
    (folder / "in" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    outcome = denoise("in", "-o", "out", "--json", "-q")
    found = [json.loads(line) for line in outcome.out.splitlines()]
    assert outcome.code == 1
    assert {end["input"]: end["status"] for end in found} == {
        "in/a.png": "complete",
        "in/b.png": "complete",
        "in/broken.png": "error",
        "in/deep/a.png": "complete",
    }
    assert next(end["error"] for end in found if end["status"] == "error")
    assert "1 of 4 inputs failed: in/broken.png" in outcome.err


def test_a_batch_that_is_killed_goes_on_where_it_was(start, restored, folder, frames):
    restored("in", "-o", "expected")
    command = ("denoise", "in", "-o", "out", "--preset", "fast", "--on-exists", "skip")
    process = start(*command)
    deadline = time.monotonic() + 300
    while not list((folder / "out").glob("*.png")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=300)
    first = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.png")}
    assert first
    again = start(*command)
    again.communicate(timeout=3000)
    assert again.returncode == 0
    assert all(path.stat().st_mtime_ns == written for path, written in first.items())
    done = [name for name in names(folder / "out") if name.endswith(".png")]
    assert done == ["a_denoised.png", "b_denoised.png", "deep/a_denoised.png"]
    assert [name for name in names(folder / "out") if name.endswith(".tmp")] == []


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ([], "no input"),
        (["-0", "noisy.png"], "--null without a list"),
        (["noisy.png", "--force", "--on-exists", "skip"], "--force with --on-exists skip"),
        (["-", "--from-file", "-"], "standard input cannot be an image and a list"),
    ],
)
def test_what_makes_no_sense_is_refused(refused_denoise, noisy_png, args, found):
    refused_denoise(*args, names=found, code=2)


@pytest.mark.parametrize(("list_", "found"), [(b"", "names no file"), (None, "not found")])
def test_a_list_that_is_none_is_refused(refused_denoise, folder, list_, found):
    if list_ is not None:
        (folder / "list").write_bytes(list_)
    assert "list: " in refused_denoise("--from-file", "list", names="list")


def test_a_folder_without_images_is_refused(refused_denoise, folder):
    os.mkdir("empty")
    refused_denoise("empty", names="empty: no image")


class TestJobs:
    """`--jobs`: several processes, the same results."""

    @pytest.mark.slow
    def test_the_same_bytes_as_one_after_the_other(self, restored, folder, frames):
        restored("in", "-o", "one")
        outcome = restored("in", "-o", "two", "--jobs", "2", "--json")
        ends = [json.loads(line) for line in outcome.out.splitlines()]
        assert sorted(end["input"] for end in ends) == ["in/a.png", "in/b.png", "in/deep/a.png"]
        for name in (name for name in names(folder / "one") if name.endswith(".png")):
            assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()
        assert names(folder / "one") == names(folder / "two")
        outcome = restored("in", "-o", "two", "--jobs", "2", "--on-exists", "skip")
        assert outcome.out.count("skipped") == 3

    @pytest.mark.slow
    def test_one_bad_file_does_not_stop_the_rest(self, denoise, folder, frames):
        (folder / "in" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
        outcome = denoise("in", "-o", "out", "-j", "2")
        assert outcome.code == 1
        assert "in/b.png" in outcome.err.splitlines()[0]
        assert outcome.err.splitlines()[1:] == ["cgdenoise: 1 of 3 inputs failed: in/b.png"]
        assert [name for name in names(folder / "out") if name.endswith(".png")] == ["a_denoised.png", "deep/a_denoised.png"]

    def test_standard_streams_have_one_process(self, denoise, frames):
        outcome = denoise("in/a.png", "in/b.png", "-", "-o", "out/", "--jobs", "2")
        assert outcome.code == 2
        assert "--jobs 2 with a standard stream" in outcome.err
