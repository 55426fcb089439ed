"""`denoise` of stacks: their axes, their channels together or apart, and the metadata of microscopes."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from cgdenoise.fitlog.reader import read_log
from cgdenoise.images import write_image

DESCRIBED = {
    "axes": "TZCYX",
    "PhysicalSizeX": 0.25,
    "PhysicalSizeXUnit": "µm",
    "PhysicalSizeZ": 1.5,
    "TimeIncrement": 2.5,
    "Channel": {"Name": ["DAPI", "GFP"]},
}


@pytest.fixture
def frames(noisy):
    """(T, Z, C, Y, X), of which every frame and channel is another picture."""
    return np.stack([np.rot90(noisy, turns).transpose(2, 0, 1)[:2] for turns in range(4)]).reshape(2, 2, 2, 24, 24)


def test_metadata_of_ome_are_kept(restored, folder, frames):
    tifffile.imwrite("a.ome.tif", frames, photometric="minisblack", metadata=DESCRIBED)
    restored("a.ome.tif", "--channels", "joint")
    with tifffile.TiffFile("a.ome.tif") as before, tifffile.TiffFile("a_denoised.ome.tif") as after:
        assert after.ome_metadata == before.ome_metadata
        assert "DAPI" in after.ome_metadata
        assert after.series[0].axes == "TZCYX"
        found = after.series[0].asarray()
    assert found.shape == frames.shape
    error = np.abs(found.astype(float) - frames).mean(axis=(-2, -1))
    assert (error > 2).all()
    assert (error < 30).all()
    logged = read_log("a_denoised.ome.fit.jsonl")
    assert len(logged) == 4
    assert logged[0].header["input"]["axes"] == "TZC"
    assert logged[0].header["options"]["channels"] == "joint"


def test_metadata_of_imagej_are_kept(restored, folder, frames):
    options = {"axes": "TZCYX", "spacing": 1.5, "unit": "um", "finterval": 2.5, "Labels": ["a", "b"] * 4}
    tifffile.imwrite("a.tif", frames, imagej=True, resolution=(4.0, 4.0), metadata=options)
    restored("a.tif", "--max-iterations", "3")
    with tifffile.TiffFile("a.tif") as before, tifffile.TiffFile("a_denoised.tif") as after:
        assert after.imagej_metadata == before.imagej_metadata
        assert after.series[0].axes == "TZCYX"


def test_arrays_are_stacks_of_the_axes_that_are_named(restored, folder, frames):
    np.save("a.npy", frames.transpose(0, 2, 1, 3, 4))
    restored("a.npy", "--axes", "tczyx", "-o", "apart.npy", "--max-iterations", "3")
    restored("a.npy", "--axes", "TCZYX", "--channels", "joint", "-o", "together.npy", "--max-iterations", "3")
    assert np.load("apart.npy").shape == np.load("together.npy").shape == (2, 2, 2, 24, 24)
    assert [len(read_log(f"{name}.fit.jsonl")) for name in ("apart", "together")] == [8, 4]


def test_channels_that_lie_together_are_restored_apart(restored, folder, noisy):
    np.save("a.npy", noisy)
    np.save("b.npy", noisy[..., 1])
    restored("a.npy", "--channels", "separate", "--max-iterations", "3")
    restored("b.npy", "--max-iterations", "3")
    np.testing.assert_array_equal(np.load("a_denoised.npy")[..., 1], np.load("b_denoised.npy"))


def test_a_reference_is_arranged_alike(restored, folder, frames):
    np.save("a.npy", frames[0, 0])
    end = restored("a.npy", "--axes", "CYX", "--channels", "joint", "--reference", "a.npy", "--json", "--max-iterations", "3")
    assert json.loads(end.out)["psnr"] > 15


def test_many_channels(restored, folder, noisy):
    cube = np.repeat(noisy[..., :1], 20, axis=2) + np.random.default_rng(0).integers(0, 9, (24, 24, 20), np.uint8)
    np.save("a.npy", cube)
    restored("a.npy", "--axes", "YXC", "--max-iterations", "3")
    assert np.load("a_denoised.npy").shape == cube.shape


def test_what_cannot_be(refused_denoise, folder, noisy, noisy_png):
    np.save("a.npy", noisy[..., 0])
    assert "no channels to restore together" in refused_denoise("a.npy", "--channels", "joint", names="a.npy")
    assert "expected as many" in refused_denoise("a.npy", "--axes", "TYX", names="a.npy")
    assert "axes of a PNG, which are known" in refused_denoise("noisy.png", "--axes", "YX", names="noisy.png")
    assert "expected Y and X" in refused_denoise("a.npy", "--axes", "QQ", names="--axes", code=2)


def test_a_palette_that_is_lost_is_said(denoise, folder, noisy):
    Image.fromarray(noisy).quantize(16).save("a.png")
    assert "warning: a.png: its palette becomes RGB" in denoise("a.png", "--max-iterations", "3").err


def test_formats_that_are_only_read_become_others(restored, folder, noisy):
    Image.fromarray(noisy).save("a.gif")
    restored("a.gif", "--max-iterations", "3")
    with Image.open("a_denoised.png") as found:
        assert found.size == (24, 24)
    fits = pytest.importorskip("astropy.io.fits")
    fits.PrimaryHDU(noisy[..., 0].astype(np.float32)).writeto("b.fits")
    restored("b.fits", "--max-iterations", "3")
    assert fits.getdata("b_denoised.fits").shape == (24, 24)


def test_folders_that_are_images(restored, folder, noisy):
    zarr = pytest.importorskip("zarr")
    (folder / "in").mkdir()
    write_image("in/a.zarr", noisy)
    restored("in", "-o", "out", "--max-iterations", "3")
    assert zarr.open("out/a_denoised.zarr")["0"].shape == noisy.shape
    again = restored("in/a.zarr", "-o", "out/a_denoised.zarr", "--max-iterations", "3", "--on-exists", "skip")
    assert "complete already" in again.out
    restored("in/a.zarr", "-o", "out/a_denoised.zarr", "--force", "--max-iterations", "3")
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["a_denoised.fit.jsonl", "a_denoised.zarr"]


def test_frames_may_start_from_those_before(denoise, restored, folder, noisy):
    still = np.stack([noisy, 255 - noisy, 255 - noisy])
    tifffile.imwrite("a.tif", still, photometric="rgb", metadata={"axes": "TYXS"})
    restored("a.tif", "--warm-start", "-q")
    logged = read_log("a_denoised.fit.jsonl")
    assert [page.fits[0]["warm"] for page in logged] == [False, False, True]  # the second is another scene
    assert logged[0].header["options"]["warm_start"]
    outcome = denoise("a.tif", "--warm-start", "--members", "2", "-o", "b.tif")
    assert (outcome.code, "--warm-start with 2 fits" in outcome.err) == (2, True)
    tifffile.imwrite("b.tif", noisy, photometric="rgb")
    assert "b.tif: one page" in denoise("b.tif", "--warm-start").err
