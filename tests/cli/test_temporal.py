"""`denoise --temporal`: frames that help each other."""

import json

import numpy as np
import pytest
import tifffile
from skimage import data

from cgdenoise.fitlog.reader import read_log
from cgdenoise.jobs.method import _Shown
from cgdenoise.progress import Progress

BALANCED = ("--preset", "balanced", "--max-iterations", "10")


@pytest.fixture(scope="module")
def scene():
    """Six frames of a scene that moves, clean, and with noise of 25 grey levels."""
    picture = data.coins()
    clean = np.stack([picture[40 + 2 * t : 80 + 2 * t, 30 + t : 70 + t] for t in range(6)])
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 25, clean.shape), 0, 255).astype(np.uint8)
    return clean, noisy


def quality(outcome):
    return np.mean([json.loads(line)["psnr"] for line in outcome.out.splitlines()])


@pytest.mark.slow
def test_frames_gain_by_those_before_and_after(restored, folder, scene):
    clean, noisy = scene
    for name, stack in (("clean.tif", clean), ("noisy.tif", noisy)):
        tifffile.imwrite(name, stack, imagej=True, metadata={"axes": "TYX"})
    options = ("noisy.tif", *BALANCED, "--reference", "clean.tif", "--json")
    alone, together = (restored(*options, *more) for more in (("-o", "alone.tif"), ("-o", "together.tif", "--temporal")))
    assert quality(together) > quality(alone) + 0.5
    end = read_log("together.fit.jsonl")[3].end
    assert (end["parts"][0]["name"], end["parts"][0]["weight"]) == ("frames", 1.0)
    assert tifffile.imread("together.tif").shape == noisy.shape


def test_what_has_no_frames_is_refused(refused_denoise, folder, scene, noisy_png):
    _, noisy = scene
    np.save("a.npy", noisy)
    assert "no axis T or Z" in refused_denoise("a.npy", "--axes", "CYX", *BALANCED, "--temporal", names="a.npy")
    assert "one page" in refused_denoise("noisy.png", *BALANCED, "--temporal", names="noisy.png")
    assert "forms no groups of patches" in refused_denoise("noisy.png", "--temporal", names="--temporal", code=2)


def test_frames_without_common_noise_stay_as_they_are(denoise, folder, scene):
    np.save("a.npy", np.broadcast_to(np.linspace(0, 200, 24)[:, None], (3, 24, 24)).astype(np.float32))
    outcome = denoise("a.npy", "--axes", "TYX", "--preset", "balanced", "--max-iterations", "3", "--sigma", "0", "--temporal")
    assert outcome.code == 0
    assert "the frames were restored each by itself" in outcome.err


def test_what_frames_take_together_is_expected_from_the_first_page_on():
    seen = []
    shown = _Shown(lambda page, pages, now: seen.append((page, pages, now.done, now.left)), 2, 150.0)
    shown.page(0, Progress("fits", 50.0, 10.0))
    shown.page(1, Progress("fits", 60.0, 0.0))
    shown.together(Progress("frames together", 100.0, 200.0))
    assert seen == [(0, 2, 50.0, 160.0), (1, 2, 60.0, 150.0), (1, 2, 160.0, 200.0)]
