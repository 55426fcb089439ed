"""`denoise` on real pictures: better than the noise, equivariant, reproducible, and clear about bad arrays."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage import data

import cgdenoise
from cgdenoise import ImageError, OptionError, denoise
from cgdenoise.fitting.optimiser import OptimiserSpec
from cgdenoise.fitting.plan import Preset
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.presets import PRESETS

QUICK = replace(PRESETS["fast"], probe_iterations=15, max_iterations=80)
TINY = replace(QUICK, generators=QUICK.generators[:1], max_iterations=20)
CLEAN = data.astronaut()[60:156, 170:266].astype(float)
NOISY = CLEAN + 25 * np.random.default_rng(0).standard_normal(CLEAN.shape)


def test_colour_photograph_gains_several_decibels():
    result = denoise(NOISY, preset=QUICK)
    restored = result.image
    assert cgdenoise.psnr(restored, CLEAN, 255) > cgdenoise.psnr(NOISY, CLEAN, 255) + 4
    assert result.sigma_estimated
    assert result.sigma == pytest.approx(25, rel=0.15)
    assert result.depth in (4, 5)


def test_grey_photograph_gains_several_decibels():
    clean = data.camera()[100:196, 200:296].astype(float)
    noisy = clean + 25 * np.random.default_rng(1).standard_normal(clean.shape)
    restored = denoise(noisy, preset=QUICK).image
    assert restored.shape == clean.shape
    assert cgdenoise.psnr(restored, clean, 255) > cgdenoise.psnr(noisy, clean, 255) + 4


@pytest.mark.parametrize(("a", "b"), [(257, 0), (3, 1000), (0.5, -20)])
def test_a_change_of_unit_changes_the_unit_of_the_result_alone(a, b):
    # Many equal values, as in any 8-bit file: where they tie, a rounding must not decide.
    integers = np.clip(np.round(NOISY), 0, 255)
    result = denoise(integers, preset=TINY)
    restored = result.image
    other_result = denoise(a * integers + b, preset=TINY)
    other = other_result.image
    assert other_result.fits[0].iteration == result.fits[0].iteration
    np.testing.assert_allclose(other, a * restored + b, rtol=0, atol=1e-6 * a * 255)
    assert other_result.sigma == pytest.approx(a * result.sigma, rel=1e-12)


def test_same_seed_same_bytes_other_seed_other_bytes():
    first, second, other = (denoise(NOISY, preset=TINY, seed=seed, device="cpu").image for seed in (3, 3, 4))
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != other.tobytes()


def test_observers_change_nothing_and_see_every_evaluation():
    seen = []
    result = denoise(NOISY, preset=TINY, progress=Hooks(observers=[seen.append]))
    watched = result.image
    assert watched.tobytes() == denoise(NOISY, preset=TINY).image.tobytes()
    assert [snapshot.iteration for snapshot in seen] == [1, 5, 10, 15, 20]
    assert seen[-1].image().shape == NOISY.shape
    (fit,) = result.fits
    (chosen,) = (snapshot for snapshot in seen if snapshot.iteration == fit.iteration)
    assert (chosen.residual_rms, chosen.held_out_rms) == (fit.residual_rms, fit.held_out_rms)


def test_missing_pixels_are_filled_with_what_surrounds_them():
    ramp = np.add.outer(np.linspace(0, 100, 48), np.linspace(0, 100, 48))
    noisy = ramp + 3 * np.random.default_rng(2).standard_normal(ramp.shape)
    noisy[20:24, 20:24] = np.nan
    restored = denoise(noisy, preset=QUICK).image
    assert np.isfinite(restored).all()
    assert np.abs(restored - ramp)[20:24, 20:24].mean() < 10


def test_one_missing_channel_value_does_not_cost_the_pixel():
    holes = NOISY.copy()
    holes[10:20, 10:20, 1] = np.nan
    restored = denoise(holes, preset=TINY).image
    assert np.isfinite(restored).all()


@pytest.mark.parametrize("value", [0, 7.5])
@pytest.mark.parametrize("shape", [(16, 16), (1, 1), (5, 4, 3)])
def test_constant_image_is_given_back(value, shape):
    image = np.full(shape, value)
    result = denoise(image)
    restored = result.image
    np.testing.assert_array_equal(restored, image)
    assert result.fits == ()


def test_constant_channels_of_different_values_are_given_back_with_gaps_filled():
    image = np.ones((6, 6, 3)) * [1.0, 2.0, 3.0]
    holes = image.copy()
    holes[2, 2] = np.nan
    np.testing.assert_array_equal(denoise(holes).image, image)


@pytest.mark.parametrize("shape", [(3, 5), (1, 7), (2, 1), (4, 4, 3), (9, 2, 2)])
def test_tiny_images_are_restored(shape):
    image = np.random.default_rng(3).uniform(0, 255, shape)
    restored = denoise(image, preset=TINY, sigma=50).image
    assert restored.shape == shape
    assert np.isfinite(restored).all()


@pytest.mark.parametrize("guided", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_groups_restore_alone_where_all_fits_are_stuck(guided):
    stuck = replace(TINY, max_iterations=100, optimiser=OptimiserSpec("adam", 1e-9), guided=guided)
    result = denoise(NOISY, preset=stuck, sigma=25)
    restored = result.image
    assert all(fit.failed for fit in result.fits)
    assert "failed" in result.warnings[0]
    assert [part.name for part in result.parts] == ["guide"]
    assert np.mean((restored - CLEAN) ** 2) < 0.5 * np.mean((NOISY - CLEAN) ** 2)


def test_stripes_are_taken_away_first_and_said():
    clean = data.astronaut()[60:220, 130:290].astype(float)
    noisy = clean + 10 * np.random.default_rng(0).standard_normal(clean.shape)
    striped = noisy + 12 * np.random.default_rng(1).standard_normal((160, 1, 1))
    result, without = (denoise(image, preset=TINY) for image in (striped, noisy))
    assert cgdenoise.psnr(result.image, clean, 255) > cgdenoise.psnr(without.image, clean, 255) - 1.5
    assert result.noise.reasons[0].startswith("stripes were taken away first: offsets of rows 1")
    assert not any("stripes" in reason for reason in without.noise.reasons)


@pytest.mark.parametrize("without", [torch.no_grad, torch.inference_mode])
def test_it_works_where_no_gradients_are_wanted(without):
    with without():
        image = denoise(NOISY, preset=TINY).image
    assert image.tobytes() == denoise(NOISY, preset=TINY).image.tobytes()


def test_a_gain_of_nothing_is_said():
    white = 100 + np.random.default_rng(4).standard_normal((64, 64))
    result = denoise(white, noise="poisson", preset=TINY)
    assert result.noise.kind == "gaussian"
    assert "no poisson noise" in result.warnings[0]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((8, 8), np.nan), "NaN"),
        (np.array([[1.0, np.inf], [0.0, 2.0]]), "1 infinite"),
        (np.zeros(7), r"shape \(7,\)"),
        (np.zeros((2, 2, 2, 2)), "shape"),
        (np.zeros((0, 4)), "empty"),
        (np.zeros((4, 4), complex), "complex128"),
        (np.zeros((4, 4), bool), "bool"),
    ],
)
def test_bad_arrays_are_refused_with_what_was_found(image, message):
    with pytest.raises(ImageError, match=message):
        denoise(image)


@pytest.mark.parametrize("axis", [0, 1, -3])
def test_channels_may_be_on_any_axis(axis):
    result = denoise(NOISY, preset=TINY)
    expected = result.image
    seen = []
    other = denoise(np.moveaxis(NOISY, -1, axis), preset=TINY, channel_axis=axis, progress=Hooks(observers=[seen.append]))
    found = other.image
    np.testing.assert_array_equal(found, np.moveaxis(expected, -1, axis))
    assert seen[-1].image().shape == found.shape
    assert other.sigma == result.sigma
    constant = np.ones((6, 7, 3)) * [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(
        denoise(np.moveaxis(constant, -1, axis), channel_axis=axis).image, np.moveaxis(constant, -1, axis)
    )


@pytest.mark.parametrize("axis", [None, -1, 0, 2, 7])
def test_the_axis_of_channels_means_nothing_to_grey_arrays(axis):
    np.testing.assert_array_equal(denoise(np.ones((4, 300)), channel_axis=axis).image, np.ones((4, 300)))


@pytest.mark.parametrize("shape", [(3, 256, 256), (1, 64, 64), (4, 16, 17)])
def test_an_array_with_channels_first_is_refused_unless_it_is_said(shape):
    with pytest.raises(ImageError, match=re.escape(f"{shape}") + r".*channels first.*channel_axis=0.*channel_axis=-1"):
        denoise(np.zeros(shape))
    assert denoise(np.zeros(shape), channel_axis=0).image.shape == shape
    assert denoise(np.zeros(shape), channel_axis=-1).image.shape == shape


@pytest.mark.parametrize("shape", [(3, 300, 3), (1, 300, 4), (4, 5, 16), (256, 256, 31), (1, 2, 3)])
def test_an_array_that_may_well_have_its_channels_last_is_not_refused(shape):
    assert denoise(np.zeros(shape)).image.shape == shape


@pytest.mark.parametrize("axis", [3, -4])
def test_an_axis_that_an_array_does_not_have_is_refused(axis):
    with pytest.raises(OptionError, match=f"channel_axis {axis}; expected"):
        denoise(np.zeros((8, 8, 3)), channel_axis=axis)


def test_masked_values_are_missing_values():
    integers = np.clip(np.round(NOISY), 0, 255).astype(np.int16)
    mask = np.zeros(integers.shape, bool)
    mask[10:20, 10:20, 1] = True
    holes = np.where(mask, np.nan, integers)
    integers[mask] = 9999
    found = denoise(np.ma.array(integers, mask=mask), preset=TINY).image
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, denoise(holes, preset=TINY).image)
    moved = np.moveaxis(np.ma.array(integers, mask=mask), -1, 0)
    np.testing.assert_array_equal(denoise(moved, preset=TINY, channel_axis=0).image, np.moveaxis(found, -1, 0))


def test_a_masked_value_may_be_anything():
    image = np.ma.masked_invalid(np.array([[1.0, np.inf], [np.nan, 1.0]]))
    np.testing.assert_array_equal(denoise(image).image, np.ones((2, 2)))
    with pytest.raises(ImageError, match="NaN or masked"):
        denoise(np.ma.masked_all((4, 4)))


@pytest.mark.parametrize("wrong", [{"sigma": -1}, {"sigma": np.nan}, {"preset": "best?"}, {"seed": -1}, {"device": "abacus"}])
def test_bad_parameters_are_refused(wrong):
    with pytest.raises(OptionError, match="expected"):
        denoise(NOISY, **wrong)


def test_paper_preset_runs_its_network_on_the_whole_range():
    result = denoise(NOISY[:40, :40], preset=replace(PRESETS["paper"], max_iterations=3))
    assert result.depth <= 6
    assert np.isnan(result.fits[0].held_out_rms)
    assert result.fits[0].reason == "budget"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        MemoryError("no memory for the work space of forward"),
    ],
)
def test_running_out_of_memory_is_said_with_the_size(monkeypatch, error):
    def run(self):
        raise error

    monkeypatch.setattr("cgdenoise.restoration.pipeline.Ensemble.run", run)
    with pytest.raises(cgdenoise.MemoryLimitError, match="96x96"):
        denoise(NOISY)


def test_a_defect_is_not_called_a_lack_of_memory(monkeypatch):
    def run(self):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr("cgdenoise.restoration.pipeline.Ensemble.run", run)
    with pytest.raises(RuntimeError, match="mat1"):
        denoise(NOISY)


def test_a_non_local_last_step_restores_better_and_fills_what_is_missing():
    clean = data.camera()[100:148, 200:248] / 255
    noisy = clean + 0.1 * np.random.default_rng(0).standard_normal(clean.shape)
    noisy[5:8, 30] = np.nan
    spec = DecoderSpec((32, 32, 16))
    alone = Preset(generators=(spec,), probe_iterations=0, members=1, max_iterations=60, patience=20)
    error = {
        guided: np.square(cgdenoise.denoise(noisy, preset=replace(alone, guided=guided)).image - clean).mean()
        for guided in (False, True)
    }
    assert error[True] < 0.9 * error[False]  # and finite, for NaN compares as false


def test_the_groups_leave_what_has_no_noise_and_interrupted_restorations_alone():
    y = np.add.outer(np.arange(24.0), np.arange(24.0)) / 46 + 0.05 * np.random.default_rng(0).standard_normal((24, 24))
    alone = Preset(generators=(DecoderSpec((16, 16, 8)),), probe_iterations=0, members=1, max_iterations=60, patience=20)
    guided = replace(alone, guided=True)
    assert cgdenoise.denoise(y, sigma=0, preset=guided).image == pytest.approx(y, abs=1e-5)

    def restored(preset):
        calls = iter(range(100))
        return cgdenoise.denoise(y, sigma=0.1, preset=preset, progress=Hooks(cancelled=lambda: next(calls) > 40))

    assert restored(guided).interrupted
    assert np.array_equal(restored(guided).image, restored(alone).image)


LIGHT = Preset(generators=(DecoderSpec((16, 16, 8)),), probe_iterations=0, members=1, max_iterations=60, patience=20, guided=True)
HOLES = np.where(np.random.default_rng(4).random((24, 24)) < 0.3, np.nan, 5 * np.add.outer(np.arange(24.0), np.arange(24.0)))


def test_progress_runs_through_all_stages_to_the_end():
    seen = []
    denoise(HOLES, sigma=5, preset=LIGHT, progress=seen.append)
    stages = list(dict.fromkeys(now.stage for now in seen))
    assert stages == ["stripes", "measuring noise", "fits", "missing pixels", "similar patches", "last check"]
    assert [now.done for now in seen] == sorted(now.done for now in seen)
    assert seen[1].left > 60  # the stages after the fit count, too
    assert seen[-1].left == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("stage", ["missing pixels", "similar patches"])
def test_a_stage_after_the_fits_ends_at_its_next_step_when_it_is_cancelled(stage):
    seen = []
    result = denoise(
        HOLES,
        sigma=5,
        preset=LIGHT,
        progress=Hooks(progress=seen.append, cancelled=lambda: bool(seen) and seen[-1].stage == stage),
    )
    restored = result.image
    assert sum(now.stage == stage for now in seen) == 1
    assert seen[-1].stage == stage
    assert result.interrupted
    assert [(part.name, part.weight) for part in result.parts if part.weight] == [("generator", 1.0)]
    assert np.isfinite(restored).all()


@pytest.mark.parametrize("stage", ["fill_missing", "filter_patches"])
def test_what_there_is_is_kept_if_the_patches_run_out_of_memory(monkeypatch, stage):
    def lacking(*args, **choices):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")

    monkeypatch.setattr(f"cgdenoise.restoration.patch_stages.{stage}", lacking)
    result = denoise(HOLES, sigma=5, preset=LIGHT)
    assert [found.name for found in result.parts if found.weight] == ["generator"]
    assert "not enough memory for the groups" in result.warnings[0]
    assert np.isfinite(result.image).all()
    assert not result.interrupted
