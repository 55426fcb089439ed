"""`mri --simulate`: a scan that is tried out, and saved."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from skimage.transform import resize

from cgdenoise.fitlog.reader import read_log
from cgdenoise.operators import Fourier
from cgdenoise.problems import estimate_maps, fourier_lines
from cgdenoise.problems.mri import simulated_maps

QUICK = ("--preset", "fast", "--members", "1", "--threads", "1", "--device", "cpu", "--max-iterations", "20")


@pytest.fixture
def head(folder):
    rows, columns = np.mgrid[-1:1:32j, -1:1:32j]
    inside = rows**2 + 1.4 * columns**2 < 0.6
    Image.fromarray((inside * (150 + 60 * np.sin(5 * columns))).astype(np.uint8)).save("head.png")
    return folder


@pytest.mark.parametrize("coils", [1, 4])
def test_a_saved_scan_needs_nothing_else(cli, head, light, coils):
    options = ("--coils", coils, "--ratio", "0.5", "--simulate-sigma", "2", "--save-measurements", "scan.npz")
    outcome = cli("mri", "--simulate", "head.png", *options, *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    (log,) = read_log("head_reconstructed.fit.jsonl")
    assert log.end["start"]["psnr"] > 18
    assert log.end["psnr"] > 14  # so few iterations of so small a generator do not reach the start
    assert log.header["sigma"] == 2
    outcome = cli("mri", "scan.npz", *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    assert np.array_equal(np.load("scan_reconstructed.npy"), np.load("head_reconstructed.npy"))


def test_a_mask_says_which_lines_are_scanned(cli, head, light):
    lines = np.zeros(32, bool)
    lines[12:20] = lines[::3] = True
    np.save("lines.npy", lines)
    saving = ("--mask", "lines.npy", "--save-measurements", "scan.npz")
    assert cli("mri", "--simulate", "head.png", *saving, *QUICK).err == ""
    with np.load("scan.npz") as saved:
        assert np.array_equal(saved["y"].any((0, 1)), lines)


@pytest.mark.parametrize("option", [("--maps", "k.npy"), ("--noise-scan", "k.npy"), ("--slice", "0"), ("--variable", "y=k")])
def test_what_only_a_scanner_has_does_not_go_with_it(refused, head, option):
    refused("mri", "--simulate", "head.png", *option, *QUICK, names=f"{option[0]} with --simulate", code=2)
    refused("mri", *QUICK, names="expected one of KSPACE and --simulate", code=2)


@pytest.mark.parametrize("coils", [1, 8])
def test_sensitivities_are_normalised_and_smooth(coils):
    maps = simulated_maps(coils, (20, 30))
    assert maps.shape == (coils, 20, 30)
    np.testing.assert_allclose((np.abs(maps) ** 2).sum(0), 1)
    assert np.abs(np.diff(maps, axis=1)).max() < 0.2


def test_sensitivities_are_found_of_an_image_that_fills_its_frame():
    image = resize(data.camera(), (96, 96))
    maps, lines = simulated_maps(8, image.shape), fourier_lines(image.shape, 0.25, 0)
    seen = Fourier(maps.shape)(torch.from_numpy(maps * image)).numpy() * lines
    found = estimate_maps(seen, lines)
    assert np.abs((found.conj() * maps).sum(0)).min() > 0.99  # 0.23 where opposite sides differ
