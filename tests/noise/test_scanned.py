"""Noise that neighbours along a line share, and texture that looks like it."""

import numpy as np
import pytest
from skimage import data

from cgdenoise.noise.pedestal import find_poisson_gaussian
from cgdenoise.noise.scanned import power_of_scanned

LINGERS = 0.06
RAMP = np.repeat(np.linspace(20, 200, 256)[None], 256, axis=0)


def scanned(shape, seed=0):
    """Noise of variance 1 of which a part lingers in the next value of a line."""
    drawn = np.random.default_rng(seed).standard_normal((shape[0], shape[1] + 1))
    return (drawn[:, 1:] + LINGERS * drawn[:, :-1]) / np.hypot(1, LINGERS)


def test_the_power_is_that_of_the_noise():
    noise = scanned((400, 400))
    power = power_of_scanned(noise)
    waves = np.cos(np.pi * np.outer(np.arange(8), np.arange(8) + 0.5) / 8)
    waves /= np.linalg.norm(waves, axis=1, keepdims=True)
    measured = np.square(waves @ noise.reshape(50, 8, 50, 8).swapaxes(1, 2) @ waves.T).mean((0, 1)).mean(0)
    assert power.mean() == pytest.approx(1)
    np.testing.assert_allclose(power, np.tile(power[0], (8, 1)))
    np.testing.assert_allclose(power[0], measured, rtol=0.03)
    np.testing.assert_allclose(power_of_scanned(noise.T), power.T)


@pytest.mark.parametrize("seed", range(4))
def test_white_noise_is_not_shared(seed):
    assert power_of_scanned(np.random.default_rng(seed).standard_normal((256, 256))) is None


def test_texture_along_one_axis_is_not_noise():
    stripes = 3 * np.sin(2.2 * np.arange(256)) * np.linspace(0, 1, 256)[:, None]
    assert power_of_scanned(stripes + np.random.default_rng(0).standard_normal((256, 256))) is None


def test_images_too_small_for_it():
    assert power_of_scanned(np.zeros((15, 300))) is None
    assert power_of_scanned(np.full((64, 64), np.nan)) is None
    assert power_of_scanned(np.zeros((64, 64))) is None


@pytest.mark.parametrize("clean", [RAMP, np.maximum(20.0, data.camera()[100:356, 100:356])], ids=["ramp", "camera"])
def test_the_variance_is_that_at_all_frequencies(clean):
    """In the fine ones alone, in which it is measured, it is 6 to 10 % less."""
    gain = 3.0
    found = [find_poisson_gaussian(clean + np.sqrt(gain * clean) * scanned(clean.shape, seed), 0.0, 0.0) for seed in range(6)]
    assert sum(line.scanned for line in found) == 6
    assert np.mean([line.gain for line in found]) == pytest.approx(gain, rel=0.05)
