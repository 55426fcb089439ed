"""`inpaint`, `deblur` and `upscale`: pictures in, pictures out."""

import json
import re

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from cgdenoise.fitlog.reader import read_log
from cgdenoise.operators import Downsample, Kernel

LIGHT = ("--preset", "fast", "--members", "1", "--threads", "1", "--device", "cpu")
QUICK = (*LIGHT, "--max-iterations", "10")
FULL = (*LIGHT, "--max-iterations", "150")


@pytest.fixture
def done(cli, light):
    """Run a command quickly, which must succeed without a word on stderr."""

    def run(command, *args, quick=QUICK):
        outcome = cli(command, *args, *quick)
        assert outcome.code == 0, outcome.err
        assert outcome.err == ""
        return outcome

    return run


@pytest.fixture
def keep():
    return np.random.default_rng(0).random((24, 24)) < 0.6


@pytest.fixture
def files(folder, clean, keep):
    """Write clean.png, holes.png, black where it is missing, and mask.png."""
    Image.fromarray(clean).save(folder / "clean.png", dpi=(300, 300))
    Image.fromarray(np.where(keep[..., None], clean, 0).astype(np.uint8)).save(folder / "holes.png", dpi=(300, 300))
    Image.fromarray(keep.astype(np.uint8) * 255).save(folder / "mask.png")
    return folder


def read(path):
    return np.array(Image.open(path))


def test_missing_pixels_are_filled_and_others_stay(done, files, clean, keep):
    outcome = done("inpaint", "holes.png", "--mask", "mask.png", quick=(*LIGHT, "--max-iterations", "150"))
    found = read(files / "holes_inpainted.png")
    assert np.array_equal(found[keep], clean[keep])
    missing = clean[~keep].astype(float)
    assert np.sqrt(np.mean((found[~keep] - missing) ** 2)) < 0.6 * missing.std()
    assert outcome.out.startswith("holes_inpainted.png: the generator (1 fit, depth 3, iteration ")
    (log,) = read_log(files / "holes_inpainted.fit.jsonl")
    assert (log.header["input"]["name"], log.header["input"]["mask"]) == ("holes.png", "mask.png")
    assert log.end["status"] == "complete"
    with Image.open(files / "holes_inpainted.png") as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.05)


def test_what_is_transparent_is_filled_and_then_opaque(done, files, clean, keep):
    alpha = np.where(keep, 200, 100).astype(np.uint8)
    Image.fromarray(np.dstack([clean, alpha])).save(files / "erased.png")
    done("inpaint", "holes.png", "--mask", "mask.png")
    done("inpaint", "erased.png", "-o", "a.png")
    done("inpaint", "erased.png", "--mask", "mask.png", "-o", "b.png")
    expected = read(files / "holes_inpainted.png")
    np.testing.assert_array_equal(read(files / "a.png"), np.dstack([expected, np.where(keep, 200, 255)]))
    np.testing.assert_array_equal(read(files / "b.png"), np.dstack([expected, alpha]))  # with a mask it means something else


def test_inverted_mask_is_the_same(done, files, keep):
    Image.fromarray((~keep).astype(np.uint8)).save(files / "black.png")
    done("inpaint", "holes.png", "--mask", "mask.png", "-o", "a.png")
    done("inpaint", "holes.png", "--mask", "black.png", "--invert", "-o", "b.png")
    assert (files / "a.png").read_bytes() == (files / "b.png").read_bytes()


def test_share_of_missing_pixels_is_told(done, files, keep):
    share = 1 - keep.mean()
    assert f", {share:.1%} missing;" in done("inpaint", "holes.png", "--mask", "mask.png").out
    assert json.loads(done("inpaint", "holes.png", "--mask", "mask.png", "--json", "--force").out)["missing"] == pytest.approx(
        share
    )
    (log,) = read_log(files / "holes_inpainted.fit.jsonl")
    assert log.header["input"]["missing"] == pytest.approx(share)


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("clean.png", "--mask", "few.png"), "; if the mask means the others, use --invert"),
        (("clean.png", "--mask", "many.png", "--invert"), "; if the mask means the others, leave out --invert"),
        (("nan.npy",), ""),
    ],
)
def test_more_missing_than_not_is_a_warning(cli, light, files, clean, args, hint):
    few = np.arange(576).reshape(24, 24) % 4 == 0
    Image.fromarray(few.astype(np.uint8) * 255).save(files / "few.png")
    Image.fromarray((~few).astype(np.uint8) * 255).save(files / "many.png")
    Image.fromarray(np.eye(24, dtype=np.uint8)).save(files / "diagonal.png")
    np.save(files / "nan.npy", np.where(few, clean[..., 0], np.nan))
    outcome = cli("inpaint", *args, *QUICK)
    assert outcome.code == 0
    assert outcome.err == f"cgdenoise: warning: {args[0]}: 75.0% of the pixels are missing{hint}\n"
    (log,) = read_log(files / f"{args[0].split('.')[0]}_inpainted.fit.jsonl")
    assert (log.end["status"], log.end["warnings"]) == ("complete", [f"75.0% of the pixels are missing{hint}"])
    assert cli("inpaint", *args, *QUICK, "-q", "--force").err == ""


@pytest.mark.parametrize("psf", ["motion:7,30", "gaussian:1.6"])
def test_sharp_picture_that_is_called_blurred_is_a_warning(cli, light, files, psf):
    outcome = cli("deblur", "clean.png", "--psf", psf, *FULL, "--json")
    found = json.loads(outcome.out)
    assert (outcome.code, found["status"]) == (0, "complete")
    assert len(found["warnings"]) == 1
    assert outcome.err == f"cgdenoise: warning: clean.png: {found['warnings'][0]}\n"
    assert re.match("the measurements are hardly explained: held-out error .* may not be what made them", found["warnings"][0])
    (log,) = read_log(files / "clean_deblurred.fit.jsonl")
    assert log.end["warnings"] == found["warnings"]


def test_noise_without_a_picture_fills_gaps_with_a_warning(cli, light, folder):
    rng = np.random.default_rng(0)
    np.save(folder / "noise.npy", np.where(rng.random((40, 40)) < 0.6, rng.normal(100, 20, (40, 40)), np.nan))
    outcome = cli("inpaint", "noise.npy", *FULL)
    assert outcome.code == 0
    assert "they tell little of one another" in outcome.err


def test_nan_is_missing_and_floats_keep_every_digit(done, files, clean, keep):
    values = clean[..., 0] + 1000.0 + 1e-7 * np.arange(24)
    np.save(files / "a.npy", np.where(keep, values, np.nan))
    done("inpaint", "a.npy")
    found = np.load(files / "a_inpainted.npy")
    assert np.array_equal(found[keep], values[keep])
    assert np.isfinite(found).all()
    assert 900 < found.min() < found.max() < 1400


def test_noisy_pixels_are_restored_too(done, files, clean, keep):
    done("inpaint", "holes.png", "--mask", "mask.png", "--sigma", "10")
    assert not np.array_equal(read(files / "holes_inpainted.png")[keep], clean[keep])


def test_noise_that_nobody_told_is_taken_away_if_it_is_certain(done, files):
    smooth = np.linspace(60, 190, 128)[:, None] + np.zeros(128)
    noisy = smooth + np.random.default_rng(1).normal(0, 20, smooth.shape)
    Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)).save(files / "noisy.png")
    Image.fromarray((np.random.default_rng(0).random((128, 128)) < 0.6).astype(np.uint8) * 255).save(files / "mask.png")
    line = ("inpaint", "noisy.png", "--mask", "mask.png")
    found = json.loads(done(*line, "--json").out)
    assert (found["sigma"], found["sigma_estimated"]) == (pytest.approx(20, rel=0.1), True)
    (log,) = read_log(files / "noisy_inpainted.fit.jsonl")
    assert log.header["noise"]["reasons"] == ["its level was estimated from the measurements, before any fit"]
    assert " (estimated), " in done(*line, "--force").out
    told = json.loads(done(*line, "--sigma", "0", "--json", "--force").out)
    assert (told["sigma"], told["sigma_estimated"]) == (0, False)


def test_16_bits_stay(done, files, clean):
    tifffile.imwrite(files / "deep.tif", clean[..., 0].astype(np.uint16) * 257)
    done("inpaint", "deep.tif", "--mask", "mask.png")
    found = tifffile.imread(files / "deep_inpainted.tif")
    assert found.dtype == np.uint16
    assert (found % 257).any()


def test_blur_is_undone_within_the_frame(done, files, clean):
    psf = np.zeros((3, 5))
    psf[1] = 1 / 5  # a motion along the rows
    wide = np.pad(clean.astype(float), ((0, 0), (2, 2), (0, 0)), mode="reflect")
    blurred = sum(wide[:, k : k + 24] for k in range(5)) / 5
    np.save(files / "blurred.npy", blurred)
    np.save(files / "psf.npy", psf)
    done("deblur", "blurred.npy", "--psf", "psf.npy", "--sigma", "1", quick=(*LIGHT, "--max-iterations", "200"))
    found = np.load(files / "blurred_deblurred.npy")
    assert found.shape == (24, 24, 3)
    inner = (slice(None), slice(4, 20))  # the ends were reflected
    assert np.mean((found - clean)[inner] ** 2) < np.mean((blurred - clean)[inner] ** 2)


@pytest.mark.parametrize("psf", ["gaussian:1", "motion:4,30", "disk:1.5", "box:3"])
def test_psf_by_its_name(done, files, psf):
    found = json.loads(done("deblur", "clean.png", "--psf", psf, "--json").out)
    assert found["sigma_estimated"]
    assert read(files / "clean_deblurred.png").shape == (24, 24, 3)


@pytest.mark.parametrize("kernel", ["box", "bicubic"])
def test_picture_with_more_pixels_averages_to_the_given_one(done, files, clean, kernel):
    np.save(files / "a.npy", clean[..., 0].astype(np.float32))
    done("upscale", "a.npy", "--factor", "3", "--kernel", kernel)
    found = np.load(files / "a_upscaled.npy")
    assert found.shape == (72, 72)
    means = Downsample((72, 72), 3, Kernel(kernel))(torch.from_numpy(found)).numpy()
    np.testing.assert_allclose(means, clean[..., 0], atol=0.5)


def test_upscaled_png_states_the_new_resolution(done, files):
    done("upscale", "clean.png")
    with Image.open(files / "clean_upscaled.png") as image:
        assert image.size == (48, 48)
        assert image.info["dpi"] == pytest.approx((600, 600), abs=0.1)


def test_reference_adds_figures_and_leaves_the_result_alone(done, files):
    done("inpaint", "holes.png", "--mask", "mask.png", "-o", "a.png")
    found = json.loads(
        done("inpaint", "holes.png", "--mask", "mask.png", "-o", "b.png", "--reference", "clean.png", "--json").out
    )
    assert (files / "a.png").read_bytes() == (files / "b.png").read_bytes()
    assert 10 < found["psnr"] < 50
    (log,) = read_log(files / "b.fit.jsonl")
    assert log.end["psnr"] == found["psnr"]
    assert log.fits[0]["psnr"] in [evaluation["psnr"] for evaluation in log.evaluations]


def test_quiet_and_force(done, files):
    assert done("inpaint", "holes.png", "--mask", "mask.png", "-q").out == ""
    assert done("inpaint", "holes.png", "--mask", "mask.png", "-q", "--force", "--seed", "2").out == ""


INPAINT = ("inpaint", "holes.png", "--mask")


@pytest.mark.parametrize(
    ("args", "names"),
    [
        ((*INPAINT, "small.png"), "small.png: a mask of shape (8, 24); expected (24, 24)"),
        ((*INPAINT, "nothing.png"), "nothing.png: a mask that keeps nothing"),
        ((*INPAINT, "clean.png"), "clean.png: a coloured picture"),
        ((*INPAINT, "absent.png"), "absent.png"),
        ((*INPAINT, "white.png"), "holes.png: nothing is missing"),
        (("inpaint", "holes.png"), "holes.png: nothing is missing"),
        (("inpaint", "opaque.png"), "opaque.png: nothing is missing"),
        (("inpaint", "transparent.png"), "transparent.png: nothing is left"),
        (("inpaint", "nan.npy", "--mask", "diagonal.png"), "nan.npy: nothing is left: the mask keeps missing values only"),
        (("inpaint", "axes.tif", "--mask", "mask.png"), "axes.tif: 4 pages over the axes ZC; expected one axis"),
        (("inpaint", "pages.tif", "--mask", "small.png"), "small.png: a mask of shape (8, 24); expected (24, 24)"),
        (("deblur", "pages.tif", "--psf", "box:3"), "pages.tif: 2 pages"),
        (("upscale", "pages.tif"), "pages.tif: 2 pages"),
        ((*INPAINT, "mask.png", "--reference", "small.png"), "the reference has shape (8, 24)"),
        ((*INPAINT, "mask.png", "-o", "old.png"), "old.png: exists"),
        (("deblur", "holes.png", "--psf", "large.npy"), "PSF of shape [60, 3]"),
        (("deblur", "holes.png", "--psf", "zero.png"), "sum 0"),
        (("deblur", "nan.npy", "--psf", "gaussian:1"), "nan.npy: missing values"),
        (("upscale", "nan.npy"), "nan.npy: missing values"),
    ],
)
def test_bad_input_is_refused(refused, files, args, names):
    Image.fromarray(np.ones((8, 24), np.uint8)).save(files / "small.png")
    for name, value in (("nothing", 0), ("white", 255), ("zero", 0), ("old", 1)):
        Image.fromarray(np.full((24, 24), value, np.uint8)).save(files / f"{name}.png")
    tifffile.imwrite(files / "pages.tif", np.zeros((2, 24, 24), np.uint8), photometric="minisblack")
    tifffile.imwrite(files / "axes.tif", np.zeros((2, 2, 24, 24), np.uint8), imagej=True, metadata={"axes": "ZCYX"})
    for name, alpha in (("opaque", 200), ("transparent", 10)):
        Image.fromarray(np.full((24, 24, 4), alpha, np.uint8)).save(files / f"{name}.png")
    np.save(files / "large.npy", np.ones((60, 3)))
    Image.fromarray(np.eye(24, dtype=np.uint8)).save(files / "diagonal.png")
    np.save(files / "nan.npy", np.where(np.eye(24), np.nan, np.arange(24)))
    if "large.npy" in args:
        Image.fromarray(np.ones((24, 24), np.uint8)).save(files / "holes.png")
    refused(*args, *QUICK, names=names)


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (("deblur", "holes.png", "--psf", "gaussian:x"), "--psf gaussian:x"),
        (("deblur", "holes.png", "--psf", "motion:3"), "1 numbers instead of 2"),
        (("deblur", "holes.png", "--psf", "disk:-2"), "--psf disk:-2: a disk PSF of radius -2"),
        (("deblur", "holes.png", "--psf", "disk:nan"), "--psf disk:nan"),
        (("deblur", "holes.png", "--psf", "disk:99999"), "99999 pixels are more than"),
        (("deblur", "holes.png", "--psf", "box:2.5"), "--psf box:2.5: a box PSF of side 2.5; expected a whole number"),
        (("deblur", "holes.png", "--psf", "box:nan"), "--psf box:nan"),
        (("inpaint", "holes.png", "--invert"), "--invert without --mask"),
        ((*INPAINT, "mask.png", "-o", "mask.png"), "mask.png: is an input"),
        ((*INPAINT, "mask.png", "-o", "holes.png"), "holes.png: is an input"),
    ],
)
def test_usage_errors(refused, files, args, names):
    refused(*args, *QUICK, names=names, code=2)


def test_an_unknown_blur_is_found_and_told(cli, folder, light):
    from skimage import data

    from cgdenoise.operators import Blur, motion_psf

    image = torch.from_numpy(data.camera()[128:256, 128:256].astype(np.float64))
    y = Blur(image.shape, motion_psf(9, 120))(image).numpy()
    Image.fromarray(np.rint(y).astype(np.uint8)).save("moved.png")
    outcome = cli("deblur", "moved.png", "--psf", "unknown", *QUICK)
    assert outcome.code == 0
    assert "moved.png: " in outcome.err
    assert "the blur was found to be motion:" in outcome.err
    (log,) = read_log(folder / "moved_deblurred.fit.jsonl")
    assert log.header["input"]["psf_found"].startswith("motion:")


def test_a_picture_without_a_blur_to_find_is_refused(refused, folder):
    from skimage import data

    Image.fromarray(data.camera()[128:256, 128:256]).save("sharp.png")
    refused("deblur", "sharp.png", "--psf", "unknown", *QUICK, names="sharp.png: no blur was found in it")
    Image.fromarray(data.camera()[:48, :48]).save("small.png")
    refused("deblur", "small.png", "--psf", "unknown", *QUICK, names="expected structure and 64 pixels each way to find its blur")
