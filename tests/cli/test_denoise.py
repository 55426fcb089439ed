"""`denoise`: where results go, what survives of a file, what is printed, and what the options do."""

import io
import json
import math

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from cgdenoise.fitlog.reader import read_log


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_result_and_log_lie_beside_the_input(restored, folder, noisy_png):
    before = noisy_png.read_bytes()
    restored("noisy.png")
    assert names(folder) == ["noisy.png", "noisy_denoised.fit.jsonl", "noisy_denoised.png"]
    assert noisy_png.read_bytes() == before


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--suffix", ".clean"], ["noisy.clean.fit.jsonl", "noisy.clean.png"]),
        (["-o", "out.png"], ["out.fit.jsonl", "out.png"]),
        (["-o", "out.tif"], ["out.fit.jsonl", "out.tif"]),
        (["-o", "a.b.npy"], ["a.b.fit.jsonl", "a.b.npy"]),
        (["-o", "results"], ["results/noisy_denoised.fit.jsonl", "results/noisy_denoised.png"]),
        (["-o", "results/", "--suffix", "_x"], ["results/noisy_x.fit.jsonl", "results/noisy_x.png"]),
    ],
)
def test_output_and_suffix_name_the_result(restored, folder, noisy_png, args, expected):
    (folder / "results").mkdir()
    restored("noisy.png", *args)
    assert names(folder) == sorted(["noisy.png", *expected])


def test_several_inputs_to_a_folder(restored, folder, noisy_png):
    (folder / "results").mkdir()
    (folder / "second.png").write_bytes(noisy_png.read_bytes())
    restored("noisy.png", "second.png", "-o", "results")
    assert {"results/noisy_denoised.png", "results/second_denoised.png"} <= set(names(folder))


def test_noise_goes_down(cli, folder, noisy_png, noisy, clean):
    # The preset as it is: the only fit here that has to be good.
    assert cli("denoise", "noisy.png", "--preset", "fast", "--max-iterations", "60", "--threads", "1").code == 0
    result = np.array(Image.open(folder / "noisy_denoised.png")).astype(float)
    assert np.mean((result - clean) ** 2) < 0.8 * np.mean((noisy.astype(float) - clean) ** 2)


def test_png_keeps_alpha_profile_exif_and_resolution(restored, folder, noisy):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = 6
    alpha = np.arange(24 * 24, dtype=np.uint16).reshape(24, 24).astype(np.uint8)
    image = Image.fromarray(np.dstack([noisy, alpha]))
    image.save(folder / "a.png", icc_profile=profile, exif=exif, dpi=(300, 200))
    restored("a.png")
    with Image.open(folder / "a_denoised.png") as found:
        assert found.mode == "RGBA"
        assert found.info["icc_profile"] == profile
        assert dict(found.getexif()) == dict(exif)
        assert found.info["dpi"] == pytest.approx((300, 200), abs=0.05)
        pixels = np.array(found)
    assert np.array_equal(pixels[..., 3], alpha)
    assert not np.array_equal(pixels[..., :3], noisy)


def test_16_bit_rgb_png_stays_16_bit(restored, folder, noisy):
    (folder / "deep.png").write_bytes(imagecodecs.png_encode(noisy.astype(np.uint16) * 257))
    restored("deep.png")
    found = imagecodecs.png_decode((folder / "deep_denoised.png").read_bytes())
    assert found.dtype == np.uint16
    assert found.shape == noisy.shape
    assert (found % 257).any(), "values come from 8 bits"


def test_jpeg_stays_jpeg(restored, folder, noisy):
    Image.fromarray(noisy).save(folder / "a.JPG", quality=95)
    restored("a.JPG")
    with Image.open(folder / "a_denoised.JPG") as found:
        assert (found.format, found.mode, found.size) == ("JPEG", "RGB", (24, 24))


def test_pages_are_restored_independently(restored, folder, noisy):
    pages = [noisy[..., 0], noisy[..., 1].T.copy()]
    tifffile.imwrite(folder / "both.tif", np.stack(pages), photometric="minisblack")
    for number, page in enumerate(pages):
        tifffile.imwrite(folder / f"{number}.tif", page)
    restored("both.tif", "0.tif", "1.tif")
    both = tifffile.imread(folder / "both_denoised.tif")
    assert both.shape == (2, 24, 24)
    assert both.dtype == np.uint8
    for number in (0, 1):
        assert np.array_equal(both[number], tifffile.imread(folder / f"{number}_denoised.tif"))
    logs = read_log(folder / "both_denoised.fit.jsonl")
    assert [log.header["page"] for log in logs] == [log.end["page"] for log in logs] == [1, 2]
    assert all(log.evaluations and log.fits for log in logs)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i4", "f2", "f4", "f8", ">f4"])
def test_npy_keeps_shape_and_dtype(restored, folder, noisy, dtype):
    np.save(folder / "a.npy", noisy[:, :20, :1].astype(dtype))
    restored("a.npy")
    found = np.load(folder / "a_denoised.npy")
    assert found.shape == (24, 20, 1)
    assert found.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.isfinite(found).all()
    assert not np.array_equal(found, noisy[:, :20, :1])


def test_float_values_keep_their_units(restored, folder, noisy):
    np.save(folder / "a.npy", noisy.astype(np.float64) * 1e-3 - 7)
    restored("a.npy")
    found = np.load(folder / "a_denoised.npy")
    assert -7.1 < found.min() < found.max() < -6.6


def test_missing_pixels_are_filled(restored, folder, noisy):
    values = noisy[..., 0].astype(np.float32)
    values[5:8, 5:8] = np.nan
    np.save(folder / "a.npy", values)
    restored("a.npy")
    found = np.load(folder / "a_denoised.npy")
    assert np.isfinite(found).all()
    assert -50 < found[5:8, 5:8].min() <= found[5:8, 5:8].max() < 300


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (24, 24), (24, 24, 3), (1, 30)])
def test_constant_image_is_given_back(restored, folder, shape):
    image = np.full(shape, 93, np.uint8)
    Image.fromarray(image).save(folder / "flat.png")
    assert "constant" in restored("flat.png").out
    assert np.array_equal(np.array(Image.open(folder / "flat_denoised.png")), image)
    (log,) = read_log(folder / "flat_denoised.fit.jsonl")
    assert (log.end["status"], log.end["reason"], log.fits) == ("complete", "constant", [])


@pytest.mark.parametrize("shape", [(3, 5), (5, 3, 3), (1, 9), (2, 2)])
def test_tiny_image_keeps_its_shape(restored, folder, noisy, shape):
    image = noisy.ravel()[: math.prod(shape)].reshape(shape)
    Image.fromarray(image).save(folder / "tiny.png")
    restored("tiny.png")
    assert np.array(Image.open(folder / "tiny_denoised.png")).shape == shape


def test_plain_run_prints_one_line_an_output(restored, folder, noisy_png):
    (folder / "second.png").write_bytes(noisy_png.read_bytes())
    outcome = restored("noisy.png", "second.png")
    assert [line.split(": ")[0] for line in outcome.out.splitlines()] == ["noisy_denoised.png", "second_denoised.png"]
    assert "\x1b" not in outcome.out


def test_quiet_prints_nothing(restored, noisy_png):
    assert restored("noisy.png", "-q").out == ""


@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_json_is_one_object_an_output(restored, folder, noisy_png, quiet):
    (folder / "second.png").write_bytes(noisy_png.read_bytes())
    lines = restored("noisy.png", "second.png", "--json", "--seed", "3", *quiet).out.splitlines()
    first, second = map(json.loads, lines)
    assert (first["input"], second["input"]) == ("noisy.png", "second.png")
    assert (first["output"], first["log"]) == ("noisy_denoised.png", "noisy_denoised.fit.jsonl")
    assert (first["status"], first["preset"], first["depth"], first["fits"]) == ("complete", "fast", 3, 1)
    assert first["sigma_estimated"]
    assert 10 < first["sigma"] < 30
    assert first["seconds"] > 0
    assert first["psnr"] is first["ssim"] is None
    assert first["warnings"] == []


def test_json_of_a_constant_image(restored, folder):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / "flat.png")
    found = json.loads(restored("flat.png", "--json").out)
    assert (found["status"], found["fits"], found["sigma"]) == ("complete", 0, 0)


def test_seed_decides_the_bytes(restored, folder, noisy_png):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        restored("noisy.png", "-o", f"{name}.png", "--seed", seed)
    a, b, c = ((folder / f"{name}.png").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_members_are_averaged(restored, folder, noisy_png):
    restored("noisy.png", "--members", "3")
    (log,) = read_log(folder / "noisy_denoised.fit.jsonl")
    assert len(log.fits) == 3
    assert sum(fit["weight"] for fit in log.fits) == pytest.approx(1)
    assert all(fit["weight"] > 0 for fit in log.fits)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--stop", "none"], "budget"),
        (["--stop", "noise-level", "--sigma", "35"], "noise-level"),
        (["--stop", "holdout", "--max-iterations", "400"], "held-out"),
    ],
)
def test_log_says_which_rule_ended_the_fit(restored, folder, noisy_png, args, reason):
    restored("noisy.png", *args)
    (log,) = read_log(folder / "noisy_denoised.fit.jsonl")
    (fit,) = log.fits
    assert fit["reason"] == log.end["reason"] == reason
    assert log.header["options"]["stop"] == args[1]
    budget = log.header["options"]["max_iterations"]
    assert (fit["last_iteration"] == budget) == (reason == "budget")
    assert all(evaluation["held_out_rms"] > 0 for evaluation in log.evaluations)
    if reason == "noise-level":
        assert fit["residual_rms"] <= 35 < log.evaluations[-2]["residual_rms"]


def test_nothing_held_out_is_logged_as_null(restored, folder, noisy_png):
    restored("noisy.png", "--stop", "none", "--hold-out", "0")
    (log,) = read_log(folder / "noisy_denoised.fit.jsonl")
    assert {evaluation["held_out_rms"] for evaluation in log.evaluations} == {None}


def test_given_sigma_is_used(restored, folder, noisy_png):
    found = json.loads(restored("noisy.png", "--sigma", "12.5", "--json").out)
    assert (found["sigma"], found["sigma_estimated"]) == (12.5, False)


def test_reference_adds_figures_and_leaves_the_result_alone(restored, folder, noisy_png, clean):
    Image.fromarray(clean).save(folder / "clean.png")
    restored("noisy.png", "-o", "without.png")
    outcome = restored("noisy.png", "-o", "with.png", "--reference", "clean.png", "--json")
    assert (folder / "with.png").read_bytes() == (folder / "without.png").read_bytes()

    error = np.mean((np.array(Image.open(folder / "with.png")).astype(float) - clean) ** 2)
    psnr = 10 * math.log10(255**2 / error)
    found = json.loads(outcome.out)
    (log,) = read_log(folder / "with.fit.jsonl")
    assert found["psnr"] == log.end["psnr"] == pytest.approx(psnr)
    assert found["ssim"] == log.end["ssim"]
    assert 0 < found["ssim"] < 1
    curve = [evaluation["psnr"] for evaluation in log.evaluations]
    assert log.fits[0]["psnr_best"] == max(curve)
    assert log.fits[0]["psnr"] in curve

    (plain,) = read_log(folder / "without.fit.jsonl")
    assert not any("psnr" in record for record in (*plain.evaluations, *plain.fits))
    assert plain.end["psnr"] is None
    assert [e["residual_rms"] for e in plain.evaluations] == [e["residual_rms"] for e in log.evaluations]


def test_reference_figures_are_printed(restored, folder, noisy_png, clean):
    Image.fromarray(clean).save(folder / "clean.png")
    assert "PSNR" in restored("noisy.png", "--reference", "clean.png").out


def test_container_follows_the_output_suffix(restored, folder, noisy_png):
    restored("noisy.png", "-o", "a.npy")
    restored("noisy.png", "-o", "b.png")
    assert np.array_equal(np.load(folder / "a.npy"), np.array(Image.open(folder / "b.png")))


def test_standard_input_to_a_folder(restored, folder, noisy_png, monkeypatch):
    (folder / "results").mkdir()
    data = noisy_png.read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    restored("-", "-o", "results")
    restored("noisy.png")
    assert (folder / "results" / "stdin_denoised.png").read_bytes() == (folder / "noisy_denoised.png").read_bytes()


def test_another_generator_is_in_the_log_and_max_iterations_is_taken_as_given(restored, folder, noisy_png):
    restored("noisy.png", "--generator", "hourglass")
    (page,) = read_log(folder / "noisy_denoised.fit.jsonl")
    assert page.header["options"]["generators"] == [{"width": 128, "scales": 5, "input_noise": 0.0}]
    assert page.header["options"]["max_iterations"] == 20
    assert [fit["depth"] for fit in page.fits] == [2]  # the picture is small


def test_who_says_correlated_and_is_wrong_is_told(denoise, noisy_png):
    outcome = denoise("noisy.png", "--noise", "correlated")
    assert outcome.code == 0
    assert "no correlated noise: neighbours share none of it; gaussian noise was assumed" in outcome.err
