import math

import numpy as np
import pytest

from cgdenoise.noise.scatter import measure

RAMP = np.tile(np.linspace(0, 1, 256), (192, 1))[..., None]


def noisy(image, sigma):
    return image + sigma * np.random.default_rng(0).standard_normal(image.shape)


def test_white_noise_has_one_variance_at_all_levels():
    levels = measure(noisy(RAMP, 0.1), -math.inf, math.inf)
    assert len(levels.mean) == 14
    assert (np.diff(levels.mean) > 0).all()
    assert levels.variance == pytest.approx(0.01, rel=0.15)


def test_clipping_is_corrected_for_at_the_levels_that_are_kept():
    levels = measure(np.clip(noisy(RAMP, 0.1), 0, 1), 0.0, 1.0)
    assert 0 < levels.clipped.max() <= 0.25
    assert levels.variance == pytest.approx(0.01, rel=0.2)


@pytest.mark.parametrize("image", [np.zeros((7, 40, 1)), np.zeros((64, 64, 1)), np.full((64, 64, 1), np.nan)])
def test_nothing_is_measured_where_nothing_varies_or_fits(image):
    assert measure(image, -math.inf, math.inf).mean.size == 0
