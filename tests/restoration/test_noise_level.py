"""A noise of which nothing is known: what hold-out tells of its level, and what becomes of that."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage import data

from cgdenoise import reconstruct
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.operators import ComplexFromReal, Measurement, SubsampledDCT, subsampled_fourier
from cgdenoise.problems import fourier_lines
from cgdenoise.problems.sensing import simulated
from cgdenoise.progress import Cancelled
from cgdenoise.restoration.noise_level import (
    FOLDS,
    HELD_OUT,
    estimate_by_hold_out,
    is_worth_taking_away,
    pixels_estimated,
)
from cgdenoise.restoration.presets import RECONSTRUCTION

SIDE = 48
IMAGE = data.camera()[60:252:4, 170:362:4] / 255.0
LINES = fourier_lines((SIDE, SIDE), 0.5, 0)
DCT = SubsampledDCT((1, SIDE, SIDE), SIDE**2 // 2, 0)
FOURIER = subsampled_fourier(LINES, (1, SIDE, SIDE)) @ ComplexFromReal((1, SIDE, SIDE))
SAMPLINGS = {DCT: Sampling.entries(DCT.out_shape), FOURIER: Sampling.lines(torch.from_numpy(LINES), FOURIER.out_shape)}


def quick():
    return replace(RECONSTRUCTION["fast"], max_iterations=20, members=1)


def estimated(operator, level, unit=1.0, tick=lambda pixels: None):
    y = torch.from_numpy(simulated(operator, IMAGE[None] * unit, level * unit, 0))
    sampling = SAMPLINGS[operator]
    rng = torch.Generator().manual_seed(0)
    choices = [sampling.split(sampling.valid[None], HELD_OUT, rng)[1][0] > 0 for _ in range(FOLDS)]
    measurement = Measurement(operator, y, sampling.valid).to("cpu", torch.float32)
    return estimate_by_hold_out(measurement, choices, tick)


@pytest.mark.parametrize("operator", SAMPLINGS, ids=["dct", "fourier"])
def test_level_is_found_within_a_factor_and_grows_with_the_noise(operator):
    exact, strong, stronger = (estimated(operator, level) for level in (0, 0.15, 0.3))
    assert exact < 0.02
    assert 0.06 < strong < 0.35
    assert strong < stronger < 0.8


def test_work_is_what_was_announced():
    done = []
    estimated(DCT, 0.1, tick=done.append)
    assert sum(done) == pytest.approx(pixels_estimated((1, SIDE, SIDE)))


@pytest.mark.parametrize("unit", [1.0, 1000.0])
def test_level_is_told_in_the_unit_of_the_measurements(light, unit):
    operator = SubsampledDCT((SIDE, SIDE), SIDE**2 // 2, 0)
    y = simulated(operator, IMAGE * unit, 0.3 * unit, 0)
    found = reconstruct(operator, y, sigma=None, preset=quick())
    assert found.sigma_estimated
    assert 0.1 * unit < found.sigma < 0.8 * unit
    assert "held out" in found.noise.reasons[0]
    told = reconstruct(operator, y, sigma=0.3 * unit, preset=quick())
    assert (told.sigma, told.sigma_estimated) == (0.3 * unit, False)
    assert not math.isclose(np.std(found.image - told.image), 0)


def test_end_during_the_estimate_is_the_fits_business(monkeypatch, light):
    def ended(*args):
        raise Cancelled

    monkeypatch.setattr("cgdenoise.restoration.reconstructing.estimate_by_hold_out", ended)
    operator = SubsampledDCT((SIDE, SIDE), SIDE**2 // 2, 0)
    found = reconstruct(operator, operator(torch.from_numpy(IMAGE)).numpy(), sigma=None, preset=quick())
    assert (found.sigma, found.interrupted) == (0, False)


def test_pixels_believe_in_noise_and_not_in_texture():
    rows, columns = np.indices((64, 64))
    holes = np.random.default_rng(0).random((64, 64)) < 0.4
    dots = np.where(holes, np.nan, 100.0 + 60 * ((rows % 3 + columns % 4) % 2))[..., None]
    slope = np.where(holes, np.nan, rows + np.random.default_rng(1).normal(0, 20, holes.shape))[..., None]
    assert not is_worth_taking_away(dots, 20)
    assert is_worth_taking_away(slope, 20)
    assert not is_worth_taking_away(np.full((16, 16, 1), np.nan), 20)
