"""`ct`: from sinograms, or from an image that is scanned, to an array and a picture."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from cgdenoise.fitlog.reader import read_log
from cgdenoise.operators.tomography import Scan, projector

QUICK = ("--preset", "fast", "--members", "1", "--threads", "1", "--device", "cpu", "--max-iterations", "10")
SIDE = 24


@pytest.fixture
def files(folder, clean):
    """Write an image, its sinogram, transposed too, and the angles of it."""
    image = clean[..., 0].astype(np.float64)
    angles = np.linspace(0, 180, 16, endpoint=False)
    y = projector(Scan(angles, 36, 18), (SIDE, SIDE))(torch.from_numpy(image)).numpy()
    np.save("image.npy", image)
    np.save("y.npy", y)
    np.save("turned.npy", y.T)
    np.savetxt("angles.txt", angles)
    np.save("radians.npy", np.deg2rad(angles))
    Image.fromarray(clean).save("colour.png")
    return folder


def test_a_sinogram_becomes_an_image(cli, files, light):
    options = ("--shape", f"{SIDE},{SIDE}", "--reference", "image.npy", "--json", *QUICK)
    outcome = cli("ct", "y.npy", "--angles", "0:180:16", *options)
    assert (outcome.code, outcome.err) == (0, "")
    end = json.loads(outcome.out)
    assert end["start"]["name"] == "filtered back-projection"
    assert end["psnr"] > 15 < end["start"]["psnr"]
    assert np.load("y_reconstructed.npy").shape == (SIDE, SIDE)
    cli("ct", "turned.npy", "--angles", "angles.txt", *options)
    assert (files / "turned_reconstructed.png").read_bytes() == (files / "y_reconstructed.png").read_bytes()


def test_a_reference_of_another_unit_is_doubted(cli, files, light):
    np.save("small.npy", np.load("image.npy") / 255)
    outcome = cli("ct", "y.npy", "--angles", "0:180:16", "--shape", f"{SIDE},{SIDE}", "--reference", "small.npy", *QUICK)
    assert outcome.code == 0
    assert "they are not of one unit" in outcome.err


@pytest.mark.parametrize("options", [("--simulate-sigma", "9"), ("--fan", "60,20", "--photons", "1e4")])
def test_an_image_is_scanned_and_compared(cli, files, light, options):
    outcome = cli("ct", "--simulate", "image.npy", "--angles", "0:360:20", *options, *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    assert "dB (filtered back-projection: " not in outcome.out  # the SSIM lies between
    assert "(filtered back-projection: " in outcome.out
    (log,) = read_log(files / "image_reconstructed.fit.jsonl")
    assert log.header["input"]["angles"] == "0:360:20"
    assert log.end["psnr"] > 15


def test_the_scale_of_a_simulated_scan_is_the_images(cli, files, light):
    cli("ct", "--simulate", "image.npy", "--angles", "0:180:20", "--photons", "1e5", *QUICK)
    assert np.load("image_reconstructed.npy").mean() == pytest.approx(np.load("image.npy").mean(), rel=0.1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("y.npy", "--angles", "0:180:17"), "y.npy: a sinogram of shape [16, 36] and float64; expected [17, bins], as there are"),
        (("y.npy", "--angles", "absent.txt"), "absent.txt: cannot be read (no such file or directory"),
        (("y.npy", "--angles", "radians.npy"), "radians.npy: 16 angles up to 2.95; expected degrees, not radians"),
        (("y.npy", "--angles", "y.npy"), "y.npy: float64 of shape [16, 36]; expected a list of angles"),
        (("y.npy", "--angles", "0:180:16", "--fan", "-9,3"), "y.npy: a source at -9.0"),
        (("y.npy", "--angles", "0:180:16", "--pitch", "0"), "y.npy: 36 bins of 0.0 pixels"),
        (("y.npy", "--angles", "0:180:16", "--axis", "900"), "no ray meets it"),
        (("colour.png", "--angles", "0:180:24"), "colour.png: a sinogram of shape [24, 24, 3]"),
        (
            ("--simulate", "colour.png", "--angles", "0:180:24"),
            "colour.png: an image of shape [24, 24, 3]; expected a clean grey",
        ),
    ],
)
def test_wrong_input_is_refused_in_a_line(refused, files, options, told):
    refused("ct", *options, *QUICK, names=told)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("y.npy", "--angles", "0:180:0"), "--angles 0:180:0; expected START:STOP:N in degrees"),
        (("y.npy", "--angles", "0:180:many"), "--angles 0:180:many; expected START:STOP:N in degrees"),
        (("y.npy", "--angles", "0:180:16", "--fan", "9"), "--fan 9; expected SOURCE,DETECTOR"),
        (("y.npy", "--angles", "0:180:16", "--shape", "3,9,9"), "y.npy: --shape 3,9,9; expected H,W"),
        (("y.npy", "--angles", "0:180:16", "--shape", "900000,900000"), "half of this machine's memory"),
        (("--angles", "0:180:16"), "expected one of SINOGRAM and --simulate"),
        (("y.npy", "--angles", "0:180:16", "--sigma", "1", "--photons", "9"), "--sigma with --photons; expected one of them"),
        (("y.npy", "--angles", "0:180:16", "--photons", "0"), "--photons 0.0; expected a number above 0"),
        (("y.npy", "--angles", "0:180:16", "--simulate-sigma", "1"), "--simulate-sigma; expected --simulate with it"),
    ],
)
def test_wrong_options_are_refused(refused, files, options, told):
    refused("ct", *options, *QUICK, names=told, code=2)


@pytest.mark.parametrize("options", [("--simulate-sigma", "9"), ("--fan", "60,20", "--photons", "1e4", "--pitch", "1.5")])
def test_a_saved_sinogram_needs_nothing_else(cli, files, light, options):
    saving = ("--save-measurements", "saved.npz")
    outcome = cli("ct", "--simulate", "image.npy", "--angles", "0:360:20", *options, *saving, *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    outcome = cli("ct", "saved.npz", *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    assert np.array_equal(np.load("saved_reconstructed.npy"), np.load("image_reconstructed.npy"))
    (log,) = read_log("saved_reconstructed.fit.jsonl")
    assert log.header["sigma"] == read_log("image_reconstructed.fit.jsonl")[0].header["sigma"]


def test_what_is_told_goes_before_what_a_file_says(cli, files, light):
    np.savez("told.npz", y=np.load("y.npy"), angles=np.zeros(16), shape=(9, 9), axis=3.0)
    options = ("--angles", "0:180:16", "--shape", f"{SIDE},{SIDE}", "--axis", "18", *QUICK)
    for name in ("told.npz", "y.npy"):
        assert cli("ct", name, *options).err == ""
    assert np.array_equal(np.load("told_reconstructed.npy"), np.load("y_reconstructed.npy"))


def test_dead_bins_of_a_file_are_let_through(cli, files, light):
    y = np.load("y.npy")
    y[:, 4] = np.nan
    np.save("dead.npy", y)
    outcome = cli("ct", "dead.npy", "--angles", "0:180:16", "--shape", f"{SIDE},{SIDE}", *QUICK)
    assert (outcome.code, outcome.err) == (0, "")


def test_what_lacks_is_said(refused, files):
    told = "y.npy: a sinogram of shape [16, 36] without the angles of its views; expected as in: cgdenoise ct y.npy --angles"
    refused("ct", "y.npy", names=told, code=2)
    refused("ct", "--simulate", "image.npy", names="--simulate without the angles of the views", code=2)
    refused("ct", "y.npy", "--save-measurements", "m.npz", names="--save-measurements without --simulate", code=2)
    saving = ("--simulate", "image.npy", "--angles", "0:180:9", "--save-measurements", "m.npy")
    refused("ct", *saving, names="--save-measurements m.npy; expected a name with .npz", code=2)
    np.savez("odd.npz", y=np.load("y.npy"), angles=np.arange(16.0), pitch=[1.0, 2.0])
    refused("ct", "odd.npz", names="odd.npz: pitch is float64 of shape [2]; expected one number")
    np.savez("odd.npz", y=np.load("y.npy"), angles=np.deg2rad(np.arange(16.0)))
    refused("ct", "odd.npz", names="odd.npz: 16 angles up to 0.262; expected degrees, not radians")
