"""Pictures are restored page by page, and of a finished page no more is kept than is written."""

import math
import weakref
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from cgdenoise import images
from cgdenoise.errors import ImageError
from cgdenoise.fitlog.outcome import Names
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.jobs import pages as pages_module
from cgdenoise.jobs.options import Options
from cgdenoise.jobs.pages import Source, load, picture_and_log
from cgdenoise.noise.known import KnownNoise
from cgdenoise.restoration.presets import PRESETS
from cgdenoise.restoration.whole import denoise_whole


def options(**changes):
    preset = replace(PRESETS["fast"], generators=(DecoderSpec((32, 32, 16)),), probe_iterations=0, max_iterations=20)
    return replace(Options("denoise", preset, "fast", KnownNoise(), 0, "cpu", 1), **changes)


def source(array, name="a.npy"):
    picture = images.Picture((array,), None, "npy")
    return load(name, images.encode(picture, "npy", name))


def restore(given, **changes):
    defaults = {"reference": None, "progress": lambda page, progress: None, "cancelled": lambda: False}
    chosen = changes.pop("options", options())
    pages = pages_module.restore(given, chosen, **(defaults | changes))
    picture, records = picture_and_log(given, pages, chosen, Names("denoise", "a.npy", "b.npy", None, "fast"))
    return picture, [page.outcome for page in pages], records


def test_restore_tells_every_evaluation(noisy):
    seen = []
    picture, (outcome,), records = restore(source(noisy), progress=lambda page, now: seen.append((page, now.done)))
    assert [done - seen[-6][1] for _, done in seen[-5:]] == [1, 5, 10, 15, 20]
    assert {page for page, _ in seen} == {0}
    assert [r["iteration"] for r in records if r["type"] == "evaluation"] == [1, 5, 10, 15, 20]
    assert (outcome.status, outcome.error, outcome.psnr) == ("complete", None, None)
    assert picture.pages[0].dtype == np.uint8
    assert picture.pages[0].shape == noisy.shape


@pytest.mark.parametrize("shape", [(3, 300, 3), (2, 40, 17)])
def test_low_strips_of_files_have_their_channels_last(shape):
    strip = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    picture, (outcome,), _ = restore(Source(images.Picture((strip,), None, "tiff"), {"name": "a.tif", "sha256": ""}))
    assert picture.pages[0].shape == shape
    assert outcome.error is None


def test_pages_after_a_cancelled_one_stay_as_they_are(noisy):
    pages = (noisy, noisy[::-1].copy())
    given = Source(images.Picture(pages, None, "tiff"), {"name": "a.tif", "sha256": ""})
    asked = iter(range(1_000_000))
    picture, outcomes, records = restore(given, cancelled=lambda: next(asked) >= 15)
    assert [(outcome.page, outcome.status) for outcome in outcomes] == [(0, "interrupted")]
    assert np.array_equal(picture.pages[1], pages[1])
    assert {record["page"] for record in records} == {1}


@pytest.fixture
def pictures(monkeypatch):
    """Weak references to all that `denoise` gives: the image, the mask of impulses, and a part's image when it is made."""
    found = {"image": [], "impulses": [], "part": []}

    def watched(request, hooks):
        alive = [ref for refs in found.values() for ref in refs if ref() is not None]
        assert not alive, "a finished page's"
        result = denoise_whole(request, hooks)
        assert result.parts

        def made(part):
            array = part.image()
            found["part"].append(weakref.ref(array))
            return array

        found["image"].append(weakref.ref(result.image))
        found["impulses"].append(weakref.ref(result.noise.impulses))
        parts = tuple(replace(part, image=partial(made, part)) for part in result.parts)
        return replace(result, parts=parts)

    monkeypatch.setattr(pages_module, "denoise_whole", watched)
    return found


@pytest.mark.parametrize("compared", [False, True])
def test_of_a_finished_page_nothing_is_kept_but_what_is_stored(noisy, clean, pictures, compared):
    stack = images.Picture((noisy, noisy[::-1].copy(), noisy[:, ::-1].copy()), None, "tiff")
    reference = images.Picture((clean, clean[::-1].copy(), clean[:, ::-1].copy()), None, "tiff") if compared else None
    guided = options(preset=replace(options().preset, guided=True))
    picture, outcomes, records = restore(Source(stack, {"name": "a.tif", "sha256": ""}), reference=reference, options=guided)
    assert [page.dtype for page in picture.pages] == [np.uint8] * 3
    assert len(pictures["image"]) == 3
    assert not [ref for refs in pictures.values() for ref in refs if ref() is not None]
    assert len(pictures["part"]) == (6 if compared else 0)  # two a page, and not made for nothing
    parts = [record["parts"] for record in records if record["type"] == "end"]
    assert all(("psnr" in part) == compared for of_page in parts for part in of_page)
    assert [len(of_page) for of_page in parts] == [2, 2, 2]
    assert [outcome.result.parts for outcome in outcomes] == [()] * 3


def test_figures_are_of_the_stored_pixels(noisy, clean):
    picture, (outcome,), _ = restore(source(noisy), reference=images.Picture((clean,), None, "npy"))
    error = np.mean((picture.pages[0].astype(float) - clean) ** 2)
    assert outcome.psnr == pytest.approx(10 * math.log10(255**2 / error))


def test_reference_must_match_every_page(noisy, clean):
    for pages in ((clean[1:],), (clean, clean), (clean[..., 0],)):
        with pytest.raises(ImageError, match="the reference has shape"):
            restore(source(noisy), reference=images.Picture(pages, None, "tiff"))


@pytest.mark.parametrize(("room", "at_once", "share"), [(9_000, 1, 9_000), (9_000, 3, 3_000), (None, 1, None)])
def test_processes_share_the_memory(noisy, monkeypatch, room, at_once, share):
    seen = []
    monkeypatch.setattr("cgdenoise.jobs.large.tiling_for", lambda request, held, begun: seen.append(request.memory))
    restore(source(noisy), options=options(room=room, at_once=at_once))
    assert seen == [share]


def test_load_describes_the_file(noisy):
    found = source(noisy.astype(np.float32)).description
    assert (found["name"], found["container"], found["dtype"], found["shape"]) == ("a.npy", "npy", "float32", [24, 24, 3])
    assert len(found["sha256"]) == 64
