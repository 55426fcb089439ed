"""An array of scikit-image's goes in and out as with its own functions, but for the range, which stays as it is."""

from dataclasses import replace

import numpy as np
import pytest
from skimage import metrics, util

import cgdenoise
from cgdenoise.generators.spec import DecoderSpec

QUICK = replace(cgdenoise.PRESETS["fast"], generators=(DecoderSpec((32, 16)),), probe_iterations=0, max_iterations=40)


def test_the_range_is_the_input_s_whatever_the_dtype(noisy, clean):
    levels, share, single = (
        cgdenoise.denoise(array, sigma, preset=QUICK, channel_axis=-1).image
        for array, sigma in ((noisy, 20), (util.img_as_float(noisy), 20 / 255), (util.img_as_float32(noisy), 20 / 255))
    )
    assert levels.dtype == share.dtype == single.dtype == np.float64
    np.testing.assert_allclose(levels / 255, share, atol=1e-9)
    assert np.abs(single - share).mean() < 0.05  # a fit takes another way from values that were rounded
    gain = metrics.peak_signal_noise_ratio(clean, levels, data_range=255)
    assert gain > metrics.peak_signal_noise_ratio(clean, noisy) + 1
    assert np.abs(util.img_as_ubyte(np.clip(share, 0, 1)) - levels.clip(0, 255)).max() < 1.5


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_the_noise_level_is_the_same_on_any_axis_of_channels(axis):
    image = np.random.default_rng(0).normal(100, 7, (48, 40, 3)) * [1, 2, 3]
    moved = np.moveaxis(image, -1, axis)
    assert cgdenoise.estimate_sigma(moved, channel_axis=axis) == cgdenoise.estimate_sigma(image)
    assert cgdenoise.estimate_sigma(image[..., 0], channel_axis=axis) == pytest.approx(7, rel=0.1)
