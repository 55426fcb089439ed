"""Ctrl-C and SIGTERM: the best image so far, its log, and the exit code of the shell's tradition."""

import json
import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cgdenoise.cli.progress import ProgressDisplay
from cgdenoise.fitlog.reader import read_log
from cgdenoise.restoration.presets import PRESETS


@pytest.fixture
def signal_at(monkeypatch):
    """Send signals to this process when a fit reaches an iteration."""

    def arrange(iteration, *numbers):
        shown = ProgressDisplay.update

        def update(self, page, now, pages=1):
            shown(self, page, now, pages)
            if now.done == iteration:
                for number in numbers:
                    os.kill(os.getpid(), number)

        monkeypatch.setattr(ProgressDisplay, "update", update)

    return arrange


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_the_fit_and_keeps_its_result(denoise, folder, noisy_png, signal_at, number, code):
    signal_at(30, number)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    outcome = denoise("noisy.png", "--max-iterations", "100000", "--stop", "none")
    assert outcome.code == code
    assert outcome.err == "cgdenoise: noisy.png: interrupted; the best result so far is in noisy_denoised.png\n"
    assert sorted(path.name for path in folder.iterdir()) == ["noisy.png", "noisy_denoised.fit.jsonl", "noisy_denoised.png"]
    assert np.array(Image.open(folder / "noisy_denoised.png")).shape == (24, 24, 3)
    (log,) = read_log(folder / "noisy_denoised.fit.jsonl")
    assert (log.end["status"], log.end["reason"]) == ("interrupted", "interrupted")
    assert log.end["iteration"] >= 30
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_inputs_after_the_interrupted_one_are_left_out(denoise, folder, noisy_png, signal_at):
    (folder / "second.png").write_bytes(noisy_png.read_bytes())
    signal_at(10, signal.SIGINT)
    assert denoise("noisy.png", "second.png").code == 130
    assert (folder / "noisy_denoised.png").exists()
    assert not (folder / "second_denoised.png").exists()


def test_an_error_after_the_signal_does_not_begin_the_next_input(denoise, folder, noisy_png, signal_at, monkeypatch):
    (folder / "second.png").write_bytes(noisy_png.read_bytes())
    (folder / "results").mkdir()
    signal_at(10, signal.SIGINT)
    updated = ProgressDisplay.update

    def update(self, page, now, pages=1):
        updated(self, page, now, pages)
        if (folder / "results").exists():
            (folder / "results").rmdir()  # the result of the first input can no longer be written

    monkeypatch.setattr(ProgressDisplay, "update", update)
    outcome = denoise("noisy.png", "second.png", "-o", "results", "--journal", "j.jsonl")
    assert outcome.code == 130
    journal = [json.loads(line) for line in (folder / "j.jsonl").read_text().splitlines()]
    assert [record["input"] for record in journal if record["type"] == "running"] == ["noisy.png"]


def test_second_signal_ends_at_once(denoise, folder, noisy_png, signal_at):
    signal_at(10, signal.SIGINT, signal.SIGINT)
    outcome = denoise("noisy.png")
    assert outcome.code == 130
    assert outcome.err == "cgdenoise: error: interrupted; nothing was written\n"
    assert list(folder.iterdir()) == [noisy_png]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_signals_while_the_results_are_written_leave_both(denoise, folder, noisy_png, monkeypatch, number):
    replace_file = os.replace

    def interrupted(*args):
        replace_file(*args)
        for _ in range(number):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(os, "replace", interrupted)
    outcome = denoise("noisy.png")
    assert outcome.code == 130
    assert "nothing was written" not in outcome.err
    (log,) = read_log(folder / "noisy_denoised.fit.jsonl")
    assert log.end["status"] == "complete"
    assert (folder / "noisy_denoised.png").exists()


def test_a_signal_after_an_input_is_written_does_not_say_that_nothing_was(denoise, folder, noisy_png, monkeypatch):
    (folder / "second.png").write_bytes(noisy_png.read_bytes())

    def report(*args):
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("cgdenoise.cli.batch.report", report)
    outcome = denoise("noisy.png", "second.png")
    assert (outcome.code, outcome.err) == (130, "cgdenoise: error: interrupted\n")


@pytest.mark.parametrize("heard", [True, False])
def test_json_has_an_object_also_for_what_had_no_turn(denoise, folder, noisy_png, signal_at, monkeypatch, heard):
    (folder / "second.png").write_bytes(noisy_png.read_bytes())
    if heard:
        signal_at(10, signal.SIGINT)
    else:
        monkeypatch.setattr("cgdenoise.restoration.whole.choose", lambda *args, **options: os.kill(os.getpid(), signal.SIGINT))
    outcome = denoise("noisy.png", "second.png", "--json", "-q", "--journal", "j.jsonl")
    found = [json.loads(line) for line in outcome.out.splitlines()]
    assert (outcome.code, [end["input"] for end in found]) == (130, ["noisy.png", "second.png"])
    assert [end["status"] for end in found] == ["interrupted"] * 2
    assert [end["error"] is None for end in found] == [heard, False]
    assert json.loads((folder / "j.jsonl").read_text().splitlines()[-1])["status"] == "interrupted"


def test_no_picture_without_its_log(denoise, folder, noisy_png, signal_at, monkeypatch):
    monkeypatch.setattr(ProgressDisplay, "update", lambda *args: (folder / "noisy_denoised.fit.jsonl").mkdir(exist_ok=True))
    outcome = denoise("noisy.png")
    assert outcome.code == 1
    assert "noisy_denoised.fit.jsonl: cannot be written" in outcome.err
    assert sorted(path.name for path in folder.iterdir()) == ["noisy.png", "noisy_denoised.fit.jsonl"]


def test_signal_before_there_is_anything_to_keep_ends_at_once(denoise, folder, noisy_png, monkeypatch):
    ended = []

    def choose(*args, **options):
        os.kill(os.getpid(), signal.SIGINT)
        ended.append("late")

    monkeypatch.setattr("cgdenoise.restoration.whole.choose", choose)
    outcome = denoise("noisy.png")
    assert (outcome.code, outcome.err) == (130, "cgdenoise: error: interrupted; nothing was written\n")
    assert ended == []
    assert list(folder.iterdir()) == [noisy_png]


def test_signal_in_the_last_stage_is_heard_there(denoise, folder, noisy_png, monkeypatch):
    monkeypatch.setitem(PRESETS, "fast", replace(PRESETS["fast"], guided=True))
    seen = []

    def update(self, page, now, pages=1):
        seen.append(now.stage)
        if now.stage == "similar patches":
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(ProgressDisplay, "update", update)
    outcome = denoise("noisy.png")
    assert outcome.code == 130
    assert seen.count("similar patches") == 1
    assert outcome.err == "cgdenoise: noisy.png: interrupted; the best result so far is in noisy_denoised.png\n"
    (log,) = read_log(folder / "noisy_denoised.fit.jsonl")
    assert log.end["status"] == "interrupted"


def test_signal_while_sensitivities_are_estimated_ends_at_once(cli, folder, monkeypatch):
    rng = np.random.default_rng(0)
    np.save(folder / "k.npy", rng.standard_normal((2, 24, 24)) + 1j * rng.standard_normal((2, 24, 24)))
    ended = []

    def unit(vectors):
        if not ended:
            ended.append("soon")
            os.kill(os.getpid(), signal.SIGINT)
        ended.append("late")
        return vectors

    monkeypatch.setattr("cgdenoise.problems.espirit._unit", unit)
    outcome = cli("mri", "k.npy", "--preset", "fast", "--max-iterations", "20")
    assert (outcome.code, outcome.err) == (130, "cgdenoise: error: interrupted; nothing was written\n")
    assert ended == ["soon"]


def test_ctrl_c_at_a_terminal(start, folder, noisy_png):
    pty = pytest.importorskip("pty")
    screen, terminal = pty.openpty()
    options = ["--max-iterations", "1000000", "--stop", "none"]
    process = start("denoise", "noisy.png", *options, stderr=terminal, environment={"TERM": "xterm", "COLUMNS": "200"})
    os.close(terminal)
    seen = b""
    while b"iteration 20" not in seen:
        block = read_terminal(screen)
        assert block, seen  # it has ended before
        seen += block
    process.send_signal(signal.SIGINT)
    while block := read_terminal(screen):
        seen += block
    os.close(screen)
    assert process.wait(timeout=3000) == 130
    assert b"\x1b[" in seen
    assert b"interrupted; the best result so far is in noisy_denoised.png" in seen
    (log,) = read_log(folder / "noisy_denoised.fit.jsonl")
    assert log.end["status"] == "interrupted"
    assert sorted(path.name for path in folder.iterdir()) == ["noisy.png", "noisy_denoised.fit.jsonl", "noisy_denoised.png"]


def read_terminal(screen):
    try:
        return os.read(screen, 4096)
    except OSError:  # Linux's way to say that nobody has the terminal open any more
        return b""


def test_ctrl_c_ends_a_wait_for_standard_input(denoise, folder, monkeypatch):
    class Waiting:
        def read(self):
            os.kill(os.getpid(), signal.SIGINT)
            pytest.fail("still waiting")

    monkeypatch.setattr("sys.stdin", SimpleNamespace(closed=False, buffer=Waiting()))
    outcome = denoise("-", "-o", "out.png")
    assert (outcome.code, outcome.err) == (130, "cgdenoise: error: interrupted; nothing was written\n")
    assert list(folder.iterdir()) == []
