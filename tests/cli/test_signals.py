"""`cs` of signals: one axis, from files to numbers and a drawing."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cgdenoise.fitlog.reader import read_log
from cgdenoise.measurements import write_cfl

QUICK = ("--preset", "fast", "--members", "1", "--threads", "1", "--device", "cpu", "--max-iterations", "40")
LENGTH = 128


@pytest.fixture
def files(folder):
    """Write a signal of steps, a matrix, and what it makes of the signal."""
    signal = np.repeat([0.2, 0.9, 0.5, 0.7], LENGTH // 4)
    matrix = np.random.default_rng(0).normal(size=(LENGTH // 2, LENGTH)) / np.sqrt(LENGTH / 2)
    np.save("signal.npy", signal)
    np.save("A.npy", matrix)
    np.savetxt("y.txt", matrix @ signal)
    return folder


def test_a_signal_is_reconstructed_and_drawn(cli, files, light):
    given = ("y.txt", "--matrix", "A.npy", "--shape", LENGTH, "--reference", "signal.npy", "--side-by-side", "both.png", "--json")
    outcome = cli("cs", *given, *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    end = json.loads(outcome.out)
    assert end["psnr"] > 18 > end["start"]["psnr"]
    assert np.load("y_reconstructed.npy").shape == (LENGTH,)
    for name in ("y_reconstructed.png", "both.png"):
        with Image.open(name) as drawing:
            assert drawing.width > 500


@pytest.mark.parametrize("operator", ["gaussian", "dct"])
def test_a_signal_is_measured_and_found_again(cli, files, light, operator):
    outcome = cli(
        "cs", "--simulate", "signal.npy", "--operator", operator, "--ratio", "0.5", "--save-measurements", "m.npz", *QUICK
    )
    assert (outcome.code, outcome.err) == (0, "")
    first = np.load("signal_reconstructed.npy")
    assert read_log("signal_reconstructed.fit.jsonl")[0].end["psnr"] > 18
    cli("cs", "m.npz", *QUICK)
    assert np.array_equal(np.load("m_reconstructed.npy"), first)


def test_total_variation_competes_and_patches_do_not(cli, files):
    options = ("--preset", "balanced", "--max-iterations", "10", "--threads", "1", "--device", "cpu")
    outcome = cli("cs", "--simulate", "signal.npy", "--ratio", "0.5", *options)
    assert (outcome.code, outcome.err) == (0, "")
    end = read_log("signal_reconstructed.fit.jsonl")[0].end
    assert {part["name"] for part in end["parts"]} == {"total variation", "generator"}
    assert end["psnr"] > 30  # steps are what it is made for


@pytest.mark.parametrize(("shape", "laid_out"), [((LENGTH,), (LENGTH, 1)), ((1, 2, 8, 8), (2, 8, 8))])
def test_barts_files_hold_signals_and_volumes_too(cli, files, light, shape, laid_out):
    write_cfl("y", np.loadtxt("y.txt")[:, None].astype(np.complex64))
    outcome = cli("cs", "y.cfl", "--matrix", "A.npy", "--shape", ",".join(map(str, shape)), *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    sides = [int(side) for side in Path("y_reconstructed.hdr").read_text().split("\n")[1].split()]
    assert tuple(sides[: len(laid_out)]) == laid_out
    assert set(sides[len(laid_out) :]) == {1}


def test_a_drawing_is_a_png(refused, files):
    refused("cs", "--simulate", "signal.npy", "-o", "s.tif", *QUICK, names="s.tif: the drawing of a signal; expected", code=2)


def test_a_signal_has_no_fourier_plane(refused, files):
    told = "signal.npy: an image of shape [128]; expected a grey one, (H, W), for the Fourier plane"
    refused("cs", "--simulate", "signal.npy", "--operator", "fourier", *QUICK, names=told)
