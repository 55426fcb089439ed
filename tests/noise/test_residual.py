"""The last check: noise of the assumed law passes, whatever its kind; what has structure does not."""

import numpy as np
import pytest
from skimage import data
from structured import PICTURES

from cgdenoise.noise import residual

SHAPE = (160, 160, 1)
NONE = np.zeros(SHAPE, bool)
WHITE = np.random.default_rng(0).standard_normal(SHAPE)


def objection_to(taken, correlation_area=1, impulses=NONE, may_be_texture=True):
    """Of an image that was flat but for what was taken out of it."""
    return residual.objection_to(taken, np.nan_to_num(taken), correlation_area, impulses, may_be_texture)


def test_white_noise_passes_also_where_filters_leave_a_part_of_it_and_where_it_was_clipped():
    assert objection_to(WHITE) is None
    assert objection_to(0.8 * WHITE) is None
    assert objection_to(np.where(np.indices(SHAPE)[1] < 80, np.minimum(WHITE, 0) + 0.4, WHITE)) is None


def test_coarse_noise_passes_by_its_correlation_area():
    kernel = np.ones(5) / 5
    coarse = np.apply_along_axis(np.convolve, 0, np.apply_along_axis(np.convolve, 1, WHITE, kernel, "same"), kernel, "same")
    coarse /= coarse.std()
    assert objection_to(coarse) is not None
    assert objection_to(coarse, 25) is None


@pytest.mark.parametrize("name", ["text 10", "text 40", "drawing", "comb 16, white on black"])
def test_letters_and_strokes_are_no_noise(name):
    ink = np.atleast_3d(PICTURES[name](160)).astype(float)
    ink -= np.median(ink)
    assert objection_to(ink / ink.std()) is not None
    assert "strong" in (objection_to(0.5 * WHITE + ink / 20) or "")


def test_edges_in_the_noise_are_told():
    camera = data.camera()[100:260, 150:310, None].astype(float)
    edges = np.diff(camera, axis=0, append=camera[-1:]) / 10
    assert "stronger" in (objection_to(WHITE + edges) or "")


def test_too_little_of_it_is_texture():
    assert "texture" in (objection_to(0.4 * WHITE) or "")
    assert objection_to(0.4 * WHITE, may_be_texture=False) is None


def test_impulses_that_lie_together_are_ink():
    ink = np.atleast_3d(PICTURES["text 20, two values"](160)) < 128
    assert "impulses" in (objection_to(WHITE, 1, ink) or "")
    chance = np.random.default_rng(1).random(SHAPE) < 0.5
    assert objection_to(np.where(chance, np.nan, WHITE), 1, chance) is None


def test_coarse_noise_may_depend_on_brightness_but_not_differ_within_one():
    kernel = np.ones(3) / 3
    coarse = np.apply_along_axis(np.convolve, 0, np.apply_along_axis(np.convolve, 1, WHITE, kernel, "same"), kernel, "same")
    coarse *= np.where(np.indices(SHAPE)[1] < 80, 0.4, 1.0) / coarse.std()
    by_brightness = np.where(np.indices(SHAPE)[1] < 80, 0.0, 100.0)
    assert residual.objection_to(coarse, by_brightness + coarse, 9, NONE, False) is None
    assert "quiet parts" in (residual.objection_to(coarse, coarse / 100, 9, NONE, False) or "")
    assert residual.objection_to(coarse, coarse / 100, 9, NONE, False, is_evident=True) is None
