"""`--noise poisson`: measurements that are counts."""

import json

import numpy as np
import pytest
from PIL import Image

from cgdenoise.fitlog.reader import read_log

QUICK = ("--preset", "fast", "--members", "1", "--threads", "1", "--device", "cpu", "--max-iterations", "10")


@pytest.fixture
def files(folder, clean):
    """Write counts of several kinds: a picture, y with its matrix, a sinogram; and a mask."""
    rng = np.random.default_rng(0)
    image = clean[..., 0].astype(float)
    matrix = rng.random((200, 576)) / 100
    Image.fromarray(np.clip(4 * rng.poisson(image / 4), 0, 255).astype(np.uint8)).save("picture.png")
    Image.fromarray((rng.random((24, 24)) < 0.6).astype(np.uint8) * 255).save("mask.png")
    np.savez("y.npz", y=rng.poisson(matrix @ image.ravel()), A=matrix, shape=(24, 24))
    np.savez("halves.npz", y=rng.poisson(matrix @ image.ravel()) / 2, A=matrix, shape=(24, 24))
    np.savez("below.npz", y=matrix @ image.ravel() - 600, A=matrix, shape=(24, 24))
    np.save("kspace.npy", np.fft.fft2(image))
    np.save("volume.npy", np.where(rng.random((3, 24, 24)) < 0.8, rng.poisson(50.0, (3, 24, 24)), np.nan))
    np.save("emissions.npy", rng.poisson(20, (12, 24)))
    return folder


@pytest.mark.parametrize(
    ("line", "name", "gain"),
    [
        (("inpaint", "picture.png", "--mask", "mask.png", "--gain", "4"), "picture_inpainted", 4),
        (("deblur", "picture.png", "--psf", "gaussian:1", "--gain", "4", "--sigma", "3"), "picture_deblurred", 4),
        (("upscale", "picture.png", "--gain", "4"), "picture_upscaled", 4),
        (("cs", "y.npz"), "y_reconstructed", 1),
        (("cs", "halves.npz", "--gain", "0.5"), "halves_reconstructed", 0.5),
        (("ct", "emissions.npy", "--angles", "0:180:12", "--shape", "24,24"), "emissions_reconstructed", 1),
    ],
)
def test_counts_are_taken_by_their_noise(cli, light, files, line, name, gain):
    outcome = cli(*line, "--noise", "poisson", *QUICK, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    kind = "poisson-gaussian" if "--sigma" in line else "poisson"
    assert json.loads(outcome.out)["noise"] == kind
    (log,) = read_log(files / f"{name}.fit.jsonl")
    assert (log.header["noise"]["kind"], log.header["noise"]["gain"]) == (kind, gain)
    assert log.header["noise"]["read_sigma"] == (3 if "--sigma" in line else 0)
    assert log.header["options"]["gain"] == gain


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("cs", "halves.npz"), "halves.npz: measurements that are no whole numbers; expected what one count adds"),
        (("cs", "below.npz", "--gain", "1"), "expected counts, which are not below 0, or their Gaussian noise"),
        (("inpaint", "volume.npy", "--axes", "ZYX"), "volume.npy: counts in a volume, [3, 24, 24, 1]; expected their gain"),
        (("inpaint", "volume.npy", "--axes", "ZYX", "--gain", "1", "--outliers"), "volume.npy: outliers of a volume"),
        (("upscale", "mask.png"), "mask.png: noise that grows with the brightness was not found; expected its gain"),
    ],
)
def test_what_cannot_be_counts_is_refused(refused, files, line, told):
    refused(*line, "--noise", "poisson", *QUICK, names=told)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("cs", "y.npz", "--gain", "1"), "--gain without --noise poisson"),
        (("cs", "y.npz", "--noise", "poisson", "--gain", "0"), "--gain 0.0; expected a finite number above 0"),
        (("cs", "y.npz", "--noise", "poisson", "--gain", "nan"), "--gain nan; expected a finite number above 0"),
        (("cs", "--simulate", "picture.png", "--noise", "poisson"), "--noise poisson with --simulate"),
        (("cs", "kspace.npy", "--operator", "fourier", "--noise", "poisson"), "kspace.npy: --noise poisson of Fourier samples"),
        (
            ("ct", "emissions.npy", "--angles", "0:180:12", "--photons", "9", "--noise", "poisson"),
            "--noise poisson with --photons",
        ),
        (("ct", "--simulate", "picture.png", "--angles", "0:180:12", "--noise", "poisson"), "--noise poisson with --simulate"),
    ],
)
def test_wrong_options_are_refused(refused, files, line, told):
    refused(*line, *QUICK, names=told, code=2)


def test_other_laws_are_no_choice(cli, files):
    outcome = cli("upscale", "picture.png", "--noise", "impulse")
    assert outcome.code == 2
    assert "gaussian" in outcome.err


def test_outliers_are_left_out_and_told(cli, light, files):
    held = dict(np.load("y.npz"))
    held["y"] = held["y"].astype(float)
    held["y"][[3, 50, 120]] = 1e5
    np.savez("spikes.npz", **held)
    outcome = cli("cs", "spikes.npz", "--outliers", "--sigma", "20", *QUICK)
    assert outcome.code == 0
    assert outcome.err == "cgdenoise: warning: spikes.npz: 3 of 200 measurements are far off (1.50%), and left out\n"
    (log,) = read_log(files / "spikes_reconstructed.fit.jsonl")
    assert log.header["input"]["outliers"] == "3"
    assert cli("cs", "y.npz", "--outliers", "--sigma", "20", *QUICK).err == ""


def test_dead_pixels_of_a_picture_are_left_out(cli, light, folder):
    picture = np.add.outer(np.arange(64), np.arange(64)) + 60.0
    dead = np.random.default_rng(0).random(picture.shape) < 0.04
    Image.fromarray(np.where(dead, 255, picture).astype(np.uint8)).save("dead.png")
    Image.fromarray((np.arange(64) > 1).astype(np.uint8)[:, None].repeat(64, 1) * 255).save("rows.png")
    for line in (("deblur", "--psf", "box:3"), ("upscale",), ("inpaint", "--mask", "rows.png")):
        outcome = cli(line[0], "dead.png", *line[1:], "--outliers", "--sigma", "0", *QUICK)
        assert outcome.code == 0
        assert f"{int(dead.sum())} of 4096 measurements are far off" in outcome.err or line[0] == "inpaint"
    found = np.array(Image.open("dead_inpainted.png")).astype(float)
    assert np.abs(found - picture)[4:][dead[4:]].max() < 120


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("cs", "--simulate", "picture.png", "--outliers"), "--outliers with --simulate; expected measurements"),
        (("cs", "kspace.npy", "--operator", "fourier", "--outliers"), "kspace.npy: --outliers of Fourier samples"),
        (("ct", "--simulate", "picture.png", "--angles", "0:180:12", "--outliers"), "--outliers with --simulate"),
    ],
)
def test_outliers_of_what_is_none_are_refused(refused, files, line, told):
    refused(*line, *QUICK, names=told, code=2)
