"""Where results go: a pure function of names; and pages, restored one by one."""

import math
import os
import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cgdenoise import images
from cgdenoise.errors import ImageError, OptionError
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.jobs import batch
from cgdenoise.jobs.batch import Job, Options, plan
from cgdenoise.restoration.denoise import denoise
from cgdenoise.restoration.presets import PRESETS
from cgdenoise.restoration.results import Denoised


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("sources", "output", "suffix", "targets"),
    [
        (["a.png"], None, "_d", ["a_d.png"]),
        (["x/a.png"], None, "_d", ["x/a_d.png"]),
        (["/x/a.b.TIF"], None, "_d", ["/x/a.b_d.TIF"]),
        (["a"], None, "_d", ["a_d"]),
        ([".png"], None, "_d", [".png_d"]),
        (["a.png", "b.npy"], None, "", None),
        (["a.png", "b.npy"], None, "-2", ["a-2.png", "b-2.npy"]),
        (["x/a.png", "y/a.png"], None, "_d", ["x/a_d.png", "y/a_d.png"]),
        (["a.png"], "b.tif", "_d", ["b.tif"]),
        (["a.png"], "out", "_d", ["out/a_d.png"]),
        (["a.png"], "out/", "", ["out/a.png"]),
        (["a.png"], "new/", "_d", ["new/a_d.png"]),
        (["x/a.png", "x/b.png"], "out", "_d", ["out/a_d.png", "out/b_d.png"]),
        (["a.png"], "-", "_d", ["-"]),
        (["-"], None, "_d", ["-"]),
        (["-"], "-", "_d", ["-"]),
        (["-"], "b.png", "_d", ["b.png"]),
        (["-"], "out", "_d", ["out/stdin_d.png"]),
        (["-", "a.png"], "out", "_d", ["out/stdin_d.png", "out/a_d.png"]),
        (["a.png"], None, "", None),
        (["a.png"], "a.png", "_d", None),
        (["a.png"], "./out/../a.png", "_d", None),
        (["out/a.png"], "out", "", None),
        (["a.png", "a_d.png"], None, "_d", None),
        (["a.png", "a.png"], None, "_d", None),
        (["a.png", "./a.png"], None, "_d", None),
        (["a.png", "b.png"], "c.png", "_d", None),
        (["a.png", "b.png"], "-", "_d", None),
        (["x/a.png", "y/a.png"], "out", "_d", None),
        (["-", "-"], None, "_d", None),
    ],
)
def test_plan(sources, output, suffix, targets):
    if targets is None:
        with pytest.raises(OptionError, match="expected"):
            plan(sources, output, suffix)
    else:
        found = plan(sources, output, suffix)
        assert [job.source for job in found] == sources
        assert [job.target for job in found] == targets


def test_plan_follows_links(folder):
    (folder / "link.png").symlink_to("a.png")
    with pytest.raises(OptionError, match=r"link.png: is an input"):
        plan(["a.png"], "link.png", "")


def test_plan_touches_no_file(folder):
    plan(["a.png", "b.png"], "new/", "_d")
    assert os.listdir(folder) == ["out"]


@pytest.mark.parametrize(
    ("target", "log"),
    [("a.png", "a.fit.jsonl"), ("x/a.b.tif", "x/a.b.fit.jsonl"), ("-", None)],
)
def test_log_lies_beside_the_target(target, log):
    assert Job("in.png", target).log == (None if log is None else Path(log))


def test_two_jobs_never_share_a_log():
    with pytest.raises(OptionError, match=r"^a_d.fit.jsonl: two inputs would be written there"):
        plan(["a.png", "a.tif"], None, "_d")


@pytest.mark.parametrize(
    ("reference", "peak"),
    [
        (np.zeros(3, np.uint8), 255),
        (np.zeros(3, np.uint16), 65535),
        (np.array([0.0, 0.4]), 1),
        (np.array([0.0, np.nan, 1.0]), 1),
        (np.array([-1.0, 3.0]), 4),
        (np.array([0.0, 255.0]), 255),
    ],
)
def test_peak_of(reference, peak):
    assert batch.peak_of(reference) == peak


def options(**changes):
    preset = replace(PRESETS["fast"], decoders=(DecoderSpec((32, 32, 16)),), trial_iterations=0, max_iterations=20)
    return replace(Options(preset, "fast", None, 0, "cpu", 1), **changes)


def source(array, name="a.npy"):
    picture = images.Picture((array,), None, "npy")
    return batch.load(name, images.encode(picture, "npy", name))


def restore(given, **changes):
    defaults = {"reference": None, "progress": lambda page, progress: None, "cancelled": lambda: False}
    return batch.restore(given, changes.pop("options", options()), **(defaults | changes))


def test_restore_tells_every_evaluation(noisy):
    seen = []
    picture, (outcome,), records = restore(source(noisy), progress=lambda page, now: seen.append((page, now.done)))
    assert seen[-5:] == [(0, 1), (0, 5), (0, 10), (0, 15), (0, 20)]
    assert [r["iteration"] for r in records if r["type"] == "evaluation"] == [1, 5, 10, 15, 20]
    assert (outcome.status, outcome.error, outcome.psnr) == ("complete", None, None)
    assert picture.pages[0].dtype == np.uint8
    assert picture.pages[0].shape == noisy.shape


@pytest.mark.parametrize("shape", [(3, 300, 3), (2, 40, 17)])
def test_low_strips_of_files_have_their_channels_last(shape):
    strip = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    picture, (outcome,), _ = restore(batch.Source(images.Picture((strip,), None, "tiff"), {"name": "a.tif"}))
    assert picture.pages[0].shape == shape
    assert outcome.error is None


def test_pages_after_a_cancelled_one_stay_as_they_are(noisy):
    pages = (noisy, noisy[::-1].copy())
    given = batch.Source(images.Picture(pages, None, "tiff"), {"name": "a.tif"})
    asked = iter(range(1_000_000))
    picture, outcomes, records = restore(given, cancelled=lambda: next(asked) >= 15)
    assert [(outcome.page, outcome.status) for outcome in outcomes] == [(0, "interrupted")]
    assert np.array_equal(picture.pages[1], pages[1])
    assert {record["page"] for record in records} == {0}


@pytest.fixture
def pictures(monkeypatch):
    """Weak references to all that `denoise` gives: the image, the mask of impulses, and a part's image when it is made."""
    found = {"image": [], "impulses": [], "part": []}

    def watched(page, **options):
        alive = [ref for refs in found.values() for ref in refs if ref() is not None]
        assert not alive, "a finished page's"
        image, result = denoise(page, **options)
        assert result.parts

        def made(part):
            array = part.image()
            found["part"].append(weakref.ref(array))
            return array

        found["image"].append(weakref.ref(image))
        found["impulses"].append(weakref.ref(result.noise.impulses))
        parts = tuple(replace(part, image=partial(made, part)) for part in result.parts)
        return Denoised(image, replace(result, parts=parts))

    monkeypatch.setattr(batch, "denoise", watched)
    return found


@pytest.mark.parametrize("compared", [False, True])
def test_of_a_finished_page_nothing_is_kept_but_what_is_stored(noisy, clean, pictures, compared):
    stack = images.Picture((noisy, noisy[::-1].copy(), noisy[:, ::-1].copy()), None, "tiff")
    reference = images.Picture((clean, clean[::-1].copy(), clean[:, ::-1].copy()), None, "tiff") if compared else None
    guided = options(preset=replace(options().preset, guided=True))
    picture, outcomes, records = restore(batch.Source(stack, {"name": "a.tif"}), reference=reference, options=guided)
    assert [page.dtype for page in picture.pages] == [np.uint8] * 3
    assert len(pictures["image"]) == 3
    assert not [ref for refs in pictures.values() for ref in refs if ref() is not None]
    assert len(pictures["part"]) == (12 if compared else 0)  # four a page, and not made for nothing
    parts = [record["parts"] for record in records if record["type"] == "end"]
    assert all(("psnr" in part) == compared for of_page in parts for part in of_page)
    assert [len(of_page) for of_page in parts] == [4, 4, 4]
    assert [outcome.result.parts for outcome in outcomes] == [()] * 3


def test_figures_are_of_the_stored_pixels(noisy, clean):
    picture, (outcome,), _ = restore(source(noisy), reference=images.Picture((clean,), None, "npy"))
    error = np.mean((picture.pages[0].astype(float) - clean) ** 2)
    assert outcome.psnr == pytest.approx(10 * math.log10(255**2 / error))


def test_reference_must_match_every_page(noisy, clean):
    for pages in ((clean[1:],), (clean, clean), (clean[..., 0],)):
        with pytest.raises(ImageError, match="the reference has shape"):
            restore(source(noisy), reference=images.Picture(pages, None, "tiff"))


def test_load_describes_the_file(noisy):
    found = source(noisy.astype(np.float32)).description
    assert (found["name"], found["container"], found["dtype"], found["shape"]) == ("a.npy", "npy", "float32", [24, 24, 3])
    assert len(found["sha256"]) == 64


def test_check_target_names_the_container(folder, noisy):
    picture = source(noisy).picture
    assert batch.check_target(Job("a.npy", "b.tif"), picture, force=False) == "tiff"
    assert batch.check_target(Job("a.npy", "-"), picture, force=False) == "npy"
    (folder / "b.png").touch()
    with pytest.raises(ImageError, match=r"b.png: exists"):
        batch.check_target(Job("a.npy", "b.png"), picture, force=False)
    assert batch.check_target(Job("a.npy", "b.png"), picture, force=True) == "png"
    assert sorted(os.listdir(folder)) == ["b.png", "out"]
