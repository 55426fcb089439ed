"""Reconstruction from an array of measurements: what comes back, in which unit, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage import data, transform

from cgdenoise.errors import MeasurementError, OptionError
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.fitting.members import TooEarlyError
from cgdenoise.fitting.optimiser import OptimiserSpec
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.operators import (
    Coils,
    ComplexFromReal,
    DenseMatrix,
    Fourier,
    PixelMask,
    SubsampledDCT,
    random_matrix,
    subsampled_fourier,
)
from cgdenoise.restoration import reconstructing
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.presets import RECONSTRUCTION
from cgdenoise.restoration.reconstruct import reconstruct
from cgdenoise.restoration.results import RestorationError

LIGHT = replace(
    RECONSTRUCTION["fast"], generators=(DecoderSpec((64, 64, 32)),), probe_iterations=0, max_iterations=150, patience=40
)
QUICK = replace(LIGHT, max_iterations=10)


@pytest.fixture(scope="module")
def image():
    """A smooth photograph, (32, 32), 0 to 255."""
    return transform.resize(data.camera().astype(float)[:256, 128:384], (32, 32), anti_aliasing=True)


def measure(operator, image):
    return operator(torch.from_numpy(image)).numpy()


def error(found, expected):
    return float(np.sqrt(np.mean(np.abs(found - expected) ** 2)))


def test_missing_pixels_come_back_and_measured_ones_stay(image):
    mask = torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(0)) < 0.5
    operator = PixelMask(mask)
    y = np.where(mask, image, np.nan)
    result = reconstruct(operator, y, sampling=Sampling.pixels(mask), preset=LIGHT, device="cpu")
    found = result.image
    assert found.shape == (1, 32, 32)
    np.testing.assert_allclose(found[mask.numpy()], image[mask.numpy()[0]], atol=1e-3)
    missing = ~mask.numpy()
    assert error(found[missing], image[missing[0]]) < 0.6 * image[missing[0]].std()
    assert (result.depth, len(result.fits), result.interrupted) == (3, 1, False)


WHOLE = PixelMask(torch.ones(1, 32, 32))
HALF = (torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(0)) < 0.5).float()


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("sigma", [0.0, 3.0])
def test_values_that_were_not_measured_are_no_zeros(image, guided, sigma):
    preset = replace(LIGHT, guided=guided)
    result = reconstruct(WHOLE, image[None], sampling=Sampling.pixels(HALF), sigma=sigma, preset=preset, device="cpu")
    found = result.image
    missing = HALF.numpy() == 0
    truth, generator = image[None][missing], result.parts[-1].image()
    assert error(found[missing], truth) < min(0.6 * truth.std(), 1.2 * error(generator[missing], truth))


@pytest.mark.parametrize("guided", [False, True])
def test_rows_that_are_not_valid_are_as_good_as_not_there(image, guided):
    matrix = np.random.default_rng(0).standard_normal((700, 1024)) / 26
    kept = np.random.default_rng(1).random(700) < 0.7
    sampling = replace(Sampling.entries((700,)), valid=torch.from_numpy(kept).float())
    y, whole, rows = matrix @ image.ravel(), DenseMatrix(matrix, (32, 32)), DenseMatrix(matrix[kept], (32, 32))

    def found(operator, y, sampling=None):
        # Orthogonalised steps make much of rounding: sums of another order.
        preset = replace(QUICK, guided=guided, reduced_precision=False, optimiser=OptimiserSpec("adam", 0.01))
        return reconstruct(operator, y, sampling=sampling, preset=preset, device="cpu").image

    expected = found(whole, y, sampling)
    assert np.array_equal(found(PixelMask(kept) @ whole, y, sampling), expected)
    assert np.array_equal(found(whole, np.where(kept, y, 1e30), sampling), expected)
    # The groups find eigenvectors to a millionth of the largest power, in each of their passes.
    np.testing.assert_allclose(found(rows, y[kept]), expected, rtol=0, atol=0.5 if guided else 1e-3)


@pytest.mark.parametrize("make", [random_matrix, SubsampledDCT])
def test_half_the_measurements_give_the_image_of_any_unit(image, make):
    operator = make((32, 32), 512, 1)
    y = measure(operator, image)
    result = reconstruct(operator, y, preset=LIGHT, device="cpu")
    found, scale, evidence = result.image, result.scale, result.evidence
    least_norm = operator.adjoint(torch.from_numpy(y)).numpy() * 0.5
    assert error(found, image) < 0.5 * error(least_norm, image)
    smaller = reconstruct(operator, y * 1e-4, preset=LIGHT, device="cpu")
    np.testing.assert_allclose(smaller.image * 1e4, found, rtol=1e-9)
    assert smaller.scale.factor == pytest.approx(scale.factor * 1e-4, rel=1e-9)
    assert (
        evidence.held_out.rms == pytest.approx(result.fits[0].held_out_rms) == pytest.approx(smaller.evidence.held_out.rms * 1e4)
    )
    assert evidence.held_out.rms < 0.6 * evidence.held_out.constant_rms
    assert evidence.result.rms < 1e-3 * evidence.result.constant_rms


def test_evidence_is_against_another_operator(image):
    y = measure(random_matrix((32, 32), 700, 1), image)
    evidence = reconstruct(random_matrix((32, 32), 700, 2), y, preset=LIGHT, device="cpu").evidence
    assert evidence.explains_nothing
    assert evidence.held_out.count == 35


def test_lines_of_a_fourier_plane_are_not_held_out_fairly(image):
    lines = np.tile((np.arange(32) % 2 == 0) | (abs(np.arange(32) - 16) < 4), (32, 1))
    operator = subsampled_fourier(lines, (32, 32)) @ ComplexFromReal((32, 32))
    sampling = Sampling.lines(torch.from_numpy(lines), (32, 32))
    evidence = reconstruct(operator, measure(operator, image), sampling=sampling, preset=LIGHT, device="cpu").evidence
    assert not evidence.sampled_fairly
    assert not evidence.explains_nothing
    assert evidence.doubt(0.01) is None


def test_complex_image_has_a_phase(image):
    rows = np.linspace(-1, 1, 32)
    truth = image * np.exp(1j * (rows[:, None] + 0.5 * rows))
    lines = np.tile((np.arange(32) % 2 == 0) | (abs(np.arange(32) - 16) < 4), (32, 1))
    operator = subsampled_fourier(lines, (32, 32))
    y = measure(operator, truth)
    found = reconstruct(operator, y, sampling=Sampling.lines(torch.from_numpy(lines), (32, 32)), preset=LIGHT, device="cpu").image
    assert found.dtype == np.complex128
    np.testing.assert_allclose(measure(operator, found), y, atol=1e-2)
    assert error(found, truth) < 0.85 * error(operator.adjoint(torch.from_numpy(y)).numpy(), truth)


def test_real_image_behind_complex_measurements_is_real(image):
    operator = Fourier((32, 32)) @ ComplexFromReal((32, 32))
    found = reconstruct(operator, measure(operator, image), preset=QUICK, device="cpu").image
    assert found.dtype == np.float64
    assert error(found, image) < 0.1  # all is measured


def test_images_of_several_coils_are_channels(image):
    maps = np.stack([np.full((32, 32), 0.6), np.full((32, 32), 0.8j)]).astype(np.complex64)
    whole = Fourier((2, 32, 32))
    single = whole @ Coils(maps)
    y = measure(single, image.astype(complex))
    combined = reconstruct(single, y, preset=QUICK, device="cpu").image
    separate = reconstruct(whole, y, preset=QUICK, device="cpu").image
    assert error(combined, image) < 0.1
    assert separate.shape == (2, 32, 32)
    assert error(separate, maps * image) < 0.1


def test_noisy_measurements_are_not_reproduced(image):
    operator = random_matrix((32, 32), 900, 1)
    clean = measure(operator, image)
    y = clean + np.random.default_rng(0).normal(0, 10, clean.shape)
    exact = reconstruct(operator, y, preset=LIGHT, device="cpu").image
    result = reconstruct(operator, y, sigma=10.0, preset=LIGHT, device="cpu")
    smooth = result.image
    assert error(measure(operator, exact), y) < 4 < error(measure(operator, smooth), y)
    assert error(smooth, image) < error(exact, image)
    assert result.sigma == 10


def test_same_seed_gives_the_same_bytes(image):
    operator = random_matrix((32, 32), 300, 1)
    y = measure(operator, image)
    a, b, c = (reconstruct(operator, y, preset=QUICK, seed=seed, device="cpu").image for seed in (0, 0, 1))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


@pytest.mark.parametrize(
    "operator",
    [random_matrix((32, 32), 500, 1), Fourier((32, 32)) @ ComplexFromReal((32, 32))],
    ids=["real", "complex"],
)
def test_snapshots_have_the_image_and_errors_in_its_unit(image, operator):
    y = measure(operator, image)
    seen = []
    preset = replace(LIGHT, hold_out=0.0, stop="none", max_iterations=60)
    reconstruct(
        operator, y, preset=preset, device="cpu", progress=Hooks(observers=[lambda s: seen.append((s.residual_rms, s.image()))])
    )
    rms, last = seen[-1]
    assert rms == pytest.approx(error(measure(operator, last), y), rel=1e-2)


def test_interrupted_run_keeps_its_image(image):
    operator = random_matrix((32, 32), 500, 1)
    asked = iter(range(1000))
    result = reconstruct(
        operator, measure(operator, image), preset=LIGHT, device="cpu", progress=Hooks(cancelled=lambda: next(asked) == 40)
    )
    found = result.image
    assert result.interrupted
    assert np.isfinite(found).all()
    with pytest.raises(TooEarlyError):
        reconstruct(operator, measure(operator, image), preset=LIGHT, device="cpu", progress=Hooks(cancelled=lambda: True))


def test_parts_tell_what_the_image_is_made_of(image):
    operator = random_matrix((32, 32), 500, 1)
    y = measure(operator, image)
    alone = reconstruct(operator, y, preset=replace(QUICK, competition=False), device="cpu").parts
    assert [(part.name, part.weight) for part in alone] == [("generator", 1.0)]
    rivals = reconstruct(operator, y, preset=QUICK, device="cpu").parts
    assert [part.name for part in rivals] == ["total variation", "generator"]
    assert rivals[0].weight > 0.5  # ten iterations do not make a generator
    result = reconstruct(operator, y, preset=replace(QUICK, guided=True), device="cpu")
    found = result.image
    whole, variation, generator = result.parts
    assert [part.name for part in result.parts] == ["both", "total variation", "generator"]
    assert sum(part.weight for part in result.parts) == pytest.approx(1)
    np.testing.assert_allclose(measure(operator, found), y, atol=1)
    for part in (whole, variation):
        assert error(part.image(), image) < error(generator.image(), image) < image.std()


def test_without_held_out_measurements_there_is_no_contest(image):
    operator = random_matrix((32, 32), 500, 1)
    preset = replace(QUICK, guided=True, hold_out=0.0, stop="none")
    result = reconstruct(operator, measure(operator, image), preset=preset, device="cpu")
    whole, generator = result.parts
    assert (whole.name, whole.weight, generator.name, generator.weight) == ("both", 1.0, "generator", 0.0)
    assert np.array_equal(whole.image(), result.image)


STAGES = {"total variation": "choose_course", "both": "plug_and_play"}
LEFT = {"total variation": ["generator"], "both": ["total variation", "generator"]}


@pytest.mark.parametrize("prior", STAGES)
def test_interruption_after_the_fit_keeps_what_there_is(image, monkeypatch, prior):
    pressed = False
    make = getattr(reconstructing, STAGES[prior])

    def stage(*args, **settings):
        nonlocal pressed
        pressed = True
        return make(*args, **settings)

    monkeypatch.setattr(reconstructing, STAGES[prior], stage)
    operator = random_matrix((32, 32), 500, 1)
    guided = replace(QUICK, guided=True)
    result = reconstruct(
        operator, measure(operator, image), preset=guided, device="cpu", progress=Hooks(cancelled=lambda: pressed)
    )
    assert result.interrupted
    assert [part.name for part in result.parts] == LEFT[prior]
    assert sum(part.weight for part in result.parts) == pytest.approx(1)


@pytest.mark.parametrize(
    ("prior", "left"), [("total variation", ["both", "generator"]), ("both", ["total variation", "generator"])]
)
def test_a_prior_that_runs_out_of_memory_is_left_out(image, monkeypatch, prior, left):
    def lacking(*args, **settings):
        raise MemoryError("no memory for it")

    monkeypatch.setattr(reconstructing, STAGES[prior], lacking)
    operator = random_matrix((32, 32), 500, 1)
    result = reconstruct(operator, measure(operator, image), preset=replace(QUICK, guided=True), device="cpu")
    assert [part.name for part in result.parts] == left
    assert (prior == "both") == any("not enough memory" in warning for warning in result.warnings)


def test_constant_image_is_not_fitted():
    operator = SubsampledDCT((16, 16), 200, 0)
    result = reconstruct(operator, measure(operator, np.full((16, 16), 7.0)), preset=QUICK, device="cpu")
    found = result.image
    evidence = result.evidence
    np.testing.assert_allclose(found, 7, rtol=1e-5)
    assert (result.fits, result.depth) == ((), 0)
    assert evidence is None


def test_failure_keeps_the_least_bad_image(image, monkeypatch):
    monkeypatch.setattr("cgdenoise.fitting.ensemble.has_failed", lambda *args: True)
    operator = random_matrix((32, 32), 500, 1)
    with pytest.raises(RestorationError) as caught:
        reconstruct(operator, measure(operator, image), preset=QUICK, device="cpu")
    assert caught.value.best.image.shape == (32, 32)
    assert 50 < caught.value.best.image.mean() < 250
    assert len(caught.value.best.fits) == 3


MATRIX = DenseMatrix(np.eye(16)[:8], (4, 4))


@pytest.mark.parametrize(
    ("operator", "y", "message"),
    [
        (MATRIX, np.ones(9), r"\[9\].*\[8\]"),
        (MATRIX, np.zeros(8), "0 throughout"),
        (MATRIX, np.full(8, np.nan), "8 values that are NaN"),
        (MATRIX, np.full(8, "a"), "dtype"),
    ],
)
def test_bad_measurements_are_refused(operator, y, message):
    with pytest.raises(MeasurementError, match=message):
        reconstruct(operator, y, preset=QUICK, device="cpu")


def test_bad_parameters_are_refused(image):
    with pytest.raises(OptionError, match="sigma"):
        reconstruct(MATRIX, np.ones(8), sigma=-1, device="cpu")
    with pytest.raises(OptionError, match="preset"):
        reconstruct(MATRIX, np.ones(8), preset="quick", device="cpu")
    with pytest.raises(MeasurementError, match="sampling"):
        reconstruct(MATRIX, np.ones(8), sampling=Sampling.entries((7,)), device="cpu")
