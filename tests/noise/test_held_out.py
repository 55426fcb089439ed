"""The level of noise by pixels that a fit was not shown."""

import numpy as np
import pytest

from cgdenoise.noise.held_out import held_out_level

RNG = np.random.default_rng(0)
IMAGE = np.tile(np.linspace(0, 1, 128)[:, None, None], (1, 128, 3))
HELD_OUT = np.repeat(RNG.random((128, 128, 1)) < 0.1, 3, axis=2)


def test_noise_that_grows_with_brightness_gives_its_root_mean_square():
    sigma = 0.02 + 0.2 * IMAGE
    found = held_out_level(RNG.standard_normal(IMAGE.shape) * sigma, IMAGE, HELD_OUT)
    assert found == pytest.approx(np.sqrt(np.square(sigma).mean()), rel=0.1)


def test_edges_that_a_fit_missed_are_left_out():
    residual = 0.1 * RNG.standard_normal(IMAGE.shape)
    missed = residual + np.where(RNG.random(IMAGE.shape) < 0.1, 3.0, 0.0)
    assert held_out_level(missed, IMAGE, HELD_OUT) == pytest.approx(0.1, rel=0.25)


def test_values_that_the_fit_was_shown_or_that_are_missing_say_nothing():
    residual = np.where(HELD_OUT, 0.1 * RNG.standard_normal(IMAGE.shape), 0.0)
    residual[::2] = np.nan
    assert held_out_level(residual, IMAGE, HELD_OUT) == pytest.approx(0.1, rel=0.1)
    assert held_out_level(residual, IMAGE, np.zeros_like(HELD_OUT)) is None
