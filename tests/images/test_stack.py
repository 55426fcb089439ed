"""What the pages of a stack are to each other, by what a file or its user says."""

import io

import numpy as np
import pytest
import tifffile

from cgdenoise.errors import ImageError
from cgdenoise.images import decode, encode
from cgdenoise.images.stack import Stack, check_axes, described, labelled


def saved(array, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, photometric="minisblack", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("options", "axes"),
    [
        ({"imagej": True}, "TZCYX"),
        ({"ome": True, "metadata": {"axes": "TZCYX"}}, "TZCYX"),
        ({"ome": True, "metadata": {"axes": "TCZYX"}}, "TCZYX"),
        ({"metadata": {"axes": "TZCYX"}}, "TZCYX"),
    ],
)
def test_files_say_what_their_pages_are(pixels, options, axes):
    found = decode(saved(pixels("u2", (2, 3, 4, 9, 8)), **options), "x")
    assert found.stack == Stack(axes[:3], (2, 3, 4))
    assert decode(encode(found, "tiff", "x"), "x").stack == found.stack


@pytest.mark.parametrize(
    "text",
    ["", "ImageJ=1\nimages=6\n", "ImageJ=1\nchannels=7\n", "<OME/>", '<Pixels DimensionOrder="XYZCT" SizeZ="5"/>', "{}", "{"],
)
def test_what_says_nothing_of_so_many_pages(text):
    assert described(text, 6) is None


def test_the_user_says_what_the_file_does_not():
    assert labelled(None, 6, 1, "tyx") == Stack("T", (6,))
    assert labelled(None, 6, 3, "ZYXC") == Stack("Z", (6,))
    assert labelled(Stack("TZ", (2, 3)), 6, 1, "ZCYX") == Stack("ZC", (2, 3))
    assert labelled(None, 1, 1, "YX") is None
    with pytest.raises(ImageError, match="axes 'TZYX' for 6 pages; expected sizes in the metadata"):
        labelled(None, 6, 1, "TZYX")


@pytest.mark.parametrize("axes", ["", "TX", "XY", "TTYX", "QYX", "SCYX"])
def test_what_are_no_axes(axes):
    with pytest.raises(ImageError, match="expected Y"):
        check_axes(axes)


@pytest.mark.parametrize(
    ("axes", "shape", "page", "stack"),
    [
        ("TZCYX", (2, 3, 4, 9, 8), (9, 8), Stack("TZC", (2, 3, 4))),
        ("TYXC", (2, 9, 8, 3), (9, 8, 3), Stack("T", (2,))),
        ("CYX", (3, 9, 8), (9, 8), Stack("C", (3,))),
        ("YXC", (9, 8, 40), (9, 8, 40), None),
        ("YXT", (9, 8, 5), (9, 8), Stack("T", (5,))),
        ("YTXZC", (9, 2, 8, 3, 4), (9, 8, 4), Stack("TZ", (2, 3))),
        ("YX", (9, 8), (9, 8), None),
    ],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_many_axes_come_back(pixels, axes, shape, page, stack, order):
    array = np.asarray(pixels("u2", shape), order=order)
    buffer = io.BytesIO()
    np.save(buffer, array)
    found = decode(buffer.getvalue(), "x", axes)
    assert (found.pages[0].shape, found.stack) == (page, stack)
    np.testing.assert_array_equal(np.load(io.BytesIO(encode(found, "npy", "x"))), array)


def test_axes_that_do_not_fit():
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((5, 4, 9, 8)))
    with pytest.raises(ImageError, match="array of 4 axes; expected as many"):
        decode(buffer.getvalue(), "x", "TYX")
    with pytest.raises(ImageError, match="or --axes"):
        decode(buffer.getvalue(), "x")


def test_many_samples_are_taken_if_their_axis_is_named(pixels):
    array = pixels("u2", (9, 8, 30))
    data = saved(array, planarconfig="contig")
    with pytest.raises(ImageError, match="C at most 16, or --axes"):
        decode(data, "x")
    found = decode(data, "x", "YXC")
    np.testing.assert_array_equal(decode(encode(found, "tiff", "x"), "x", "YXC").pages[0], array)
