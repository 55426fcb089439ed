"""`noise`: the report, and the options of `denoise` that override it."""

import json
import re

import numpy as np
import pytest
from PIL import Image
from skimage import data

CLEAN = data.astronaut()[:128, 160:288]


@pytest.fixture
def counts(folder):
    noisy = 8 * np.random.default_rng(0).poisson(CLEAN / 8)
    np.save(folder / "counts.npy", noisy.astype(np.float32))
    return "counts.npy"


def test_text_gives_the_model_and_why(cli, counts):
    outcome = cli("noise", counts)
    assert (outcome.code, outcome.err) == (0, "")
    assert [line.split()[0] for line in outcome.out.splitlines()[1:8]] == [
        "level",
        "channels",
        "brightness",
        "neighbours",
        "impulses",
        "stripes",
        "model",
    ]
    assert "whole numbers of counts" in outcome.out


def test_a_coarse_spectrum_is_never_beside_the_claim_that_neighbours_share_none(cli, folder):
    np.save("coarse.npy", data.camera()[100:228, 100:228])
    told = cli("noise", "coarse.npy").out
    spectrum = float(re.search(r"middle over fine frequencies ([0-9.]+)", told).group(1))
    assert spectrum > 3
    assert "taken for texture" in told
    assert "independent from" not in told


def test_json_is_in_the_files_grey_levels(cli, counts):
    facts = json.loads(cli("noise", counts, "--json").out)
    assert facts["model"] == "poisson"
    assert facts["poisson"]["gain"] == pytest.approx(8)
    assert np.shape(facts["covariance"]) == (3, 3)


def test_a_jpeg_tells_how_its_noise_is_correlated_since(cli, folder):
    page = np.round(128 + 6 * np.random.default_rng(0).standard_normal((128, 128))).astype(np.uint8)
    Image.fromarray(page).save("stored.jpg", quality=75)
    residual = np.asarray(Image.open("stored.jpg"), float) - 128
    neighbours = (residual[1:] * residual[:-1]).mean() / np.square(residual).mean()
    assert neighbours > 0.2
    facts = json.loads(cli("noise", "stored.jpg", "--json").out)
    assert facts["correlation"]["stored_next"] == pytest.approx(neighbours, abs=0.1)
    assert f"next pixel {facts['correlation']['stored_next']:.2f} in flat places" in cli("noise", "stored.jpg").out
    Image.fromarray(page).save("plain.png")
    assert json.loads(cli("noise", "plain.png", "--json").out)["correlation"]["stored_next"] is None


def test_one_bad_file_does_not_stop_the_rest(cli, counts, folder):
    np.save(folder / "flat.npy", np.ones((8, 8)))
    outcome = cli("noise", "flat.npy", "absent.png", counts, "--json")
    assert outcome.code == 1
    assert len(outcome.err.splitlines()) == 2
    assert "flat.npy: all values" in outcome.err
    found = [json.loads(line) for line in outcome.out.splitlines()]
    assert [(page["input"], page.get("status")) for page in found] == [
        ("flat.npy", "error"),
        ("absent.png", "error"),
        (counts, None),
    ]


def header(folder):
    return json.loads((folder / "out.fit.jsonl").read_text().splitlines()[0])["noise"]


def test_denoise_says_in_the_log_what_it_assumed(denoise, folder, counts):
    assert denoise(counts, "-o", "out.npy").code == 0
    assert header(folder)["kind"] == "poisson"
    assert header(folder)["gain"] == pytest.approx(8)
    assert "whole numbers of counts" in header(folder)["reasons"][0]


def test_denoise_takes_the_users_word(denoise, folder, counts):
    assert denoise(counts, "-o", "out.npy", "--noise", "gaussian", "--sigma", "20").code == 0
    assert (header(folder)["kind"], header(folder)["gain"]) == ("gaussian", 0)
    assert header(folder)["sigma"] == pytest.approx(20)
    assert denoise(counts, "-o", "out.npy", "--force", "--noise", "poisson", "--gain", "5", "--offset", "-1").code == 0
    assert (header(folder)["gain"], header(folder)["offset"]) == pytest.approx((5, -1))


def test_a_bad_option_ends_the_report_of_all_files(cli, counts):
    outcome = cli("noise", counts, counts, "--offset", "inf")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "cgdenoise: error: --offset inf; expected a finite number\n"


@pytest.mark.parametrize(
    "wrong", [["--gain", "0"], ["--gain", "nan"], ["--offset", "inf"], ["--noise", "gaussian", "--gain", "2"]]
)
def test_bad_options_are_a_matter_of_usage(denoise, counts, wrong):
    outcome = denoise(counts, *wrong)
    assert outcome.code == 2
    assert "expected" in outcome.err
