import numpy as np
import pytest

from cgdenoise.errors import ImageError
from cgdenoise.images import Metadata, Picture


def one(array, alpha=None):
    return Picture((array,), alpha, "npy")


@pytest.mark.parametrize(
    ("dtype", "peak"), [("u1", 255), ("u2", 65535), ("i2", 32767), ("u4", 2**32 - 1), ("f4", 1.0), ("f8", 1.0)]
)
def test_peak(dtype, peak):
    assert one(np.zeros((2, 2), dtype)).peak == peak


def test_with_pages_rounds_and_clips():
    picture = one(np.zeros((1, 6), np.uint8))
    restored = picture.with_pages([np.array([[-3.0, 0.4, 0.6, 254.6, 256.0, np.inf]], np.float32)])
    assert restored.pages[0].dtype == np.uint8
    assert restored.pages[0].tolist() == [[0, 0, 1, 255, 255, 255]]


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u4", "u8"])
@pytest.mark.parametrize("given", ["f4", "f8"])
def test_with_pages_never_wraps_around(dtype, given):
    limits = np.iinfo(dtype)
    values = np.array([[-1e30, 1e30, float(limits.min), float(limits.max)]], given)
    low, high, lowest, highest = one(np.zeros((1, 4), dtype)).with_pages([values]).pages[0][0].tolist()
    assert low == lowest == limits.min
    assert high == highest
    assert limits.max - high < 2**11  # 64 bits have no exact float64; all others do
    assert high == limits.max or np.dtype(dtype).itemsize == 8


def test_with_pages_keeps_floats_as_they_are():
    picture = one(np.zeros((1, 3), np.float32))
    restored = picture.with_pages([np.array([[-2.5, 0.1, 7.0]])])
    assert restored.pages[0].dtype == np.float32
    assert np.array_equal(restored.pages[0], np.array([[-2.5, 0.1, 7.0]], np.float32))


def test_with_pages_keeps_the_rest():
    alpha = (np.full((2, 2), 9, np.uint8),)
    picture = Picture((np.zeros((2, 2, 3), np.uint8),), alpha, "png", Metadata(dpi=(72, 72)))
    restored = picture.with_pages([np.full((2, 2, 3), 3.0)])
    assert restored.alpha is alpha
    assert restored.metadata is picture.metadata
    assert restored.container == "png"


@pytest.mark.parametrize("pages", [[], [np.zeros((2, 3))], [np.zeros((2, 2, 1))], [np.zeros((2, 2))] * 2])
def test_with_pages_wants_the_same_shapes(pages):
    with pytest.raises(ImageError, match="expected"):
        one(np.zeros((2, 2))).with_pages(pages)


def test_with_pages_refuses_nan_for_integers():
    with pytest.raises(ImageError, match="NaN"):
        one(np.zeros((1, 1), np.uint8)).with_pages([np.array([[np.nan]])])


@pytest.mark.parametrize(
    ("pages", "alpha"),
    [
        ((), None),
        ((np.zeros((2, 2), bool),), None),
        ((np.zeros((2, 2), complex),), None),
        ((np.zeros((0, 2)),), None),
        ((np.zeros(4),), None),
        ((np.zeros((2, 2)), np.zeros((2, 2), np.float32)), None),
        ((np.zeros((2, 2)),), (np.zeros((2, 3)),)),
        ((np.zeros((2, 2)),), ()),
    ],
)
def test_contradictions_are_refused(pages, alpha):
    with pytest.raises(ImageError, match="expected"):
        Picture(pages, alpha, "npy")
