"""Claims, the pictures that experiments take, and the experiments as a whole."""

import math

import numpy as np
import pytest
from PIL import Image

from cgdenoise.errors import ImageError
from cgdenoise.experiments.findings import Claim, Setting
from cgdenoise.experiments.pictures import from_folder, grey, shipped, square
from cgdenoise.experiments.registry import EXPERIMENTS


@pytest.mark.parametrize(
    ("measured", "comparison", "holds"),
    [
        (1.0, "<=", True),
        (1.1, "<=", False),
        (1.0, ">=", True),
        (0.9, ">=", False),
        (math.nan, "<=", False),
        (math.nan, ">=", False),
    ],
)
def test_a_claim_holds_or_says_that_it_does_not(measured, comparison, holds):
    claim = Claim("a ratio", measured, comparison, 1.0)
    assert claim.holds == holds
    assert str(claim).startswith("holds: a ratio:" if holds else "DOES NOT HOLD: a ratio:")


def test_shipped_photographs_are_large_enough_and_in_range():
    for photograph in shipped():
        assert min(photograph.values.shape[:2]) >= 256
        assert 0 <= photograph.values.min() < photograph.values.max() <= 1


def test_a_square_is_of_block_means_about_the_middle():
    values = np.arange(7 * 9, dtype=float).reshape(7, 9)
    np.testing.assert_array_equal(square(values, 3), values[0:6, 1:7].reshape(3, 2, 3, 2).mean((1, 3)))
    assert square(np.ones((8, 8, 3)), 4).shape == (4, 4, 3)
    with pytest.raises(ImageError, match="9x7 pixels; expected 8x8"):
        square(values, 8)


def test_grey_is_luma():
    np.testing.assert_allclose(grey(np.ones((2, 2, 3))), np.ones((2, 2)))
    np.testing.assert_allclose(grey(np.eye(3)[None]), [[0.299, 0.587, 0.114]])


def test_a_folder_of_images(tmp_path):
    Image.fromarray(np.full((4, 5), 51, np.uint8)).save(tmp_path / "b.png")
    np.save(tmp_path / "a.npy", np.array([[2.0, 3.0], [4.0, 6.0]]))
    (tmp_path / "c.txt").write_text("no image")
    first, second = from_folder(str(tmp_path))
    assert (first.name, second.name) == ("a", "b")
    np.testing.assert_allclose(first.values, [[0, 0.25], [0.5, 1]])
    np.testing.assert_allclose(second.values, np.full((4, 5), 0.2))


@pytest.mark.parametrize("kind", ["missing", "empty", "channels", "nan"])
def test_what_is_no_folder_of_images_is_refused(tmp_path, kind):
    folder = tmp_path / "folder"
    if kind != "missing":
        folder.mkdir()
    if kind in ("channels", "nan"):
        np.save(folder / "x.npy", np.zeros((4, 4, 2)) if kind == "channels" else np.full((4, 4), np.nan))
    with pytest.raises(ImageError, match="expected"):
        from_folder(str(folder))


@pytest.mark.parametrize("name", ["kernels", "selective-fitting"])
def test_quick_ones_hold(name):
    findings = EXPERIMENTS[name].run(Setting(shipped(), quick=True))
    assert [str(claim) for claim in findings.claims if not claim.holds] == []
    assert len(findings.table.rows) > 100


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jacobian", "architectures", "two-layer"])
def test_claims_hold_on_another_seed(name):
    findings = EXPERIMENTS[name].run(Setting(shipped(), quick=True, seed=1))
    assert [str(claim) for claim in findings.claims if not claim.holds] == []
