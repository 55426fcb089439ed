"""The map after which coils share no noise: what becomes of covariance, of the normal equations, and what is refused."""

import numpy as np
import pytest
import torch

from cgdenoise.errors import MeasurementError
from cgdenoise.problems import fourier_lines, parallel_problem, whitening

RNG = np.random.default_rng(0)
COILS, SHAPE = 4, (16, 12)


def random(*shape):
    return RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)


MIXING = random(COILS, COILS)
NOISE = MIXING @ random(COILS, 5000)


def covariance(noise):
    return noise @ noise.conj().T / noise.shape[1]


def test_covariance_becomes_a_multiple_of_the_identity():
    white = whitening(NOISE, COILS)
    np.testing.assert_allclose(covariance(white(NOISE)), white.level**2 * np.eye(COILS), atol=1e-9)
    assert white.level**2 == pytest.approx(np.trace(covariance(NOISE)).real / COILS)
    fresh = white(MIXING @ random(COILS, 100_000))
    np.testing.assert_allclose(covariance(fresh), white.level**2 * np.eye(COILS), atol=0.1 * white.level**2)


def test_white_noise_stays_as_it_is():
    noise = np.linalg.solve(np.linalg.cholesky(covariance(NOISE)), NOISE) * 0.3
    white = whitening(noise, COILS)
    np.testing.assert_allclose(white.matrix, np.eye(COILS), atol=1e-9)
    assert white.level == pytest.approx(0.3)


def test_reconstruction_is_that_of_data_that_are_white_already():
    """Whitened coils differ from the white ones by a rotation, which the normal equations do not see."""
    mask, maps, y = fourier_lines(SHAPE, 0.5, 0), random(COILS, *SHAPE), random(COILS, *SHAPE)
    white = whitening(MIXING @ (noise := random(COILS, 5000)), COILS)
    exact = whitening(noise, COILS)  # white but for chance, which both undo

    def equations(change, mixing):
        problem = parallel_problem(change(np.tensordot(mixing, y, 1)), mask, change(np.tensordot(mixing, maps, 1)), 1.0)
        image = torch.from_numpy(np.random.default_rng(1).standard_normal(SHAPE) + 0j)
        samples = problem.operator.adjoint(torch.from_numpy(problem.y)).numpy()
        return np.stack([samples, problem.operator.normal(image).numpy()]) / change.level**2

    found, expected = equations(white, MIXING), equations(exact, np.eye(COILS))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * abs(expected).max())


def test_shapes_and_empty_samples():
    white = whitening(NOISE, COILS)
    padded = np.concatenate([NOISE, np.zeros((COILS, 3000))], 1)
    for noise in (NOISE.reshape(COILS, 50, 100), padded, np.moveaxis(NOISE.reshape(COILS, 2, 50, 50), 0, 1)):
        np.testing.assert_allclose(whitening(noise, COILS).level, white.level, rtol=1e-12)
    assert whitening(np.full((10, 10), 2j), 1).level == pytest.approx(2)
    assert white(random(COILS, 3, 3).astype(np.complex64)).dtype == np.complex64


@pytest.mark.parametrize(
    ("noise", "told"),
    [
        (NOISE.real, "noise of float64; expected complex"),
        (NOISE[:3], r"noise of shape \[3, 5000\]; expected \[4, ...\]"),
        (NOISE[:, :39], "39 samples of the noise of 4 coils; expected at least 40"),
        (0 * NOISE, "0 samples of the noise"),
        (np.concatenate([NOISE[:3], NOISE[:1]]), "coils whose noise is 0, or is that of others"),
        (np.concatenate([NOISE[:3], 0 * NOISE[:1]]), "coils whose noise is 0, or is that of others"),
    ],
)
def test_what_is_no_noise_of_these_coils(noise, told):
    with pytest.raises(MeasurementError, match=told):
        whitening(noise, COILS)
