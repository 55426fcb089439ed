"""`cs` of volumes: four axes, from files to numbers and a sheet of planes."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from cgdenoise.fitlog.reader import read_log

QUICK = ("--preset", "fast", "--members", "1", "--threads", "1", "--device", "cpu", "--max-iterations", "25")
SHAPE = (5, 12, 14)


@pytest.fixture
def files(folder):
    """Write a volume of blocks as arrays of three and of four axes, and as pages."""
    volume = np.full(SHAPE, 0.2, np.float32)
    volume[1:4, 3:9, 4:10] = 0.8
    np.save("volume.npy", volume[None])
    np.save("planes.npy", volume)
    tifffile.imwrite("pages.tif", volume)
    return folder


def test_a_volume_is_measured_saved_and_found_again(cli, files, light):
    outcome = cli("cs", "--simulate", "volume.npy", "--ratio", "0.4", "--save-measurements", "m.npz", "--json", *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    end = json.loads(outcome.out)
    assert end["psnr"] > end["start"]["psnr"] + 3
    first = np.load("volume_reconstructed.npy")
    assert first.shape == (1, *SHAPE)
    reference = ("--reference", "planes.npy", "--report", "m.html", "--side-by-side", "both.png")
    assert cli("cs", "m.npz", *reference, *QUICK).code == 0
    assert np.array_equal(np.load("m_reconstructed.npy"), first)
    assert read_log("m_reconstructed.fit.jsonl")[0].end["psnr"] == pytest.approx(end["psnr"])
    with Image.open("m_reconstructed.png") as sheet:  # 2 columns of 3 planes, 2 pixels between them
        assert sheet.size == (2 * 14 + 2, 3 * 12 + 4)
    with Image.open("both.png") as sides:
        assert sides.width > 3 * 2 * 14


@pytest.mark.parametrize("source", [("pages.tif",), ("planes.npy", "--shape", "1,5,12,14")])
def test_pages_are_a_volume_and_so_is_what_is_said_to_be_one(cli, files, light, source):
    outcome = cli("cs", "--simulate", *source, "--operator", "dct", "-o", "found.tif", "--reference", "pages.tif", *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    pages = tifffile.imread("found.tif")
    assert pages.shape == SHAPE
    np.testing.assert_array_equal(pages, np.load("found.npy")[0])


def test_a_matrix_goes_with_a_volume_in_row_major_order(cli, files, light):
    matrix = np.random.default_rng(0).normal(size=(500, 5 * 12 * 14)) / 30
    np.savez("all.npz", y=matrix @ np.load("volume.npy").ravel(), A=matrix)
    outcome = cli("cs", "all.npz", "--shape", "1,5,12,14", "--reference", "volume.npy", *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    assert read_log("all_reconstructed.fit.jsonl")[0].end["psnr"] > 15


@pytest.mark.parametrize("mask", ["mask.tif", "mask.npy"])
def test_missing_voxels_and_whole_planes_are_filled(cli, files, light, mask):
    volume = np.round(255 * np.load("planes.npy")).astype(np.uint8)
    keep = np.random.default_rng(0).random(SHAPE) < 0.8
    keep[2] = False
    tifffile.imwrite("stack.tif", np.where(keep, volume, 0), photometric="minisblack")
    tifffile.imwrite("clean.tif", volume, photometric="minisblack")
    tifffile.imwrite("mask.tif", 255 * keep.astype(np.uint8), photometric="minisblack")
    np.save("mask.npy", keep)
    outcome = cli("inpaint", "stack.tif", "--mask", mask, "--reference", "clean.tif", *QUICK)
    assert (outcome.code, outcome.err.count("warning")) == (0, 0)
    found = tifffile.imread("stack_inpainted.tif")
    assert (found.dtype, found.shape) == (np.uint8, SHAPE)
    assert np.array_equal(found[keep], volume[keep])
    (log,) = read_log("stack_inpainted.fit.jsonl")
    assert log.end["psnr"] > 20
    assert log.end["missing"] == pytest.approx(1 - keep.mean())


def test_an_array_of_known_axes_with_gaps_is_a_volume(cli, files, light):
    volume = np.load("planes.npy")
    volume[2, 4:7, 5:9] = np.nan
    np.save("gaps.npy", volume)
    np.save("plane.npy", np.arange(12)[:, None] % 4 > np.zeros(14))
    assert cli("inpaint", "gaps.npy", "--axes", "ZYX", *QUICK).code == 0
    found = np.load("gaps_inpainted.npy")
    assert np.array_equal(np.isnan(volume), found != np.nan_to_num(volume, nan=-1))
    assert cli("inpaint", "gaps.npy", "--axes", "ZYX", "--mask", "plane.npy", "--force", *QUICK).code == 0
    changed = np.load("gaps_inpainted.npy") != np.load("planes.npy")
    assert changed[:, ::4].any((1, 2)).all()  # one mask is for all planes
    assert not np.delete(changed, np.s_[::4], axis=1)[[0, 1, 3, 4]].any()


def test_refusals(refused, files):
    said = "--shape 1,1,5,12,14; expected N, H,W, C,H,W or C,D,H,W"
    refused("cs", "volume.npy", "--matrix", "A.npy", "--shape", "1,1,5,12,14", names=said, code=2)
    told = "volume.npy: an image of shape [1, 5, 12, 14]; expected a grey one, (H, W), for the Fourier plane"
    refused("cs", "--simulate", "volume.npy", "--operator", "fourier", *QUICK, names=told)
    np.save("other.npy", np.zeros((5, 12, 13)))
    told = "the reference has shape (5, 12, 13); expected (5, 12, 14, 1)"
    refused("cs", "--simulate", "volume.npy", "--reference", "other.npy", *QUICK, names=told)
    told = "(3, 12, 14) for an image of (1, 5, 12, 14)"
    refused("cs", "--simulate", "volume.npy", "--shape", "3,12,14", *QUICK, names=told, code=2)
