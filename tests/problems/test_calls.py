"""Inverse problems in one call, on arrays: what comes back, in which layout."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage import data, transform

import cgdenoise
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.operators import Blur, gaussian_psf
from cgdenoise.problems import linear_problem, solve
from cgdenoise.restoration.presets import RECONSTRUCTION

LIGHT = replace(
    RECONSTRUCTION["fast"], generators=(DecoderSpec((64, 64, 32)),), probe_iterations=0, max_iterations=150, patience=40
)
COLOUR = transform.resize(data.astronaut()[:256, 96:352].astype(float), (32, 32), anti_aliasing=True)
GREY = COLOUR.mean(axis=2)


def error(found, expected):
    return float(np.sqrt(np.mean((found - expected) ** 2)))


def with_light(call, *args, **options):
    return call(*args, preset=LIGHT, device="cpu", **options)


def test_missing_pixels_are_filled_and_the_others_stay():
    keep = np.random.default_rng(0).random((32, 32)) < 0.5
    result = with_light(cgdenoise.inpaint, COLOUR, keep)
    assert result.image.shape == COLOUR.shape
    np.testing.assert_array_equal(result.image[keep], COLOUR[keep])
    assert error(result.image[~keep], COLOUR[~keep]) < 0.6 * COLOUR[~keep].std()
    assert result.parts[0].image().shape == COLOUR.shape


def test_nan_masked_and_left_out_are_all_missing():
    hole = np.zeros((32, 32), bool)
    hole[10:14, 10:14] = True
    by_nan, by_mask, by_keep = (
        with_light(cgdenoise.inpaint, *given).image
        for given in ((np.where(hole, np.nan, GREY),), (np.ma.array(GREY, mask=hole),), (GREY, ~hole))
    )
    assert np.array_equal(by_nan, by_mask)
    assert np.array_equal(by_nan, by_keep)


def test_channels_may_come_first():
    keep = np.random.default_rng(0).random((32, 32)) < 0.7
    last = with_light(cgdenoise.inpaint, COLOUR, keep).image
    first = with_light(cgdenoise.inpaint, np.moveaxis(COLOUR, 2, 0), keep, channel_axis=0).image
    assert np.array_equal(np.moveaxis(first, 0, 2), last)


def test_a_blur_is_undone():
    psf = gaussian_psf(1.0)
    wide = transform.resize(data.camera()[:320, 100:420].astype(float), (40, 40), anti_aliasing=True)
    blurred = Blur((1, 40, 40), psf)(torch.from_numpy(wide[None])).numpy()[0]
    margin = (40 - blurred.shape[0]) // 2
    original = wide[margin:-margin, margin:-margin]
    result = with_light(cgdenoise.deblur, blurred, psf, 1.0)
    assert result.image.shape == original.shape
    assert error(result.image, original) < 0.9 * error(blurred, original)
    assert with_light(cgdenoise.deblur, blurred, psf).sigma_estimated


def test_a_picture_gets_more_pixels_whose_means_are_the_given_ones():
    small = COLOUR.reshape(16, 2, 16, 2, 3).mean(axis=(1, 3))
    result = with_light(cgdenoise.upscale, small, 2)
    assert result.image.shape == COLOUR.shape
    assert error(result.image.reshape(16, 2, 16, 2, 3).mean(axis=(1, 3)), small) < 0.5
    assert error(result.image, COLOUR) < error(small.repeat(2, 0).repeat(2, 1), COLOUR)


@pytest.mark.parametrize(
    ("call", "args", "expected"),
    [
        (cgdenoise.inpaint, (GREY,), "nothing is missing"),
        (cgdenoise.deblur, (GREY, np.ones((50, 3))), "expected one no larger"),
        (cgdenoise.upscale, (GREY, 1), "expected 2 or more"),
        (cgdenoise.upscale, (np.full((4, 4), np.nan),), "NaN"),
    ],
)
def test_bad_input_is_refused(call, args, expected):
    with pytest.raises(cgdenoise.CgDenoiseError, match=expected):
        call(*args)


def test_what_measurements_say_against_the_operator_is_a_warning():
    rng = np.random.default_rng(0)
    operator = cgdenoise.operators.random_matrix((32, 32), 700, 1)
    wrong = linear_problem(operator, rng.standard_normal(700) * 100, 0.0)
    result = solve(wrong, preset=LIGHT, device="cpu")
    assert "nothing is explained" in result.warnings[-1]
