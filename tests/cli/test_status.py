"""`denoise --journal` and `cgdenoise status`; and what comes between in the middle of a batch."""

import json
import os
import subprocess

import numpy as np
import pytest
from PIL import Image

from cgdenoise.cli import batch as cli_batch
from cgdenoise.errors import ImageError
from cgdenoise.fitlog.journal import read_journal


@pytest.fixture
def frames(folder):
    """Five constant pictures, which need no fit."""
    for number in range(5):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(folder / f"f{number}.png")
    return [f"f{number}.png" for number in range(5)]


def test_status_tells_what_has_become_of_a_batch(denoise, cli, folder, frames):
    (folder / "f1.png").write_bytes(b"broken")
    outcome = denoise(*frames, "-o", "out", "--journal", "batch.jsonl")
    assert outcome.code == 1
    told = cli("status", "batch.jsonl")
    assert told.code == 0
    assert "5 inputs: 4 done, 1 failed, 0 waiting" in told.out
    assert "complete after" in told.out
    assert "failed: f1.png: " in told.out
    os.remove("f1.png")
    Image.fromarray(np.full((8, 8), 9, np.uint8)).save(folder / "f1.png")
    assert denoise(*frames, "-o", "out", "--journal", "batch.jsonl", "--on-exists", "skip").code == 0
    found = json.loads(cli("status", "batch.jsonl", "--json").out)
    assert found["counts"] == {"done": 5, "skipped": 0, "failed": 0, "running": 0, "waiting": 0}
    assert (found["runs"], found["made"], found["state"]) == (2, 1, "complete")


def test_several_journals_one_after_the_other_and_a_bad_one_does_not_stop_the_rest(denoise, cli, folder, frames):
    for shard in (1, 2):
        denoise(*frames, "-o", "out", "--journal", f"{shard}.jsonl", "--shard", f"{shard}/2")
    outcome = cli("status", "1.jsonl", "none.jsonl", "2.jsonl", "--json")
    found = [json.loads(line) for line in outcome.out.splitlines()]
    assert (outcome.code, [entry.get("inputs") for entry in found]) == (1, [3, None, 2])
    assert found[1]["status"] == "error"


def test_a_journal_that_is_none_is_refused(refused, refused_denoise, folder, frames):
    refused("status", "f0.png", names="f0.png: not the journal of a batch")
    refused("status", "none.jsonl", names="none.jsonl")
    refused_denoise(*frames, "-o", "out", "--journal", "f0.png", names="f0.png: not the journal of a batch")


def test_a_disk_that_is_full_and_an_input_that_is_removed_concern_one_input_each(denoise, folder, frames, monkeypatch):
    resource = pytest.importorskip("resource")
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(folder / "f1.tif")
    reported = cli_batch.report

    def report(*args):
        (folder / "f3.png").unlink(missing_ok=True)
        reported(*args)

    monkeypatch.setattr(cli_batch, "report", report)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, before[1]))  # an image of 12 kB cannot be written, nor a long journal
    try:
        outcome = denoise("f0.png", "f1.tif", "f2.png", "f3.png", "f4.png", "-o", "out", "--journal", "batch.jsonl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert outcome.code == 1
    lines = outcome.err.splitlines()
    assert lines[0] == "cgdenoise: error: out/f1_denoised.tif: cannot be written (File too large)"
    assert lines[1].startswith("cgdenoise: error: f3.png: ")
    assert lines[2:] == ["cgdenoise: 2 of 5 inputs failed: f1.tif, f3.png"]
    kinds = ("fit.jsonl", "png")
    assert sorted(os.listdir("out")) == [f"f{number}_denoised.{kind}" for number in (0, 2, 4) for kind in kinds]
    assert [found["input"] for found in read_journal("batch.jsonl").named("failed")] == ["f1.tif", "f3.png"]


def test_a_journal_that_cannot_go_on_leaves_the_batch_alone(denoise, folder, frames, monkeypatch):
    written = []

    def append(path, data):
        written.append(data)
        if len(written) == 3:
            raise ImageError("cannot be written (No space left on device)", path)

    monkeypatch.setattr("cgdenoise.images.append", append)
    outcome = denoise(*frames, "-o", "out", "--journal", "batch.jsonl")
    assert outcome.code == 1
    assert outcome.err.splitlines()[0].endswith(
        "batch.jsonl: cannot be written (No space left on device); the batch goes on without a journal"
    )
    assert outcome.out.count("\n") == 5


@pytest.mark.slow
def test_a_reader_that_wants_one_line_of_json_ends_the_batch(start, folder, frames):
    process = start("denoise", *frames, "-o", "out", "--json")
    head = subprocess.run(["head", "-1"], stdin=process.stdout, capture_output=True, check=True, timeout=300)
    process.stdout.close()
    assert json.loads(head.stdout)["input"] == "f0.png"
    assert process.stderr.read() == b""
    assert process.wait(timeout=300) in (0, 1)
