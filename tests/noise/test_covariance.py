import numpy as np
import pytest
from skimage import data

from cgdenoise.noise.covariance import channel_covariance, common_noise
from cgdenoise.noise.estimate import estimate_sigma

PICTURES = {
    "coffee": data.coffee()[100:292, 150:342].astype(float),
    "astronaut": data.astronaut()[:192, 100:292].astype(float),
}


def noise(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def correlations(covariance):
    scale = np.sqrt(np.diag(covariance))
    return (covariance / np.outer(scale, scale))[np.triu_indices(len(covariance), 1)]


@pytest.mark.parametrize("sigma", [10, 50])
@pytest.mark.parametrize("name", PICTURES)
def test_independent_noise_is_not_correlated_by_the_detail(name, sigma):
    covariance = channel_covariance(PICTURES[name] + sigma * noise(PICTURES[name].shape))
    assert np.abs(correlations(covariance)).max() < 0.1
    assert not common_noise(covariance)


@pytest.mark.parametrize("sigma", [10, 25])
@pytest.mark.parametrize("name", PICTURES)
def test_one_field_of_noise_in_all_channels(name, sigma):
    picture = PICTURES[name]
    covariance = channel_covariance(np.clip(picture + sigma * noise(picture.shape[:2])[..., None], 0, 255))
    assert correlations(covariance).min() > 0.9
    assert common_noise(covariance)


def test_a_known_covariance_is_found():
    truth = np.array([[4.0, 2.4, 0.0], [2.4, 9.0, -3.6], [0.0, -3.6, 16.0]])
    found = channel_covariance(noise((192, 192, 3)) @ np.linalg.cholesky(truth).T)
    np.testing.assert_allclose(found, truth, atol=0.8)


def test_trace_is_that_of_the_level():
    noisy = PICTURES["coffee"] + noise((192, 192, 3)) * [5, 10, 20]
    covariance = channel_covariance(noisy)
    assert np.trace(covariance) / 3 == pytest.approx(estimate_sigma(noisy) ** 2, rel=1e-9)
    assert np.linalg.eigvalsh(covariance).min() >= 0
    np.testing.assert_array_equal(covariance, covariance.T)


def test_covariance_follows_the_unit():
    noisy = PICTURES["coffee"] + 10 * noise((192, 192, 3))
    np.testing.assert_allclose(channel_covariance(257 * noisy + 1000), 257**2 * channel_covariance(noisy), rtol=1e-6, atol=1e-3)


def test_grey_image_is_one_channel():
    noisy = noise((64, 64))
    assert channel_covariance(noisy) == pytest.approx(np.array([[estimate_sigma(noisy) ** 2]]))
    assert not common_noise(channel_covariance(noisy))


@pytest.mark.parametrize(("image", "channels"), [(np.ones((4, 4)), 1), (np.ones((4, 4, 3)), 3), (np.ones((64, 64, 2)), 2)])
def test_nothing_to_measure_is_zero(image, channels):
    np.testing.assert_array_equal(channel_covariance(image), np.zeros((channels, channels)))


def test_opposite_noise_is_shared_too():
    field = noise((64, 64))
    assert common_noise(channel_covariance(np.dstack([field, -field])))
