"""TIFF, writing. A file is a header, strips and directories; writing them here is what lets a tag stay as it was.

(tifffile writes its own ImageDescription and no EXIF directory, Pillow no 16-bit RGB.)
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from cgdenoise.errors import ImageError

from . import ifd
from .picture import Array, Metadata, Picture, channel_count, join_alpha

DESCRIPTION = 270

KEPT = frozenset(
    (
        *(269, DESCRIPTION, 271, 272, 274, 285, 297, 305, 306, 315, 316, 33432),  # who, what, when, how to turn it
        *(282, 283, 286, 287, 296),  # resolution, position, unit
        *(301, 318, 319, 34675),  # transfer function, white point, primaries, ICC profile
        *(700, 33723, 34377),  # XMP, IPTC, Photoshop's resources (not its layers: they show the old pixels)
        *(33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113),  # GeoTIFF, GDAL
        *(50838, 50839, 51123, 34118, 34680, 34682),  # ImageJ, Micro-Manager, Zeiss and FEI electron microscopes
    )
)
"""Tags carried from page to page: those whose bytes mean the same at another place and beside other pixels."""

_DESCRIBES_LAYOUT = (b"ImageJ=", b"<OME", b'"shape"', b"shape=")
_TIED_TO_DESCRIPTION = frozenset((50838, 50839))
_MINISBLACK, _RGB, _PALETTE = 1, 2, 3
_UNASSOCIATED_ALPHA = 2
_STRIP_BYTES = 1 << 20
_CLASSIC_LIMIT = (1 << 32) - (1 << 26)  # leaves room for directories and incompressible strips


@dataclass(frozen=True)
class PageLayout:
    """How a page was stored, as far as it is stored so again: `alpha` is its ExtraSamples value, or None."""

    photometric: int
    alpha: int | None
    planar: bool
    compressed: bool
    tags: tuple[ifd.Tag, ...] = ()


@dataclass(frozen=True)
class TiffPages:
    """What a TIFF's pages carry beside pixels, and the shapes of all arrays the file held, as it held them.

    A description in which ImageJ, OME or tifffile lay out the stack is true for these shapes and no others.
    """

    order: ifd.Order
    shapes: tuple[tuple[int, ...], ...]
    pages: tuple[PageLayout, ...]


def check(picture: Picture) -> None:
    """Raise ImageError unless a TIFF can hold `picture`. It holds whatever a `Picture` can be."""
    if picture.dtype.itemsize > 8:
        raise ImageError(f"{picture.dtype} pixels do not fit in a TIFF, which holds at most 64 bits a sample")


def encode(picture: Picture) -> bytes:
    """Encode a picture as TIFF, without loss: deflate-compressed unless it comes from an uncompressed TIFF.

    Pages are stored the way they were read (byte order, photometric interpretation, planar configuration), with the
    tags they had. A file that outgrows 4 GiB becomes a BigTIFF.
    """
    check(picture)
    order, pages, exif = _plan(picture)
    alphas = picture.alpha or (None,) * len(picture.pages)
    samples = [join_alpha(page, alpha) for page, alpha in zip(picture.pages, alphas, strict=True)]
    layout = ifd.Layout(order, big=sum(array.nbytes for array in samples) > _CLASSIC_LIMIT)

    output = bytearray(layout.header(0))
    located: list[tuple[int, list[int], list[int]]] = []
    for array, page in zip(samples, pages, strict=True):
        offsets, counts = [], []
        rows = max(1, _STRIP_BYTES // (array[0].nbytes // (array.shape[2] if page.planar else 1)))
        for strip in _strips(array, page, rows, order):
            offsets.append(len(output))
            counts.append(len(strip))
            output += strip + b"\0" * (len(strip) % 2)
        located.append((rows, offsets, counts))
    output[: len(layout.header())] = layout.header(len(output))
    for index, (array, page, (rows, offsets, counts)) in enumerate(zip(samples, pages, located, strict=True)):
        tags = (*_structure(layout, array, page, len(pages), rows), *page.tags)
        long = ifd.LONG8 if layout.big else ifd.LONG
        places = (layout.tag(273, long, *offsets), layout.tag(279, long, *counts))
        directory = ifd.Directory((*tags, *places), exif.children if index == 0 else {})
        output += ifd.write_directory(directory, len(output), layout, last=index == len(pages) - 1)
    return bytes(output)


def _plan(picture: Picture) -> tuple[ifd.Order, list[PageLayout], ifd.Directory]:
    """Return the byte order, how to store each page, and the directory whose children are EXIF and GPS."""
    metadata, stored = picture.metadata, picture.metadata.verbatim
    block, exif = ifd.read_block(metadata.exif or b"")
    if not isinstance(stored, TiffPages) or len(stored.pages) != len(picture.pages):
        # EXIF values are moved as raw bytes, so that the whole file takes their byte order.
        alpha = None if picture.alpha is None else _UNASSOCIATED_ALPHA
        tags = tuple(_common_tags(metadata, block, exif))
        return block.order, [_fresh(page, alpha, tags) for page in picture.pages], exif
    pages = [_again(page, old, picture.alpha is not None) for page, old in zip(picture.pages, stored.pages, strict=True)]
    shapes = tuple(_stored_shape(p, page) for p, page in zip(picture.pages, pages, strict=True))
    if shapes != stored.shapes:
        pages = [replace(page, tags=without_layout(page.tags)) for page in pages]
    return stored.order, pages, exif if block.order == stored.order else ifd.Directory()


def _fresh(page: Array, alpha: int | None, tags: tuple[ifd.Tag, ...]) -> PageLayout:
    photometric = _RGB if channel_count(page) == 3 else _MINISBLACK
    return PageLayout(photometric, alpha, planar=False, compressed=True, tags=tags)


def _again(page: Array, old: PageLayout, has_alpha: bool) -> PageLayout:
    """Return the layout a page had, but for what its pixels no longer allow."""
    fresh = _fresh(page, _UNASSOCIATED_ALPHA if has_alpha else None, old.tags)
    fits = channel_count(page) == {_RGB: 3, _PALETTE: 1}.get(old.photometric, channel_count(page))
    return replace(
        old,
        photometric=old.photometric if fits else fresh.photometric,
        alpha=old.alpha if has_alpha and old.alpha is not None else fresh.alpha,
    )


def _stored_shape(page: Array, layout: PageLayout) -> tuple[int, ...]:
    """Return the shape of a page's samples in the file, as tifffile reports it."""
    samples = channel_count(page) + (layout.alpha is not None)
    if samples == 1:
        return page.shape[:2]
    return (samples, *page.shape[:2]) if layout.planar else (*page.shape[:2], samples)


def without_layout(tags: tuple[ifd.Tag, ...]) -> tuple[ifd.Tag, ...]:
    """Leave out a description that lays out the pages of a stack, and the tags that go with it."""
    stale = {t.code for t in tags if t.code == DESCRIPTION and any(mark in t.value for mark in _DESCRIBES_LAYOUT)}
    return tuple(tag for tag in tags if tag.code not in (stale | _TIED_TO_DESCRIPTION if stale else stale))


def _common_tags(metadata: Metadata, layout: ifd.Layout, exif: ifd.Directory) -> Iterator[ifd.Tag]:
    """Yield the tags of a page that comes from another container."""
    yield from without_layout(tuple(t for t in exif.tags if t.code in KEPT and t.code not in (282, 283, 296, 34675)))
    if metadata.icc_profile:
        yield ifd.Tag(34675, ifd.UNDEFINED, len(metadata.icc_profile), metadata.icc_profile)
    if metadata.dpi:
        for code, value in zip((282, 283), metadata.dpi, strict=True):
            ratio = Fraction(min(value, 1e5)).limit_denominator(10_000)
            yield layout.tag(code, ifd.RATIONAL, ratio.numerator, ratio.denominator)
        yield layout.tag(296, ifd.SHORT, 2)


def _structure(layout: ifd.Layout, samples: Array, page: PageLayout, pages: int, rows: int) -> Iterator[ifd.Tag]:
    """Yield the tags that say how the pixels are stored, but for where."""
    height, width, count = samples.shape
    extra = count - (3 if page.photometric == _RGB else 1)
    sample_format = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    yield layout.tag(254, ifd.LONG, 2 if pages > 1 else 0)
    yield layout.tag(256, ifd.LONG, width)
    yield layout.tag(257, ifd.LONG, height)
    yield layout.tag(258, ifd.SHORT, *[samples.dtype.itemsize * 8] * count)
    yield layout.tag(259, ifd.SHORT, 8 if page.compressed else 1)
    yield layout.tag(262, ifd.SHORT, page.photometric)
    yield layout.tag(277, ifd.SHORT, count)
    yield layout.tag(278, ifd.LONG, min(rows, height))
    yield layout.tag(284, ifd.SHORT, 2 if page.planar and count > 1 else 1)
    if _predicted(samples, page):
        yield layout.tag(317, ifd.SHORT, 2)
    if extra:
        yield layout.tag(338, ifd.SHORT, *[0] * (extra - 1), page.alpha or 0)
    yield layout.tag(339, ifd.SHORT, *[sample_format] * count)


def _predicted(samples: Array, page: PageLayout) -> bool:
    # Horizontal differences of 8 and 16 bits are what every reader undoes; wider ones are not.
    return page.compressed and samples.dtype.kind != "f" and samples.dtype.itemsize <= 2


def _strips(samples: Array, page: PageLayout, rows: int, order: ifd.Order) -> Iterator[bytes]:
    """Yield the strips of an (H, W, samples) array, top to bottom, and plane after plane if it is planar."""
    planes = np.split(samples, samples.shape[2], axis=2) if page.planar else [samples]
    for plane in planes:
        for top in range(0, len(plane), rows):
            strip = plane[top : top + rows]
            if _predicted(samples, page):
                differences = strip.copy()
                differences[:, 1:] -= strip[:, :-1]  # integers wrap around, and back again in the reader
                strip = differences
            raw = np.ascontiguousarray(strip, strip.dtype.newbyteorder(order)).tobytes()
            yield zlib.compress(raw) if page.compressed else raw
