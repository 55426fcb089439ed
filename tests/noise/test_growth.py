import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from cgdenoise.noise.growth import growth_of_coarse
from cgdenoise.noise.law import NoiseLaw
from cgdenoise.noise.model import NoiseKind

RAMP = np.repeat(np.linspace(20, 200, 192)[None], 192, axis=0)


def coarse(clean, constant, slope, seed=0):
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal(clean.shape), 0.8)
    return clean + noise / noise.std() * np.sqrt(constant + slope * clean)


@pytest.mark.parametrize(("constant", "slope"), [(40.0, 0.5), (-10.0, 1.0)])
@pytest.mark.parametrize("unit", [1.0, 257.0])
def test_coarse_noise_grows_as_it_does(constant, slope, unit):
    channels = np.stack([coarse(RAMP, constant, slope, seed) for seed in range(2)], axis=2)
    growth = growth_of_coarse(unit * channels)
    law = NoiseLaw(NoiseKind.CORRELATED, 2, 10 * unit, growth.gain, growth.offset, growth.read_sigma)
    ends = np.array([30.0, 190.0])
    assert law.variance(unit * ends) == pytest.approx(unit**2 * (constant + slope * ends), rel=0.15)


def test_nothing_is_said_of_noise_that_does_not_lie_on_a_line():
    camera = data.camera()[150:342, 150:342].astype(float)
    assert growth_of_coarse(coarse(camera, 10.0, 0.0)[..., None]) is None  # texture
    assert growth_of_coarse(coarse(RAMP, 120.0, -0.5)[..., None]) is None  # less in the light
    assert growth_of_coarse(coarse(RAMP, 40.0, 0.5)[:64, :64, None]) is None  # too small
