"""The law of the noise from and to files: `noise --plot`, `--save-noise`; `--noise-file`, `--noise-from` and `--dark` of both."""

import json

import numpy as np
import pytest
from PIL import Image
from skimage import data

CLEAN = data.astronaut()[:128, 160:288].astype(np.float64)


def exposure(seed, clean=CLEAN):
    rng = np.random.default_rng(seed)
    noisy = 20 + 3 * rng.poisson(clean * 0.8 / 3) + 4 * rng.standard_normal(clean.shape)
    return noisy.clip(0, 255).round().astype(np.uint8)


@pytest.fixture
def exposures(folder):
    for seed in (1, 2, 3):
        Image.fromarray(exposure(seed)).save(f"e{seed}.png")
    Image.fromarray(exposure(4, 0 * CLEAN)).save("dark.png")
    return folder


@pytest.fixture
def law(cli, exposures):
    """The file of a law that two exposures and a dark frame have told."""
    outcome = cli("noise", "e1.png", "--noise-from", "e2.png", "--dark", "dark.png", "--save-noise", "law.json")
    assert (outcome.code, outcome.err) == (0, "cgdenoise: wrote law.json\n")
    return exposures / "law.json"


def header(folder):
    return json.loads((folder / "out.fit.jsonl").read_text().splitlines()[0])


def test_a_law_is_measured_once_and_used_for_other_images(denoise, law, folder):
    found = json.loads(law.read_text())
    assert (found["gain"], found["offset"], found["read_sigma"]) == pytest.approx((3, 20, 4), rel=0.1)
    assert [source["name"] for source in found["sources"]] == ["e1.png", "e2.png", "dark.png"]
    assert denoise("e3.png", "-o", "out.png", "--noise-file", "law.json").code == 0
    used = header(folder)["noise"]
    assert [used[name] for name in ("kind", "gain", "offset", "read_sigma")] == pytest.approx(
        [found[name] for name in ("kind", "gain", "offset", "read_sigma")]
    )


def test_denoise_takes_a_second_exposure_and_dark_frames(denoise, exposures):
    assert denoise("e1.png", "-o", "out.png", "--noise-from", "e2.png", "--dark", "dark.png").code == 0
    told = header(exposures)
    assert told["noise"]["gain"] == pytest.approx(3, rel=0.1)
    assert "second exposure" in told["noise"]["reasons"][0]
    assert (told["sigma_estimated"], told["options"]["noise_file"]) == (False, None)
    assert denoise("e1.png", "-o", "out.png", "--force", "--dark", "dark.png").code == 0
    told = header(exposures)["noise"]
    assert (told["offset"], told["read_sigma"]) == pytest.approx((20, 4), rel=0.05)


def test_a_result_is_made_again_when_the_law_has_changed(denoise, law):
    run = ("e3.png", "-o", "out.png", "--noise-file", "law.json", "--on-exists", "skip", "--json")
    assert json.loads(denoise(*run).out)["status"] == "complete"
    assert json.loads(denoise(*run).out)["status"] == "skipped"
    law.write_text(json.dumps(json.loads(law.read_text()) | {"gain": 4}))
    assert json.loads(denoise(*run).out)["status"] == "complete"


@pytest.fixture
def small(folder):
    for seed in (1, 2):
        Image.fromarray(exposure(seed, CLEAN[:64, :64])).save(f"small{seed}.png")


def test_the_noise_is_drawn(cli, small, folder):
    (folder / "noise.svg").write_text("mine")
    outcome = cli("noise", "small1.png", "--plot", "noise.svg")
    assert outcome.code == 1
    assert "exists" in outcome.err
    assert (folder / "noise.svg").read_text() == "mine"
    for more in ("--force",), ("--noise-from", "small2.png", "--force"):
        assert cli("noise", "small1.png", "--plot", "noise.svg", *more).code == 0
        assert ("second exposure" in (folder / "noise.svg").read_text()) == (len(more) > 1)
    assert "covariance of the channels" in (folder / "noise.svg").read_text()
    Image.open("small1.png").convert("L").save("grey.png")
    assert cli("noise", "grey.png", "--plot", "noise.svg", "--force").code == 0
    assert "covariance of the channels" not in (folder / "noise.svg").read_text()


def test_grey_pages_are_drawn_one_at_a_time(cli, folder):
    stack = [exposure(seed, CLEAN[:64, :64])[..., 0] for seed in (1, 2)]
    Image.fromarray(stack[0]).save("stack.tif", save_all=True, append_images=[Image.fromarray(stack[1])])
    assert "--page" in (outcome := cli("noise", "stack.tif", "--plot", "noise.png")).err
    assert outcome.code == 2
    outcome = cli("noise", "stack.tif", "--plot", "noise.png", "--page", "2")
    assert (outcome.code, outcome.out.splitlines()[0]) == (0, "stack.tif page 2")
    assert (folder / "noise.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--sigma", "3"), "--noise-file with --sigma"),
        (("--gain", "3"), "--noise-file with --gain"),
        (("--offset", "3"), "--noise-file with --offset"),
        (("--noise", "poisson"), "--noise-file with --noise poisson"),
        (("--dark", "dark.png"), "--noise-file with --dark"),
    ],
)
def test_contradictions_are_a_matter_of_usage(denoise, law, options, message):
    outcome = denoise("e3.png", "-o", "out.png", "--noise-file", "law.json", *options)
    assert outcome.code == 2
    assert message in outcome.err


def test_one_second_exposure_is_of_one_input(denoise, cli, exposures):
    for outcome in (
        denoise("e1.png", "e3.png", "-o", "results", "--noise-from", "e2.png"),
        cli("noise", "e1.png", "e3.png", "--noise-from", "e2.png"),
    ):
        assert outcome.code == 2
        assert "--noise-from with 2 inputs" in outcome.err


def test_files_of_other_images_are_refused_in_one_line(denoise, law, folder):
    Image.fromarray(exposure(1)[..., 0]).save("grey.png")
    np.save("deep.npy", exposure(1).astype(np.uint16))
    Image.fromarray(exposure(2)[:-1]).save("small.png")
    (folder / "bad.json").write_text("{}")
    for run, message in [
        (("grey.png", "--noise-file", "law.json"), "law.json: law of the noise in 3 channels; expected 1"),
        (("deep.npy", "--noise-file", "law.json"), "law.json: in grey levels of uint8; expected those of uint16"),
        (("e1.png", "--noise-from", "deep.npy"), "deep.npy: in grey levels of uint16; expected those of uint8"),
        (("e1.png", "--noise-from", "small.png"), "small.png: shape (127, 128, 3); expected (128, 128, 3)"),
        (("e1.png", "--noise-from", "e1.png"), "e1.png: is the first exposure itself"),
        (("e1.png", "--noise-file", "bad.json"), "bad.json: no noise law; expected one"),
        (("e1.png", "--noise-file", "absent.json"), "absent.json: cannot be read"),
    ]:
        outcome = denoise(*run)
        assert (outcome.code, len(outcome.err.splitlines())) == (1, 1)
        assert message in outcome.err
    assert not [*folder.glob("*denoised*")]


def test_nothing_that_is_read_is_written_over(cli, law):
    for name in ("e1.png", "law.json"):
        outcome = cli("noise", "e1.png", "--noise-file", "law.json", "--plot", name, "--force")
        assert outcome.code == 2
