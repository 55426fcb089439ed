"""The log that `denoise` leaves beside a result."""

import hashlib
import json
import platform
from datetime import UTC, datetime

import numpy as np
import torch

import cgdenoise


def records(folder):
    return [json.loads(line) for line in (folder / "noisy_denoised.fit.jsonl").read_text().splitlines()]


def test_header_tells_how_to_repeat_the_run(restored, folder, noisy_png):
    restored("noisy.png", "--seed", "11")
    header = records(folder)[0]
    assert header["type"] == "header"
    assert header["versions"] == {
        "cgdenoise": cgdenoise.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    assert header["input"] == {
        "name": "noisy.png",
        "sha256": hashlib.sha256(noisy_png.read_bytes()).hexdigest(),
        "container": "png",
        "shape": [24, 24, 3],
        "pages": 1,
        "dtype": "uint8",
        "alpha": False,
        "axes": None,
    }
    options = header["options"]
    assert (options["seed"], options["preset_name"], options["device"], options["threads"]) == (11, "fast", "cpu", 1)
    assert (options["members"], options["max_iterations"], options["stop"], options["hold_out"]) == (1, 20, "holdout", 0.05)
    assert 10 < header["sigma"] < 30
    assert header["sigma_estimated"] is True
    assert header["depth"] == 3
    assert abs(datetime.fromisoformat(header["written"]) - datetime.now(UTC)).total_seconds() < 600


def test_records_come_in_order(restored, folder, noisy_png):
    restored("noisy.png", "--members", "2")
    found = records(folder)
    assert [record["type"] for record in found] == ["header", *["evaluation"] * 10, "fit", "fit", "end"]
    assert {record["page"] for record in found} == {1}
    for fit in (1, 2):
        iterations = [r["iteration"] for r in found if r["type"] == "evaluation" and r["fit"] == fit]
        assert iterations == [1, 5, 10, 15, 20]


def test_fit_and_end_agree_with_the_evaluations(restored, folder, noisy_png):
    restored("noisy.png")
    found = records(folder)
    fit, end = found[-2:]
    (kept,) = (r for r in found if r["type"] == "evaluation" and r["iteration"] == fit["iteration"])
    assert (fit["held_out_rms"], fit["residual_rms"]) == (kept["held_out_rms"], kept["residual_rms"])
    assert (fit["reason"], fit["weight"], fit["failed"], fit["probe"]) == ("budget", 1.0, False, False)
    assert fit["last_iteration"] == 20
    assert (end["type"], end["status"], end["reason"], end["device"]) == ("end", "complete", "budget", "cpu")
    assert (end["iteration"], end["held_out_rms"]) == (fit["iteration"], fit["held_out_rms"])
    assert 0 < fit["seconds"] <= end["seconds"] < 60
    assert end["peak_memory_bytes"] > 1 << 20
    assert end["error"] is None


def test_first_loss_is_as_large_as_the_image_and_then_falls(restored, folder, noisy_png, noisy):
    restored("noisy.png")
    curve = [record["train_rms"] for record in records(folder) if record["type"] == "evaluation"]
    assert curve[-1] < curve[0] < 3 * noisy.std() + 20 + abs(float(noisy.mean()))
