"""The smooth phase of complex images, taken out before the priors see them."""

import numpy as np
import pytest
import torch

from cgdenoise.operators import Fourier, Measurement
from cgdenoise.restoration.measured import on_channels
from cgdenoise.restoration.phase import smooth_phase, without_phase

ROWS, COLUMNS = np.meshgrid(np.linspace(-1, 1, 40), np.linspace(-1, 1, 32), indexing="ij")
PHASE = np.exp(1j * (1.5 * np.sin(1.3 * ROWS + 0.4) * np.cos(1.1 * COLUMNS) + 2))
MAGNITUDE = 0.5 + 0.4 * np.sign(np.sin(9 * ROWS + 5 * COLUMNS))


@pytest.mark.parametrize("factor", [1, -3e6j])
def test_a_smooth_phase_is_found_under_sharp_edges(factor):
    left = factor * MAGNITUDE * PHASE * smooth_phase(factor * MAGNITUDE * PHASE).conj()
    assert np.linalg.norm(left.imag) < 0.05 * np.linalg.norm(left)
    assert (left.real > 0).all()


def test_each_plane_has_its_own():
    planes = np.stack([MAGNITUDE * PHASE, MAGNITUDE])
    np.testing.assert_allclose(smooth_phase(planes)[1], 1, atol=1e-12)


def test_a_random_phase_and_that_of_a_signal_stay():
    rng = np.random.default_rng(0)
    assert smooth_phase(MAGNITUDE * np.exp(2j * np.pi * rng.random(MAGNITUDE.shape))) is None
    assert smooth_phase(np.ones(32, complex)) is None


def test_what_was_measured_stays():
    truth, operator = MAGNITUDE * PHASE, Fourier(MAGNITUDE.shape)
    y = operator(torch.from_numpy(truth))
    data, first = without_phase(operator, Measurement.complete(on_channels(operator, True), y), truth, PHASE)
    assert float(data.residual(first).abs().max()) < 1e-12
    np.testing.assert_allclose(first[0], MAGNITUDE)
    np.testing.assert_allclose(first[1], 0, atol=1e-12)
