"""`compare`: figures, pictures of the difference, what is refused."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from cgdenoise.metrics import psnr, ssim


@pytest.fixture
def pair(folder, clean, noisy_png):
    Image.fromarray(clean).save(folder / "clean.png")
    return "noisy.png", "clean.png"


def test_the_figures_are_those_of_the_library(cli, pair, clean, noisy):
    outcome = cli("compare", *pair, "--json")
    (found,) = map(json.loads, outcome.out.splitlines())
    difference = noisy.astype(float) - clean
    assert found == {
        "format": 3,
        "input": "noisy.png",
        "reference": "clean.png",
        "page": 1,
        "psnr": pytest.approx(psnr(noisy, clean, 255)),
        "ssim": pytest.approx(ssim(noisy, clean, 255)),
        "rms": pytest.approx(np.sqrt(np.mean(difference**2))),
        "largest": np.abs(difference).max(),
        "peak": 255.0,
    }
    words = cli("compare", *pair).out
    assert words.startswith(f"noisy.png: PSNR {found['psnr']:.2f} dB, SSIM {found['ssim']:.4f}, RMS ")
    assert cli("compare", "clean.png", "clean.png").out.startswith("clean.png: PSNR inf dB, SSIM 1.0000, RMS 0, largest 0")


def test_stacks_whose_axes_are_named_are_compared_frame_by_frame(cli, clean, noisy):
    for name, image in (("a.npy", noisy), ("b.npy", clean)):
        np.save(name, np.moveaxis(image, 2, 0))
    assert cli("compare", "a.npy", "b.npy", "--axes", "TYX").out.count("PSNR") == 3


def test_the_full_scale(cli, folder):
    clean = np.linspace(2, 6, 400).reshape(20, 20)
    np.save("clean.npy", clean)
    np.save("image.npy", np.where(np.arange(20) < 3, np.nan, clean + 0.4))
    assert "PSNR 20.00 dB, RMS 0.4, largest 0.4 (full scale 4)" in cli("compare", "image.npy", "clean.npy").out
    assert "PSNR 40.00 dB" in cli("compare", "image.npy", "clean.npy", "--peak", "40").out


def test_a_picture_of_the_difference(cli, folder, pair, clean, noisy):
    outcome = cli("compare", *pair, "--difference", "difference.png", "-q")
    assert (outcome.out, outcome.err) == ("", "")
    drawn = np.asarray(Image.open("difference.png")).astype(float)
    wanted = noisy.astype(float) - clean
    inside = (drawn > 0) & (drawn < 255)
    slope = (drawn - 128)[inside] @ wanted[inside] / (wanted[inside] @ wanted[inside])
    np.testing.assert_allclose((drawn - 128)[inside], slope * wanted[inside], atol=1)
    assert f"times {slope:.3g}"[:8] in cli("compare", *pair, "--difference", "difference.png", "--force").err
    assert cli("compare", *pair, "--difference", "difference.png").code == 1
    cli("compare", "clean.png", "clean.png", "--difference", "none.png")
    assert (np.asarray(Image.open("none.png")) == 128).all()


def test_pages(cli, folder):
    pages = np.arange(2 * 16 * 16, dtype=np.uint16).reshape(2, 16, 16)
    tifffile.imwrite("a.tif", pages, photometric="minisblack")
    tifffile.imwrite("b.tif", pages + np.array([0, 3], np.uint16)[:, None, None], photometric="minisblack")
    lines = cli("compare", "b.tif", "a.tif", "--difference", "d.tif").out.splitlines()
    assert ["inf dB" in lines[0], "RMS 3," in lines[1], "page 2" in lines[1]] == [True] * 3
    assert tifffile.imread("d.tif").shape == (2, 16, 16)


@pytest.mark.parametrize(
    ("args", "found", "code"),
    [
        (("noisy.png", "small.png"), "noisy.png: pixels of shape (24, 24, 3); expected (5, 5, 3), as small.png has", 1),
        (("noisy.png", "missing.png"), "missing.png", 1),
        (("noisy.png", "clean.png", "--peak", "0"), "--peak", 2),
        (("noisy.png", "clean.png", "--difference", "x.gif"), "x.gif", 1),
        (("flat.npy", "flat.npy"), "flat.npy: all values are the same", 1),
    ],
)
def test_what_makes_no_sense_is_refused(refused, folder, pair, args, found, code):
    Image.fromarray(np.zeros((5, 5, 3), np.uint8)).save("small.png")
    np.save("flat.npy", np.ones((4, 4)))
    refused("compare", *args, names=found, code=code)
