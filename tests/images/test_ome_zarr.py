"""Images that are folders of chunks."""

import os

import numpy as np
import pytest

from cgdenoise.errors import ImageError
from cgdenoise.images import is_image_folder, ome_zarr, open_image, read_image, write_image
from cgdenoise.images.stack import Stack
from cgdenoise.reading.on_disk import is_on_disk

zarr = pytest.importorskip("zarr")
AXES = [{"name": "c", "type": "channel"}, {"name": "y", "type": "space", "unit": "micrometer"}, {"name": "x", "type": "space"}]


@pytest.fixture(params=[2, 3])
def image(request, tmp_path, pixels):
    """An image of two sizes, with names of channels, as versions 0.4 and 0.5 of the format have it."""
    array = pixels("u2", (2, 40, 50))
    group = zarr.open_group(str(tmp_path / "a.ome.zarr"), mode="w", zarr_format=request.param)
    for level in (1, 2):
        encoding = {"name": "v2" if request.param == 2 else "default", "separator": "/"}
        part = group.create_array(
            str(level - 1), shape=array[:, ::level, ::level].shape, chunks=(1, 16, 16), dtype="u2", chunk_key_encoding=encoding
        )
        part[...] = array[:, ::level, ::level]
    scales = [{"axes": AXES, "datasets": [{"path": "0", "coordinateTransformations": []}, {"path": "1"}]}]
    said = {"multiscales": scales, "omero": {"channels": [{"label": "DAPI"}, {"label": "GFP"}]}}
    group.attrs.update(said if request.param == 2 else {"ome": {"version": "0.5", **said}})
    return array


@pytest.mark.parametrize("large", [False, True])
def test_pixels_and_attributes_come_back(tmp_path, image, large, monkeypatch):
    if large:
        monkeypatch.setattr(ome_zarr, "LARGE", 0)
    found, digest = open_image(tmp_path / "a.ome.zarr", tmp_path)
    assert len(digest) == 64
    assert found.stack == Stack("C", (2,))
    assert is_on_disk(found.pages[0]) == large
    np.testing.assert_array_equal(found.pages, image)
    for _ in range(2):  # the second takes the place of the first
        write_image(tmp_path / "b.ome.zarr", found)
    assert sorted(os.listdir(tmp_path)) == ["a.ome.zarr", "b.ome.zarr"]
    again = read_image(tmp_path / "b.ome.zarr")
    np.testing.assert_array_equal(again.pages, image)
    before, after = (zarr.open_group(str(tmp_path / f"{name}.ome.zarr"), mode="r") for name in "ab")
    assert after["0"].chunks == before["0"].chunks
    assert after.metadata.zarr_format == before.metadata.zarr_format
    assert list(after.keys()) == ["0"]
    old, new = (group.attrs.get("ome", dict(group.attrs)) for group in (before, after))
    assert new["omero"] == old["omero"]
    assert new["multiscales"][0]["axes"] == AXES
    assert [part["path"] for part in new["multiscales"][0]["datasets"]] == ["0"]


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
def test_from_an_array(tmp_path, pixels, shape):
    array = pixels("f4", shape)
    write_image(tmp_path / "a.zarr", array)
    assert is_image_folder(tmp_path / "a.zarr")
    np.testing.assert_array_equal(read_image(tmp_path / "a.zarr").pages[0], array)


def test_bare_arrays_need_axes(tmp_path, pixels):
    array = zarr.create_array(str(tmp_path / "a.zarr"), shape=(3, 20, 30), dtype="u1", chunks=(1, 20, 30))
    array[...] = pixels("u1", (3, 20, 30))
    with pytest.raises(ImageError, match=r"a.zarr: Zarr array of shape \(3, 20, 30\); expected .* --axes"):
        read_image(tmp_path / "a.zarr")
    found = read_image(tmp_path / "a.zarr", "TYX")
    assert found.stack == Stack("T", (3,))
    write_image(tmp_path / "b.zarr", found)
    np.testing.assert_array_equal(zarr.open(str(tmp_path / "b.zarr"))[...], array[...])


def test_what_is_none(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "zarr.json").write_text("{}")
    with pytest.raises(ImageError, match=r"a.zarr: "):
        read_image(tmp_path / "a.zarr")
    zarr.open_group(str(tmp_path / "b.zarr"), mode="w")
    with pytest.raises(ImageError, match="group without an image"):
        read_image(tmp_path / "b.zarr")
