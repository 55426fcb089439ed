"""Tiles on disk survive what a kill leaves of their file."""

import numpy as np
import pytest

from cgdenoise.errors import ImageError
from cgdenoise.jobs.tile_file import TileFile, left_by

KEY = {"input": "abc", "seed": 0}
TILES = {index: np.random.default_rng(index).normal(size=(5, 7, 2)).astype(np.float32) for index in (0, 1, 5)}


def filled(path):
    file = TileFile(path, KEY)
    for index, values in TILES.items():
        file.add(index, values)
    return file


def test_tiles_are_found_again_by_another_run(tmp_path):
    filled(tmp_path / "x.tiles")
    again = TileFile(tmp_path / "x.tiles", KEY)
    for index, values in TILES.items():
        np.testing.assert_array_equal(again.find(index), values)
    assert again.find(2) is None


def test_what_decided_them_is_told(tmp_path):
    filled(tmp_path / "x.tiles")
    assert left_by(tmp_path / "x.tiles") == KEY
    (tmp_path / "y").write_text("bathroom")
    assert left_by(tmp_path / "y") is None
    assert left_by(tmp_path / "z") is None


def test_tiles_of_other_choices_do_not_count(tmp_path):
    filled(tmp_path / "x.tiles")
    assert TileFile(tmp_path / "x.tiles", KEY | {"seed": 1}).find(0) is None
    assert TileFile(tmp_path / "x.tiles", KEY).find(0) is None  # they are gone


@pytest.mark.parametrize("lost", [1, 100, 5 * 7 * 2 * 4, 5 * 7 * 2 * 4 + 10, 5 * 7 * 2 * 4 + 24])
def test_a_tile_that_was_cut_off_is_made_again(tmp_path, lost):
    path = tmp_path / "x.tiles"
    filled(path)
    path.write_bytes(path.read_bytes()[:-lost])
    file = TileFile(path, KEY)
    assert file.find(5) is None
    np.testing.assert_array_equal(file.find(1), TILES[1])
    file.add(5, TILES[5])
    np.testing.assert_array_equal(TileFile(path, KEY).find(5), TILES[5])


def test_a_damaged_tile_does_not_count(tmp_path):
    path = tmp_path / "x.tiles"
    filled(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert TileFile(path, KEY).find(5) is None
    assert TileFile(path, KEY).find(0) is not None


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"x\.tiles: cannot be written"):
        TileFile(tmp_path / "missing" / "x.tiles", KEY)


def test_a_file_of_another_kind_is_left_alone(tmp_path):
    (tmp_path / "x.tiles").write_text("bathroom")
    with pytest.raises(ImageError, match="no file of tiles"):
        TileFile(tmp_path / "x.tiles", KEY)
    assert (tmp_path / "x.tiles").read_text() == "bathroom"
