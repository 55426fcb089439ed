"""OME-Zarr, a folder of chunks, by zarr: the image of full size, read and written by rows, with what its attributes say."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np

from cgdenoise.errors import ImageError
from cgdenoise.reading.on_disk import Folder, RowsOnDisk, let_go

from .container import Container, InFolder, check_one_size, needed
from .picture import LARGE, MAX_BYTES, MOST_CHANNELS, Array, Metadata, Picture, check_shape
from .stack import Stack, check_axes

_CHUNK = 1024
"""Side of the chunks of an image that had none. By hand."""


@dataclass(frozen=True)
class ZarrImage:
    """What a picture came from: format, attributes, path and chunks of the array, its axes and its shape."""

    format: int
    attributes: dict[str, Any]
    path: str
    chunks: tuple[int, ...]
    axes: str
    shape: tuple[int, ...]


def _read(path: str | PathLike[str], folder: Folder, axes: str | None) -> Picture:
    zarr = needed("zarr", "zarr")
    node = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Array):
        array, attributes, place, found = node, {}, "", axes
    else:
        attributes = json.loads(json.dumps(dict(node.attrs)))
        scales = _multiscales(attributes)
        place = str(scales["datasets"][0]["path"])
        array, found = node[place], axes or _axes_of(scales)
    if found is None:
        raise ImageError(f"Zarr array of shape {array.shape}; expected the metadata of OME-Zarr, or --axes")
    found = check_axes(found, array.ndim)
    inner = found[-3:] if found[-3:] in ("YXC", "YXS") else found[-2:]
    if not inner.startswith("YX"):
        raise ImageError(f"axes {found!r} of a Zarr array; expected Y and X last")
    kept = ZarrImage(int(array.metadata.zarr_format), attributes, place, tuple(array.chunks), found, tuple(array.shape))
    return Picture(_pages(array, kept, len(inner), folder), None, "zarr", Metadata(verbatim=kept), _stack(kept, len(inner)))


def _multiscales(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return what the attributes say of the image and its smaller copies; the first of several images."""
    found = attributes.get("ome", attributes).get("multiscales")
    if not found or not found[0].get("datasets"):
        raise ImageError("Zarr group without an image; expected the metadata of OME-Zarr (multiscales)")
    scales: dict[str, Any] = found[0]
    return scales


def _axes_of(scales: dict[str, Any]) -> str:
    # Until version 0.3 there were five axes, always these.
    named = scales.get("axes", list("tczyx"))
    return "".join(str(axis["name"] if isinstance(axis, dict) else axis) for axis in named)


def _stack(kept: ZarrImage, inner: int) -> Stack | None:
    outer = kept.axes[:-inner]
    return Stack(outer, kept.shape[:-inner]) if outer else None


def _pages(array: Any, kept: ZarrImage, inner: int, folder: Folder) -> tuple[Array, ...]:
    """Read all pages; onto the disk if they are large."""
    shape, dtype = kept.shape[-inner:], np.dtype(array.dtype).newbyteorder("=")
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise ImageError(f"Zarr array of {dtype}; expected real integers or floats of 8 to 64 bits")
    count = math.prod(kept.shape[:-inner])
    check_shape(shape, dtype.itemsize, count, channels=MOST_CHANNELS)
    if (size := math.prod(kept.shape) * dtype.itemsize) <= LARGE:
        pages = np.asarray(array[...]).astype(dtype, copy=False).reshape(-1, *shape)
        return tuple(np.ascontiguousarray(page) for page in pages)
    if size > MAX_BYTES:
        raise ImageError(f"Zarr array of {size} bytes; expected at most {MAX_BYTES}")
    rows = RowsOnDisk(folder, dtype)
    for place, top, bottom in _bands(kept, inner):
        rows.append(np.asarray(array[(*place, slice(top, bottom))]))
    return tuple(rows.arrays([shape] * count))


def _bands(kept: ZarrImage, inner: int) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """Yield the rows of a chunk at a time: the page that they are of, and which they are."""
    height, step = kept.shape[-inner], kept.chunks[-inner]
    for place in np.ndindex(*kept.shape[:-inner]):
        for top in range(0, height, step):
            yield place, top, min(top + step, height)


def _check(picture: Picture) -> None:
    if picture.alpha is not None:
        raise ImageError("an alpha channel does not fit in an OME-Zarr; expected an image without one")
    check_one_size(picture, "an OME-Zarr")


def _write(picture: Picture, path: str) -> None:
    _check(picture)
    zarr, kept = needed("zarr", "zarr"), picture.metadata.verbatim
    kept = kept if isinstance(kept, ZarrImage) else _fresh(picture)
    named = {} if kept.format == 2 else {"dimension_names": [axis.lower() for axis in kept.axes]}
    options = {"shape": kept.shape, "chunks": kept.chunks, "dtype": picture.dtype, **named}
    options["chunk_key_encoding"] = {"name": "v2" if kept.format == 2 else "default", "separator": "/"}
    if kept.path:
        group = zarr.open_group(path, mode="w", zarr_format=kept.format)
        group.attrs.update(_of_one_size(kept.attributes))
        array = group.create_array(kept.path, **options)
    else:
        array = zarr.create_array(path, zarr_format=kept.format, **options)
    inner = picture.pages[0].ndim
    for place, top, bottom in _bands(kept, inner):
        page = picture.pages[int(np.ravel_multi_index(place, kept.shape[:-inner])) if place else 0]
        array[(*place, slice(top, bottom))] = page[top:bottom]
        let_go(page)


def _of_one_size(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return attributes without the smaller copies of the image: they would show the old pixels."""
    changed: dict[str, Any] = json.loads(json.dumps(attributes))
    scales = _multiscales(changed)
    scales["datasets"] = scales["datasets"][:1]
    return changed


def _fresh(picture: Picture) -> ZarrImage:
    """Return how a picture is written that comes from another format: version 0.5 of OME-Zarr."""
    page, count = picture.pages[0], len(picture.pages)
    outer = picture.stack or Stack("Z" if count > 1 else "", (count,) if count > 1 else ())
    if page.ndim == 3 and "C" in outer.axes:
        raise ImageError("an axis C and channels beside each other do not fit in an OME-Zarr; expected one of them")
    axes = outer.axes + "YX" + ("C" if page.ndim == 3 else "")
    kinds = {"T": "time", "C": "channel"}
    named = [{"name": axis.lower(), "type": kinds.get(axis, "space")} for axis in axes]
    dataset = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0] * len(axes)}]}
    attributes = {"ome": {"version": "0.5", "multiscales": [{"axes": named, "datasets": [dataset]}]}}
    chunks = (*[1] * len(outer.shape), *(min(_CHUNK, side) for side in page.shape[:2]), *page.shape[2:])
    return ZarrImage(3, attributes, "0", chunks, axes, (*outer.shape, *page.shape))


def _refuse(data: bytes) -> Picture:
    raise ImageError("an OME-Zarr is a folder; expected its name")


def _refuse_stream(picture: Picture) -> bytes:
    raise ImageError("an OME-Zarr is a folder, which goes through no pipe; expected -o NAME.zarr")


CONTAINER = replace(Container("OME-Zarr", (), (".zarr",), _refuse, _check, _refuse_stream), in_folder=InFolder(_read, _write))
