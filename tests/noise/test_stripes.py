"""Offsets of rows and columns: found where they are, not where the image has lines, and taken away."""

import numpy as np
import pytest
from skimage import data
from structured import PICTURES as PAGES

from cgdenoise.noise.stripes import find_stripes

RNG = np.random.default_rng(0)
PICTURES = {
    "camera": data.camera()[100:292, :192, None].astype(float),
    "coffee": data.coffee()[100:292, :192].astype(float),
    "brick": data.brick()[:192, :192, None].astype(float),
    "page": data.page()[:, :192, None].astype(float),
}
BARS = np.repeat(255.0 * (RNG.random((1, 128, 1)) < 0.5), 128, axis=0)


@pytest.mark.parametrize("sigma", [0, 10])
@pytest.mark.parametrize("name", PICTURES)
def test_an_image_without_stripes_has_none(name, sigma):
    image = PICTURES[name] + sigma * RNG.standard_normal(PICTURES[name].shape)
    stripes = find_stripes(image)
    assert not stripes.present
    assert stripes.taken_from(image) is image


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["text 8", "text 10", "text 10, white on black", "text 14"])
def test_lines_of_text_under_noise_are_no_stripes(name, seed):
    page = PAGES[name](128)[..., None] + 25 * np.random.default_rng(seed).standard_normal((128, 128, 1))
    assert not find_stripes(page).present


def test_a_bar_code_is_no_stripes():
    assert not find_stripes(BARS).present


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("name", "sigma"), [("camera", 0), ("camera", 10), ("coffee", 10)])
def test_most_of_what_lines_add_is_taken_away(name, sigma, axis):
    image = PICTURES[name] + sigma * RNG.standard_normal(PICTURES[name].shape)
    shape = (192, 1, 1) if axis == 0 else (1, 192, 1)
    offsets = 8 * RNG.standard_normal(shape)
    stripes = find_stripes(image + offsets)
    assert stripes.levels[axis] == pytest.approx(8, rel=0.25)
    assert stripes.levels[1 - axis] == 0
    left = stripes.taken_from(image + offsets) - image
    assert (left - left.mean()).std() < 4.5  # what is left passes for shading
    neighbours = np.diff(left, axis=axis).std() / np.diff(offsets, axis=axis).std()
    assert neighbours < 0.25


def test_a_change_of_unit_changes_the_unit_of_the_offsets_alone():
    striped = PICTURES["camera"] + 8 * RNG.standard_normal((192, 1, 1))
    rows = find_stripes(striped).rows
    np.testing.assert_allclose(find_stripes(0.5 * striped + 7).rows, 0.5 * rows, atol=1e-9)


def test_missing_pixels_do_not_matter():
    striped = PICTURES["camera"] + 8 * RNG.standard_normal((192, 1, 1))
    holes = np.where(RNG.random(striped.shape) < 0.2, np.nan, striped)
    holes[50] = np.nan
    found = find_stripes(holes).rows
    assert np.isfinite(found).all()
    assert np.abs(found - find_stripes(striped).rows)[60:].std() < 2.5


def test_small_images_tell_nothing():
    assert not find_stripes(8 * RNG.standard_normal((127, 1, 1)) + np.zeros((127, 200, 1))).present
