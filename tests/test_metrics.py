"""PSNR and SSIM against definitions and known values."""

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from cgdenoise.metrics import psnr, ssim


def test_psnr_of_a_known_error():
    zero = np.zeros((4, 4))
    assert psnr(zero + 25.5, zero, 255) == pytest.approx(20)
    assert psnr(zero + 1, zero, 1) == pytest.approx(0)


def test_psnr_of_equal_arrays_is_infinite(clean):
    assert psnr(clean, clean, 255) == math.inf


def test_psnr_does_not_wrap_unsigned_integers():
    low, high = np.full((3, 3), 10, np.uint8), np.full((3, 3), 20, np.uint8)
    assert psnr(low, high, 255) == psnr(high, low, 255) == pytest.approx(20 * math.log10(25.5))


def test_psnr_agrees_with_another_implementation(noisy, clean):
    assert psnr(noisy, clean, 255) == pytest.approx(peak_signal_noise_ratio(clean, noisy, data_range=255))


def test_psnr_leaves_missing_reference_pixels_out():
    reference = np.array([[1.0, np.nan], [2.0, 3.0]])
    assert psnr(np.array([[1.5, 99.0], [2.5, 3.5]]), reference, 1) == pytest.approx(10 * math.log10(4))


def test_ssim_is_one_for_equal_images_and_falls_with_noise(noisy, clean):
    assert ssim(clean, clean, 255) == pytest.approx(1)
    little = clean + 0.2 * (noisy.astype(float) - clean)
    assert ssim(noisy, clean, 255) < ssim(little, clean, 255) < 1


def test_ssim_of_constants_is_the_luminance_term():
    a, b, peak = 100.0, 120.0, 255.0
    c1 = (0.01 * peak) ** 2
    expected = (2 * a * b + c1) / (a * a + b * b + c1)
    assert ssim(np.full((16, 16), a), np.full((16, 16), b), peak) == pytest.approx(expected)


def test_ssim_of_colour_is_the_mean_over_channels(noisy, clean):
    channels = [ssim(noisy[..., c], clean[..., c], 255) for c in range(3)]
    assert ssim(noisy, clean, 255) == pytest.approx(np.mean(channels))


@pytest.mark.parametrize("shape", [(10, 30), (30, 10), (1, 1)])
def test_ssim_of_a_too_small_image_is_nan(shape):
    assert math.isnan(ssim(np.zeros(shape), np.zeros(shape), 1))


def test_ssim_with_missing_pixels_is_nan():
    reference = np.zeros((16, 16))
    reference[3, 3] = np.nan
    assert math.isnan(ssim(np.zeros((16, 16)), reference, 1))
