"""Tiles cover an image, share what they should, and come together again."""

import itertools

import numpy as np
import pytest

from cgdenoise.restoration.tiles import Tiling, blended

SHAPES = [(7, 9, 16, 4), (40, 16, 16, 4), (41, 57, 16, 4), (16, 200, 16, 15), (33, 31, 16, 1)]


@pytest.mark.parametrize(("height", "width", "side", "overlap"), SHAPES)
def test_tiles_cover_the_image_and_overlap(height, width, side, overlap):
    tiling = Tiling(height, width, side, overlap)
    seen = np.zeros((height, width), int)
    for index, tile in enumerate(tiling.tiles()):
        assert tile.index == index
        assert seen[tile.rows, tile.columns].shape == (min(side, height), min(side, width))
        seen[tile.rows, tile.columns] += 1
    assert seen.min() >= 1
    assert tiling.count == index + 1
    for starts, length in ((tiling.rows, height), (tiling.columns, width)):
        assert starts[-1] + min(side, length) == length
        assert all(after - before <= side - overlap for before, after in itertools.pairwise(starts))


@pytest.mark.parametrize("length", [*range(60, 110), 4000])
@pytest.mark.parametrize(("side", "overlap", "block"), [(64, 16, 16), (61, 32, 8), (50, 17, 3)])
def test_tiles_begin_with_blocks(length, side, overlap, block):
    tiling = Tiling(length, 20, side, overlap, block)
    height, width = tiling.size
    assert side - block < height <= side or height == length < side
    assert width == 20
    assert tiling.rows[0] == 0
    assert tiling.rows[-1] + height == length
    assert [start % block for start in tiling.rows] == [0] * len(tiling.rows)
    assert all(0 < after - before <= height - overlap for before, after in itertools.pairwise(tiling.rows))


@pytest.mark.parametrize(("height", "width", "side", "overlap"), SHAPES)
def test_what_was_cut_comes_together_again(height, width, side, overlap):
    tiling = Tiling(height, width, side, overlap)
    image = np.random.default_rng(0).normal(size=(height, width, 2))
    bands = list(blended(tiling, 2, (image[tile.rows, tile.columns].astype(np.float32) for tile in tiling.tiles())))
    assert [rows.start for rows, _ in bands] == [0, *(rows.stop for rows, _ in bands[:-1])]
    np.testing.assert_allclose(np.concatenate([values for _, values in bands]), image, atol=1e-6)


def test_tiles_that_differ_meet_without_a_step():
    tiling = Tiling(16, 28, 16, 4)
    (_, values), = blended(tiling, 1, [np.zeros((16, 16, 1), np.float32), np.ones((16, 16, 1), np.float32)])  # fmt: skip
    np.testing.assert_allclose(values[0, :, 0], [0] * 12 + [0.125, 0.375, 0.625, 0.875] + [1] * 12)
