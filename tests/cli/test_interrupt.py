"""Ctrl-C and SIGTERM: the best image so far, its log, and the exit code of the shell's tradition."""

import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cgdenoise.cli.output import ProgressDisplay
from cgdenoise.record import read_log


@pytest.fixture
def signal_at(monkeypatch):
    """Send signals to this process when a fit reaches an iteration."""

    def arrange(iteration, *numbers):
        shown = ProgressDisplay.update

        def update(self, page, now):
            shown(self, page, now)
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

    def update(self, page, now):
        updated(self, page, now)
        if (folder / "results").exists():
            (folder / "results").rmdir()  # the result of the first input can no longer be written

    monkeypatch.setattr(ProgressDisplay, "update", update)
    begun = []
    monkeypatch.setattr("cgdenoise.images.read_bytes", lambda name: (begun.append(name), noisy_png.read_bytes())[1])
    outcome = denoise("noisy.png", "second.png", "-o", "results")
    assert outcome.code == 130
    assert begun == ["noisy.png"]


def test_second_signal_ends_at_once(denoise, folder, noisy_png, signal_at):
    signal_at(10, signal.SIGINT, signal.SIGINT)
    outcome = denoise("noisy.png")
    assert outcome.code == 130
    assert outcome.err == "cgdenoise: error: interrupted; nothing was written\n"
    assert list(folder.iterdir()) == [noisy_png]


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
