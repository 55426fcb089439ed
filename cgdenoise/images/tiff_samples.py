"""The samples of TIFF pages: in memory, or strip by strip onto the disk where they would fill the memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cgdenoise.errors import ImageError
from cgdenoise.reading.on_disk import RowsOnDisk

from .picture import MAX_PAGES, Array, check_shape

_UNCOMPRESSED = 1
_SEPARATE = 2
_BLOCK = 1 << 24
"""Bytes that are read at once. By hand."""


def read_page(page: Any) -> Array:
    """Return a page's samples, (H, W) or (H, W, samples).

    Raises
    ------
    ImageError
        If they cannot be decoded.
    """
    try:
        samples = page.asarray(maxworkers=1)
    except Exception as error:
        raise ImageError(f"damaged TIFF: pixel data cannot be decoded ({error})") from error
    if samples.shape != page.shape or samples.dtype != page.dtype:
        raise ImageError(f"damaged TIFF: pixels of shape {samples.shape}; expected {page.shape}")
    return _channels_last(page, samples)


def read_on_disk(page: Any, rows: RowsOnDisk, coloured: Callable[[Array], Array]) -> tuple[int, ...]:
    """Append a page's samples to what lies on the disk, once a function has given them their colours.

    Returns
    -------
    tuple of int
        Shape of what was appended, as `cut` wants it.
    """
    try:
        for band in _bands(page):
            rows.append(colours := coloured(band))
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"damaged TIFF: pixel data cannot be decoded ({error})") from error
    return (*page.shape, 3) if colours.size > band.size else page.shape


def cut(rows: RowsOnDisk, pages: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Return the samples of pages that have been appended, (H, W) or (H, W, samples)."""
    found = rows.arrays(shapes)
    return [_channels_last(page, samples) for page, samples in zip(pages, found, strict=True)]


def read_hidden(page: Any, size: int, images: int, rows: RowsOnDisk | None) -> list[Array]:
    """Read a stack of which the file's only directory describes the first image; the others follow it, bare.

    Parameters
    ----------
    page
        The first.
    size
        Of the file, in bytes.
    images
        How many there are.
    rows
        Where they are put if they are large.
    """
    room = (size - page.dataoffsets[0]) // page.nbytes
    if images > MAX_PAGES:
        raise ImageError(f"TIFF of {images} pages; expected at most {MAX_PAGES}")
    if page.compression != _UNCOMPRESSED or not page.is_contiguous or page.fillorder != 1 or room < images:
        raise ImageError(f"TIFF that announces {images} images but has 1; expected a directory an image, or plain data")
    check_shape((page.imagelength, page.imagewidth, page.samplesperpixel), page.dtype.itemsize, images)
    if rows is None:
        stack = np.concatenate(list(_plain(page, images))).reshape(images, *page.shape)
        return [_channels_last(page, image) for image in stack]
    for block in _plain(page, images):
        rows.append(block)
    return cut(rows, [page] * images, [page.shape] * images)


def _bands(page: Any) -> Iterator[Array]:
    """Yield a page's samples in their order: the rows of a strip or of a row of tiles at a time; planes one after the other."""
    if page.is_memmappable:
        yield from _plain(page, 1)
        return
    planes, _, height, width, samples = page.shaped
    step, across = (page.tilelength, math.ceil(width / page.tilewidth)) if page.is_tiled else (page.rowsperstrip, 1)
    segments = page.segments(maxworkers=1, buffersize=_BLOCK)
    for _ in range(planes):
        for top in range(0, height, step):
            band = np.empty((min(step, height - top), width, samples), page.dtype)
            for _ in range(across):
                values, (_, _, _, left, _), _ = next(segments)
                place = band[:, left : left + values.shape[2]]
                place[...] = values[0, : len(band), : place.shape[1]]
            yield band[..., 0] if samples == 1 else band


def _plain(page: Any, images: int) -> Iterator[Array]:
    """Yield the samples of images that lie one after the other as they are, from a page's first one on; flat."""
    file, dtype = page.parent.filehandle, page.dtype.newbyteorder(page.parent.byteorder)
    left = images * page.nbytes
    place = page.dataoffsets[0]
    while left:
        file.seek(place)
        block = file.read(min(left, _BLOCK))
        if len(block) < min(left, _BLOCK):
            raise ImageError(f"truncated TIFF: {left - len(block)} bytes of pixel data are missing")
        left, place = left - len(block), place + len(block)
        yield np.frombuffer(block, dtype).astype(page.dtype)


def _channels_last(page: Any, samples: Array) -> Array:
    return np.moveaxis(samples, 0, -1) if page.planarconfig == _SEPARATE and samples.ndim == 3 else samples
