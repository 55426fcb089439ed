"""What happens to a batch at work: it is killed, the disk is full, a permission goes, an input is removed."""

import ctypes
import json
import os
import random
import resource
import signal
import sys
import time
from collections import Counter

import numpy as np
import psutil
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

BROKEN = {"in/b03.png": b"\x89PNG\r\n\x1a\n", "in/b07.png": b"", "in/b11.png": b"text"}


def picture(path, seed, side=32):
    rng = np.random.default_rng(seed)
    values = np.add.outer(np.arange(side), np.arange(side)) * 2 + rng.normal(0, 15, (side, side))
    Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def pictures(folder):
    """Twenty-one pictures, and three files that are none."""
    (folder / "in").mkdir()
    for number in range(24):
        picture(folder / "in" / f"b{number:02}.png", number)
    for name, data in BROKEN.items():
        (folder / name).write_bytes(data)
    return folder


def journal(folder):
    path = folder / "j.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # torn by the kill
    return found


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ended(process):
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_killed_ten_times_and_resumed_every_output_is_right_and_none_is_made_twice(start, pictures):
    run = ("denoise", "in", "--on-exists", "skip", "--jobs", "2")
    expected = start(*run, "-o", "expected", stdout=-3)
    expected.communicate(timeout=600)
    chance = random.Random(0)
    for _ in range(10):
        before = len(journal(pictures))
        process = start(*run, "-o", "out", "--journal", "j.jsonl", stdout=-3)
        wait_for(lambda before=before: len(journal(pictures)) > before + 1)
        time.sleep(chance.uniform(0, 1.5))
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait(timeout=60)
        psutil.wait_procs(workers, timeout=20)
        assert all(ended(worker) for worker in workers)  # they end by themselves
    last = start(*run, "-o", "out", "--journal", "j.jsonl")
    _, err = last.communicate(timeout=600)
    assert last.returncode == 1
    assert f"3 of 24 inputs failed: {', '.join(BROKEN)}" in err.decode()
    results = sorted(path.name for path in (pictures / "expected").glob("*.png"))
    assert len(results) == 21
    assert sorted(path.name for path in (pictures / "out").glob("*.png")) == results
    for name in results:
        assert (pictures / "out" / name).read_bytes() == (pictures / "expected" / name).read_bytes()
    assert sorted(os.listdir(pictures / "out")) == sorted(os.listdir(pictures / "expected"))  # and nothing temporary
    assert max(Counter(record["input"] for record in journal(pictures) if record["type"] == "done").values()) == 1


def test_what_is_killed_leaves_no_process_and_nothing_among_temporary_files(start, pictures):
    (pictures / "tmp").mkdir()
    process = start(
        "denoise", "in", "-o", "out", "-j", "2", "--journal", "j.jsonl", environment={"TMPDIR": str(pictures / "tmp")}
    )
    wait_for(lambda: any(record["type"] == "done" for record in journal(pictures)))
    others = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait(timeout=60)
    psutil.wait_procs(others, timeout=20)
    assert all(ended(other) for other in others)
    assert os.listdir(pictures / "tmp") == []


@pytest.mark.skipif(sys.platform != "linux", reason="processes are told by what Linux lists")
def test_ctrl_c_while_all_is_loaded_is_one_line(start, pictures):
    process = start("denoise", "in", "-o", "out", "-j", "2", start_new_session=True)
    command = psutil.Process(process.pid)
    loading = lambda child: "forkserver" in " ".join(child.cmdline()) and child.memory_info().rss > 50_000_000  # noqa: E731
    wait_for(lambda: any(loading(child) for child in command.children()))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"cgdenoise: error: interrupted; nothing was written\n")


def test_a_folder_for_temporary_files_of_too_long_a_name_costs_time_alone(start, folder):
    picture(folder / "a.png", 0)
    picture(folder / "b.png", 1)
    place = folder / ("x" * 120)
    place.mkdir()
    code, found, err = outcome_of(start("denoise", "a.png", "b.png", "--json", "-j", "2", environment={"TMPDIR": str(place)}))
    assert (code, [end["status"] for end in found], err) == (0, ["complete"] * 2, "")


def outcome_of(process):
    out, err = process.communicate(timeout=600)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err.decode()


@pytest.mark.skipif(sys.platform != "linux", reason="limits are those of Linux")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_full_disk_is_a_line_and_the_rest_goes_on(start, folder, jobs):
    (folder / "in").mkdir()
    for name, side in (("a", 16), ("b", 200), ("c", 16)):  # b needs 160 kB
        np.save(folder / "in" / f"{name}.npy", np.random.default_rng(0).normal(0, 1, (side, side)).astype(np.float32))
    limit = 100_000
    full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # noqa: E731
    code, found, err = outcome_of(start("denoise", "in", "-o", "out", "--json", "-j", jobs, preexec_fn=full))
    assert (code, sorted((end["input"], end["status"]) for end in found)) == (
        1,
        [("in/a.npy", "complete"), ("in/b.npy", "error"), ("in/c.npy", "complete")],
    )
    assert "out/b_denoised.npy: cannot be written (File too large)" in err
    assert [name for name in sorted(os.listdir(folder / "out")) if "b" in name.split("_")[0] or name.startswith(".")] == []


@pytest.fixture
def at_work(start, folder):
    """Start a batch of a picture that takes a while and two that don't, and wait until it is at the first."""

    def begin(*args, **options):
        (folder / "in").mkdir()
        for number, side in enumerate((96, 16, 16)):
            picture(folder / "in" / f"{number}.png", number, side)
        run = ("denoise", "in", "-o", "out", "--json", "--journal", "j.jsonl", "--max-iterations", "200", *args)
        process = start(*run, **options)
        wait_for(lambda: any(record["type"] == "running" for record in journal(folder)))
        assert not any(record["type"] == "done" for record in journal(folder))
        return process

    return begin


def test_an_input_that_is_removed_is_a_line_and_the_rest_goes_on(at_work, folder):
    process = at_work()
    (folder / "in" / "1.png").unlink()
    code, found, err = outcome_of(process)
    assert (code, [end["status"] for end in found]) == (1, ["complete", "error", "complete"])
    assert "in/1.png: cannot be read (no such file or directory)" in err


def _without_override():
    """Let root be refused as others are: without the capability that lets it write everywhere, after the next exec."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are those of Linux")
def test_a_permission_that_is_lost_is_a_line_for_each_and_nothing_is_half_written(at_work, folder):
    (folder / "out").mkdir()
    process = at_work(preexec_fn=_without_override)
    (folder / "out").chmod(0o555)
    try:
        code, found, err = outcome_of(process)
    finally:
        (folder / "out").chmod(0o755)
    assert (code, [end["status"] for end in found]) == (1, ["error"] * 3)
    assert err.count("cannot be written (Permission denied)") == 3
    assert os.listdir(folder / "out") == []


def test_who_asks_for_the_end_twice_leaves_no_process(at_work, folder):
    process = at_work("-j", "2")
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    psutil.wait_procs(workers, timeout=20)
    assert all(ended(worker) for worker in workers)
