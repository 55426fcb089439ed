"""Two exposures and dark frames: the law that they tell, and what is no second exposure."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from cgdenoise.errors import NoiseLawError
from cgdenoise.noise.exposures import compare_exposures, measure_dark

CLEAN = data.astronaut()[:160, 150:310].astype(np.float64)


def exposure(seed, gain, offset, read_sigma):
    rng = np.random.default_rng(seed)
    return offset + gain * rng.poisson(CLEAN / gain) + read_sigma * rng.standard_normal(CLEAN.shape)


@pytest.mark.parametrize(("gain", "offset", "read_sigma"), [(2, 0, 5), (8, 100, 12), (1, 10, 4)])
def test_the_law_of_a_detector_is_found_within_some_percent(gain, offset, read_sigma):
    found = compare_exposures(exposure(1, gain, offset, read_sigma), exposure(2, gain, offset, read_sigma), offset)
    assert found.law.kind == "poisson-gaussian"
    assert (found.law.gain, found.law.offset) == pytest.approx((gain, offset), rel=0.03)
    assert found.law.read_sigma == pytest.approx(read_sigma, rel=0.08)
    assert np.abs(found.autocorrelation[0, 1:]).max() < 0.02


def test_without_an_offset_the_variance_is_the_same():
    law = compare_exposures(exposure(1, 3, 50, 2), exposure(2, 3, 50, 2)).law
    brightness = np.array([80.0, 150.0, 250.0])
    assert law.variance(brightness) == pytest.approx(3 * (brightness - 50) + 4, rel=0.03)


def test_few_counts_in_the_dark_are_no_movement():
    law = compare_exposures(exposure(1, 25, 0, 0), exposure(2, 25, 0, 0)).law
    assert law.gain == pytest.approx(25, rel=0.03)
    assert law.correlation_length == 0


def test_a_change_of_the_light_is_no_noise():
    law = compare_exposures(exposure(1, 2, 0, 5), 1.02 * exposure(2, 2, 0, 5) + 1, 0.0).law
    assert (law.gain, law.read_sigma) == pytest.approx((2, 5), rel=0.1)


def test_correlated_noise_has_its_level_and_its_shape():
    rng = np.random.default_rng(0)
    first, second = (CLEAN + 30 * gaussian_filter(rng.standard_normal(CLEAN.shape), (1, 1, 0)) for _ in range(2))
    law = compare_exposures(first, second).law
    assert (law.kind, law.correlation_length) == ("correlated", 4)
    assert law.sigma == pytest.approx(30 / np.sqrt(4 * np.pi), rel=0.03)
    assert law.autocorrelation[0][:4] == pytest.approx(np.exp(-(np.arange(4.0) ** 2) / 4), abs=0.02)


def test_noise_that_channels_share_has_its_covariance():
    rng = np.random.default_rng(0)
    first, second = (CLEAN + rng.standard_normal((160, 160, 1)) * [10, 10, 8] for _ in range(2))
    law = compare_exposures(first, second).law
    assert law.kind == "gaussian"
    assert np.array(law.covariance) == pytest.approx(np.outer([10, 10, 8], [10, 10, 8]), rel=0.03)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (np.roll(exposure(2, 0.5, 0, 5), 1, axis=0), "nothing moved"),
        (exposure(1, 0.5, 0, 5), "first exposure itself"),
        (exposure(2, 0.5, 0, 5)[:-1], "shape"),
        (exposure(2, 0.5, 0, 5)[::-1], "expected"),
    ],
    ids=["moved", "same", "shape", "other"],
)
def test_what_is_no_second_exposure_is_refused(second, message):
    with pytest.raises(NoiseLawError, match=message):
        compare_exposures(exposure(1, 0.5, 0, 5), second)


@pytest.mark.parametrize("count", [1, 4])
def test_dark_frames_tell_the_pedestal_and_the_read_noise(count):
    rng = np.random.default_rng(0)
    frames = np.rint(100 + 3 * rng.standard_normal((count, 100, 120, 1)))
    frames[:, ::20, ::20] = 4000  # hot
    found = measure_dark(list(frames))
    assert (found.offset, found.read_sigma) == pytest.approx((100, 3), rel=0.03)


def test_fixed_pattern_is_not_read_noise_where_frames_tell():
    rng = np.random.default_rng(0)
    frames = 100 + 5 * rng.standard_normal((100, 100, 1)) + 2 * rng.standard_normal((4, 100, 100, 1))
    assert measure_dark(list(frames)).read_sigma == pytest.approx(2, rel=0.03)


def test_light_in_a_dark_frame_is_refused():
    frame = np.random.default_rng(0).normal(10, 1, (50, 50, 1)).round()
    frame[:10] += 100
    with pytest.raises(NoiseLawError, match="without any light"):
        measure_dark([frame])
