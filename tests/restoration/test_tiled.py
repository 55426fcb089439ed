"""Large images in tiles: one law, one depth and one iteration for all, as good as at once, and nothing done twice."""

import io
import pickle
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cgdenoise import MemoryLimitError, denoise, psnr
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.noise.jpeg import find_jpeg
from cgdenoise.restoration import memory
from cgdenoise.restoration.denoising import DenoisingRequest
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.memory import tiling_for
from cgdenoise.restoration.presets import PRESETS
from cgdenoise.restoration.sample import sample_of
from cgdenoise.restoration.tile_work import Here
from cgdenoise.restoration.tiled import KeptForOnce, denoise_tiles
from cgdenoise.restoration.tiles import Tiling
from cgdenoise.restoration.whole import denoise_whole

GUIDED = replace(PRESETS["balanced"], generators=(DecoderSpec((32, 32, 16)),), max_iterations=20)
FAST = replace(GUIDED, guided=False)
CLEAN = data.astronaut()[60:188, 170:298, 1].astype(float)
NOISY = CLEAN + 25 * np.random.default_rng(0).standard_normal(CLEAN.shape)
TILING = Tiling(*CLEAN.shape, 72, 16)


class Remembered(dict):
    """Tiles that are kept in memory."""

    find = dict.get

    def add(self, index, values):
        assert index not in self
        self[index] = values


def restored(image, preset=GUIDED, tiling=TILING, kept=None, hooks=None, crew=None, **known):
    bands = []
    request = DenoisingRequest(image, preset, seed=1, **known)
    result = denoise_tiles(
        request,
        tiling,
        lambda rows, values: bands.append(values),
        KeptForOnce() if kept is None else kept,
        crew or Here(),
        hooks or Hooks(),
    )
    return np.concatenate(bands)[..., 0], result


def test_tiles_are_as_good_as_the_whole():
    whole = denoise_whole(DenoisingRequest(NOISY, GUIDED, seed=1), Hooks())
    image, result = restored(NOISY)
    assert result.tiles == 4
    assert psnr(image, CLEAN, 255) > psnr(whole.image, CLEAN, 255) - 0.3
    assert result.sigma == pytest.approx(25, rel=0.15)
    assert [part.name for part in result.parts] == [part.name for part in whole.parts]


@pytest.mark.slow
def test_no_seam_is_left():
    """Near seams the error is at most 2 % above the rest, against that of the whole: a picture is not alike everywhere."""
    clean = np.concatenate([data.camera()[:160, 60:380], data.camera()[200:360, 60:380]]).astype(float)
    noisy = clean + 20 * np.random.default_rng(1).standard_normal(clean.shape)
    tiling = Tiling(*clean.shape, 176, 32)
    near = np.zeros(clean.shape, bool)
    for axis, starts in enumerate((tiling.rows, tiling.columns)):
        for edge in (*starts[1:], *(start + tiling.side for start in starts[:-1])):
            near[(slice(None),) * axis + (slice(edge - 8, edge + 8),)] = True

    def excess(image):
        error = (image - clean) ** 2
        return np.sqrt(error[near].mean() / error[~near].mean())

    image, _ = restored(noisy, tiling=tiling)
    whole = denoise_whole(DenoisingRequest(noisy, GUIDED, seed=1), Hooks())
    assert excess(image) < 1.02 * excess(whole.image)


@pytest.mark.slow
def test_a_change_of_unit_changes_the_unit_of_the_result_alone():
    integers = np.round(NOISY)
    image, _ = restored(integers, FAST)
    other, _ = restored(300 * integers - 1000, FAST)
    np.testing.assert_allclose(other, 300 * image - 1000, rtol=0, atol=1e-6 * 300 * 255)


def test_poisson_noise_is_stabilised_alike_in_all_tiles():
    rng = np.random.default_rng(1)
    counts = rng.poisson(CLEAN * 0.2 + 1).astype(float)
    image, result = restored(counts)
    assert result.noise.gain == pytest.approx(1, rel=0.2)
    assert psnr(image, CLEAN * 0.2 + 1, 51) > psnr(counts, CLEAN * 0.2 + 1, 51) + 4


def test_kept_tiles_are_not_made_again_and_give_the_same_bytes():
    kept = Remembered()
    image, _ = restored(NOISY, FAST, kept=kept)
    assert sorted(kept) == [0, 1, 2, 3]
    del kept[2]
    again, _ = restored(NOISY, FAST, kept=kept)
    assert again.tobytes() == image.tobytes()
    begun = []
    restored(NOISY, FAST, kept=kept, hooks=Hooks(progress=lambda now: begun.append(now.stage)))
    assert set(begun) == {"sample"}


class Elsewhere:
    """Restores tiles from what was sent there, and gives them back in the wrong order; notes how much that was."""

    def __init__(self):
        self.sent = []

    def restored(self, tasks, there, count, hooks):
        sent = [pickle.dumps(task) for task in tasks]
        self.sent += map(len, sent)
        for task in map(pickle.loads, reversed(sent)):
            yield task.index, task.restored(Hooks())


def test_tiles_that_come_in_any_order_from_elsewhere_give_the_same_bytes():
    noisy = NOISY.copy()
    noisy[::9, ::7] = 255  # impulses, of whose mask nothing is sent
    image, _ = restored(noisy, FAST)
    crew = Elsewhere()
    elsewhere, other = restored(noisy, FAST, crew=crew)
    assert elsewhere.tobytes() == image.tobytes()
    assert (other.tiles, len(crew.sent)) == (4, 4)
    assert max(crew.sent) < 72 * 72 * 8 + 20_000


def test_what_there_was_no_time_for_stays_as_it_was():
    kept, stages = Remembered(), []
    hooks = Hooks(lambda now: stages.append(now.stage), lambda: "tile 2 of 4" in stages)
    image, result = restored(NOISY, FAST, kept=kept, hooks=hooks)
    assert result.interrupted
    assert sorted(kept) == [0]
    assert (result.tiles, result.tiles_left) == (4, 3)
    np.testing.assert_allclose(image[-50:], NOISY[-50:], atol=1e-3)
    assert np.abs(image[:50, :50] - NOISY[:50, :50]).mean() > 5


def test_missing_pixels_are_filled_and_constant_parts_stay():
    image = NOISY.copy()
    image[:72, :72] = 7
    image[100:102, 100:102] = np.nan
    found, _ = restored(image)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:50, :50], 7, atol=1e-3)
    assert abs(found[100:102, 100:102] - CLEAN[100:102, 100:102]).mean() < 40


def test_stripes_stay_in_tiles_and_a_warning_says_so():
    """A wide image, of whose lines windows beside each other are parts."""
    rng = np.random.default_rng(3)
    image = np.tile(CLEAN, (1, 4)) + 5 * rng.standard_normal((128, 512)) + 8 * rng.standard_normal((128, 1))
    _, result = restored(image, replace(FAST, max_iterations=3), tiling=Tiling(128, 512, 384, 32))
    assert not any("stripes" in reason for reason in result.noise.reasons)
    assert [warning for warning in result.warnings if "stripes" in warning and "as a whole it would take 0.1 GB" in warning]


def as_jpeg(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


@pytest.mark.parametrize("channels", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_the_rounding_of_jpeg_is_undone_in_tiles_as_in_the_whole(channels):
    """Colours at half the resolution, too."""
    clean = np.squeeze(data.astronaut()[20:228, 90:426, :channels])
    image = as_jpeg(clean + np.random.default_rng(0).normal(0, 12, clean.shape), 50)
    request = DenoisingRequest(image, GUIDED, channel_axis=-1 if channels > 1 else None)
    whole = denoise_whole(request, Hooks())
    bands = []
    tiling = Tiling(208, 336, 208, 32, block=16)
    result = denoise_tiles(request, tiling, lambda rows, values: bands.append(values), KeptForOnce(), Here(), Hooks())
    assert result.tiles == 2
    assert result.noise.stored is not None
    assert result.warnings == ()
    assert psnr(np.squeeze(np.concatenate(bands)), clean, 255) > psnr(whole.image, clean, 255) - 0.2


def test_a_constant_image_is_given_back():
    image, result = restored(np.full(CLEAN.shape, 5.0))
    np.testing.assert_array_equal(image, 5)
    assert result.fits == ()


def test_the_sample_is_from_where_something_is_to_see():
    image = np.zeros((400, 500, 2), np.uint16)
    image[:, 250:] = np.random.default_rng(0).integers(0, 9, (400, 250, 2))
    sample = sample_of(image, 96)
    assert sample.shape == (96, 96, 2)
    assert (sample[::32, ::32].max() > 0).all()
    assert sample_of(np.ones((5, 3000, 1)), 96).shape == (5, 288, 1)


def test_jpeg_is_told_in_a_sample():
    noisy = data.astronaut()[:500, :430] + np.random.default_rng(0).normal(0, 15, (500, 430, 3))
    jpeg = find_jpeg(sample_of(as_jpeg(noisy, 80), 512).astype(float).data)
    assert jpeg is not None
    assert (jpeg.quality, jpeg.reduced) == (80, (2, 2))


class TestMemory:
    """What fits is restored at once, what does not in the largest tiles that fit."""

    @pytest.fixture(autouse=True)
    def machine(self, monkeypatch):
        monkeypatch.setattr(memory, "_OF_A_PROCESS", 100 << 20)
        monkeypatch.setattr(memory, "total_memory", lambda: 2000 << 20)
        monkeypatch.setattr(memory, "free_memory", lambda: 1500 << 20)

    def request_of(self, side, **choices):
        return DenoisingRequest(np.broadcast_to(np.uint8(3), (side, side)), PRESETS["fast"], **choices)

    def test_a_small_image_is_one(self):
        assert tiling_for(self.request_of(512), 0) is None

    @pytest.mark.parametrize(("megabytes", "side"), [(1000, 768), (500, 512), (310, 384), (230, 256)])
    def test_a_large_one_is_cut(self, megabytes, side):
        assert tiling_for(self.request_of(3000, memory=megabytes << 20), 0).side == side

    def test_tiles_that_were_begun_are_gone_on_with_if_they_fit(self):
        assert tiling_for(self.request_of(3000), 0, 384).side == 384
        assert tiling_for(self.request_of(512), 0, 256).side == 256
        assert tiling_for(self.request_of(3000, memory=310 << 20), 0, 768).side == 384

    def test_what_the_result_takes_counts(self):
        assert tiling_for(self.request_of(3000), 300 << 20).side == 512

    def test_too_little_memory_is_refused(self):
        refused = r"memory of 126 MB for an image of 3000x3000 pixels; expected \d+ MB or more"
        with pytest.raises(MemoryLimitError, match=refused):
            tiling_for(self.request_of(3000, memory=120 << 20), 0)

    @pytest.mark.parametrize(("free", "usual"), [(2000, 1000), (1125, 1000), (1124, 500), (500, 500), (499, 250), (0, 62.5)])
    def test_what_is_usual_hardly_hangs_on_what_others_hold(self, monkeypatch, free, usual):
        monkeypatch.setattr(memory, "free_memory", lambda: free << 20)
        assert memory.usual_memory() == int(usual * (1 << 20))

    def test_denoise_cuts_by_itself(self, monkeypatch):
        monkeypatch.setattr(memory, "SIDES", (72,))
        monkeypatch.setattr(memory, "bytes_needed", lambda size, channels, preset: size[0] * size[1] << 17)
        colour = np.stack([NOISY] * 2)
        result = denoise(colour, channel_axis=0, preset=GUIDED)
        assert result.tiles == 9
        assert result.image.shape == colour.shape
        assert psnr(result.image[0], CLEAN, 255) > psnr(NOISY, CLEAN, 255) + 1
