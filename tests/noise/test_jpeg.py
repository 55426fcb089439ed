"""JPEG recognised from pixels, and the planes that it stored."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cgdenoise.noise.jpeg import Jpeg, blocks_of, enlarge, find_jpeg, reduce, stored_colour, to_ycc, with_blocks

CLEAN = data.coffee()[100:228, 150:278]
SAMPLING = {(1, 1): 0, (1, 2): 1, (2, 2): 2}


def stored(image: np.ndarray, quality: int, subsampling: int = 2) -> tuple[np.ndarray, dict[int, list[int]]]:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling=subsampling)
    opened = Image.open(file)
    return np.atleast_3d(np.asarray(opened, float)), opened.quantization


@pytest.mark.parametrize("quality", [95, 70, 50])
@pytest.mark.parametrize("reduced", SAMPLING)
def test_quality_and_colours_are_told_by_the_pixels_in_any_unit(quality, reduced):
    image, tables = stored(CLEAN[:125, :123], quality, SAMPLING[reduced])
    found = find_jpeg(0.3 * image - 7)
    assert found is not None
    assert (found.quality, found.reduced) == (quality, reduced)
    assert found.unit == pytest.approx(0.3)
    np.testing.assert_array_equal(found.luminance.ravel(), tables[0])
    np.testing.assert_array_equal(found.chrominance.ravel(), tables[1])


def test_grey_is_told_too():
    image, _ = stored(CLEAN[..., 1], 50)
    assert find_jpeg(image) == Jpeg(50, 1.0, None)


def test_what_was_not_stored_so_is_not_recognised():
    image, _ = stored(CLEAN, 80)
    missing = image.copy()
    missing[5, 5] = np.nan
    noise = np.random.default_rng(0).normal(0, 1, image.shape)
    drawing = np.where(CLEAN > 128, 255.0, 0.0)
    others = (CLEAN.astype(float), image[3:, 5:], missing, image + noise, np.round(image + 3 * noise), drawing, image[:15, :15])
    assert [find_jpeg(other) for other in others] == [None] * len(others)


def test_planes_are_those_that_were_stored():
    image, tables = stored(CLEAN[:125, :123], 80)
    colour = blocks_of(stored_colour(to_ycc(image)[..., 1], (2, 2)))
    steps = np.reshape(tables[1], (8, 8))
    assert np.quantile(np.abs(colour - steps * np.round(colour / steps)), 0.9) < 1.5  # the least step is 7
    assert np.abs(np.round(colour / steps)).max() > 1


def test_blocks_and_reduced_planes_go_back():
    plane = np.random.default_rng(0).normal(size=(21, 17))
    np.testing.assert_allclose(with_blocks(plane, blocks_of(plane)), plane, atol=1e-12)
    assert not with_blocks(plane, 0 * blocks_of(plane))[:16, :16].any()
    np.testing.assert_array_equal(reduce(np.array([[1.0, 3, 5]]), (1, 2)), [[2, 5]])
    np.testing.assert_array_equal(enlarge(np.array([[0.0, 4]]), (1, 2), (1, 3)), [[0, 1, 3]])
    small = np.random.default_rng(1).normal(size=(11, 9)).cumsum(0).cumsum(1)
    wide = enlarge(small, (2, 2), (22, 18))
    np.testing.assert_allclose(stored_colour(wide, (2, 2)), small, atol=0.02 * np.abs(small).max())
