"""TIFF, writing: tifffile lays out pixels and tags; which tags a page keeps is decided here.

That is left because `TiffWriter` carries nothing over by itself, and writes "no ExifIFD and GPSIFD tags". (Pillow's writer
knows no 16-bit RGB, and turns letters beyond ASCII into "?".)
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np

from cgdenoise.errors import ImageError
from cgdenoise.reading.on_disk import is_on_disk

from . import ifd
from .picture import Array, Metadata, Picture, channel_count, join_alpha
from .tiff_pieces import Pieces

DESCRIPTION = 270

KEPT = frozenset(
    (
        *(269, DESCRIPTION, 271, 272, 274, 285, 297, 305, 306, 315, 316, 33432),  # who, what, when, how to turn it
        *(286, 287),  # position
        *(301, 318, 319, 34675),  # transfer function, white point, primaries, ICC profile
        *(700, 33723, 34377),  # XMP, IPTC, Photoshop's resources (not its layers: they show the old pixels)
        *(33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113),  # GeoTIFF, GDAL
        *(50838, 50839, 51123, 34118, 34680, 34682),  # ImageJ, Micro-Manager, Zeiss and FEI electron microscopes
    )
)
"""Tags carried from page to page: those whose bytes mean the same at another place and beside other pixels."""

LOSSLESS = {1: None, 5: "lzw", 8: "zlib", 32946: "zlib", 32773: "packbits", 34925: "lzma", 50000: "zstd"}
"""Compressions that are kept, and their names in tifffile."""

_PREDICTED = ("lzw", "zlib", "lzma", "zstd")
"""Those that gain by horizontal differences, and allow them."""

NO_RESOLUTION = Fraction(1), Fraction(1), 1
"""What tifffile writes where there is none, for TIFF demands the tags: one pixel a unit, of no kind."""

# Values and tags of TIFF 6.0; 50838 and 50839 are ImageJ's.
_MINISBLACK, _RGB, _PALETTE = 1, 2, 3
_INCH = 2
_ICC = 34675
_DESCRIBES_LAYOUT = (b"ImageJ=", b"<OME", b'"shape"', b"shape=")
_TIED_TO_DESCRIPTION = frozenset((50838, 50839))
_UNASSOCIATED_ALPHA = 2
_CLASSIC_LIMIT = (1 << 32) - (1 << 26)  # offsets have 32 bits; 64 MiB, by hand, for directories and incompressible strips


@dataclass(frozen=True)
class PageLayout:
    """How a page was stored, as far as it is stored so again.

    `compression` is tifffile's name of it, `alpha` its ExtraSamples value, `resolution` pixels a unit across and down, and
    ResolutionUnit (1: none).
    """

    photometric: int
    alpha: int | None
    planar: bool
    compression: str | None
    resolution: tuple[Fraction, Fraction, int]
    colormap: Array | None = None
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
    """Encode a picture as TIFF, without loss: compressed as the TIFF that it comes from if that loses nothing, else by Deflate.

    Pages are stored the way they were read (byte order, photometric interpretation, planar configuration), with the
    tags they had. A file that outgrows 4 GiB becomes a BigTIFF.
    """
    file = io.BytesIO()
    write(picture, file)
    return file.getvalue()


def write(picture: Picture, file: BinaryIO) -> None:
    """Write what `encode` returns to an open file; pages that lie on the disk in tiles or strips of 256 rows."""
    import tifffile

    check(picture)
    order, pages, exif = _plan(picture)
    alphas = picture.alpha or (None,) * len(picture.pages)
    big = sum(array.nbytes for array in (*picture.pages, *(picture.alpha or ()))) > _CLASSIC_LIMIT
    with tifffile.TiffWriter(file, bigtiff=big, byteorder=order) as writer:
        pointers = list(_write_children(writer.filehandle, exif, ifd.Layout(order, big)))
        for number, (pixels, alpha, page) in enumerate(zip(picture.pages, alphas, pages, strict=True)):
            extra = channel_count(pixels) + (alpha is not None) - (3 if page.photometric == _RGB else 1)
            x, y, unit = page.resolution
            tags = {tag.code: _extratag(tag, order) for tag in reversed(page.tags)}  # the first of each
            writer.write(
                **_content(pixels, alpha, page, order),
                photometric=page.photometric,
                planarconfig="separate" if page.planar else "contig",
                extrasamples=[0] * (extra - 1) + [page.alpha or 0] if extra else [],
                compression=page.compression,
                # Horizontal differences of 8 and 16 bits are what every reader undoes; wider ones are not.
                predictor=page.compression in _PREDICTED and pixels.dtype.kind != "f" and pixels.dtype.itemsize <= 2,
                colormap=page.colormap if page.photometric == _PALETTE else None,
                subfiletype=2 if len(pages) > 1 else 0,
                resolution=(x.as_integer_ratio(), y.as_integer_ratio()),
                resolutionunit=unit,
                software=False,
                metadata=None,
                extratags=[*(() if number else pointers), *tags.values()],
                maxworkers=1,
            )


def _content(pixels: Array, alpha: Array | None, page: PageLayout, order: ifd.Order) -> dict[str, Any]:
    """Return the options of `TiffWriter.write` that say what is written."""
    shape = _stored_shape(pixels, page)
    if is_on_disk(pixels):
        return Pieces(pixels, alpha, page.planar, page.compression is not None).options(shape, order)
    samples = join_alpha(pixels, alpha)
    return {"data": (np.moveaxis(samples, 2, 0) if page.planar else samples).reshape(shape)}


def _write_children(file: Any, parent: ifd.Directory, layout: ifd.Layout) -> Iterator[tuple[str, int, int, int, bool]]:
    """Write EXIF and GPS directories, and yield the extratags that point at them.

    tifffile refuses their numbers, for it writes no directories but a page's own; their names it takes.
    """
    import tifffile

    for code, child in parent.children.items():
        yield tifffile.TIFF.TAGS[code], ifd.LONG8 if layout.big else ifd.LONG, 1, file.tell(), True
        file.write(ifd.write_directory(child, file.tell(), layout))


def _extratag(tag: ifd.Tag, order: ifd.Order) -> tuple[int, int, int, Any, bool]:
    """Return a tag for tifffile: in raw bytes, but for rationals, of which it then would count each number as one."""
    numbers = {ifd.RATIONAL: "I", ifd.SRATIONAL: "i"}.get(tag.kind)
    value = struct.unpack(f"{order}{2 * tag.count}{numbers}", tag.value) if numbers else tag.value
    return tag.code, tag.kind, tag.count, value, True


def _plan(picture: Picture) -> tuple[ifd.Order, list[PageLayout], ifd.Directory]:
    """Return the byte order, how to store each page, and the directory whose children are EXIF and GPS."""
    metadata, stored = picture.metadata, picture.metadata.verbatim
    block, exif = ifd.read_block(metadata.exif or b"")
    if not isinstance(stored, TiffPages) or len(stored.pages) != len(picture.pages):
        tags = tuple(_common_tags(metadata, exif))
        fresh = PageLayout(_RGB, None, planar=False, compression="zlib", resolution=_in_inches(metadata.dpi), tags=tags)
        # EXIF values are moved as raw bytes, so that the whole file takes their byte order.
        return block.order, [_fitted(page, fresh, picture.alpha is not None) for page in picture.pages], exif
    pages = [_fitted(page, old, picture.alpha is not None) for page, old in zip(picture.pages, stored.pages, strict=True)]
    if tuple(_stored_shape(pixels, page) for pixels, page in zip(picture.pages, pages, strict=True)) != stored.shapes:
        pages = [replace(page, tags=without_layout(page.tags)) for page in pages]
    return stored.order, pages, exif if block.order == stored.order else ifd.Directory()


def _fitted(page: Array, layout: PageLayout, has_alpha: bool) -> PageLayout:
    """Return the layout but for what the pixels do not allow."""
    channels = channel_count(page)
    fits = channels == {_RGB: 3, _PALETTE: 1}.get(layout.photometric, channels)
    return replace(
        layout,
        photometric=layout.photometric if fits else _RGB if channels == 3 else _MINISBLACK,
        alpha=None if not has_alpha else _UNASSOCIATED_ALPHA if layout.alpha is None else layout.alpha,
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


def _common_tags(metadata: Metadata, exif: ifd.Directory) -> Iterator[ifd.Tag]:
    """Yield the tags of a page that comes from another container."""
    yield from without_layout(tuple(tag for tag in exif.tags if tag.code in KEPT and tag.code != _ICC))
    if metadata.icc_profile:
        yield ifd.Tag(_ICC, ifd.UNDEFINED, len(metadata.icc_profile), metadata.icc_profile)


def _in_inches(dpi: tuple[float, float] | None) -> tuple[Fraction, Fraction, int]:
    if dpi is None:
        return NO_RESOLUTION
    # By hand: numerators and denominators have 32 bits.
    x, y = (Fraction(min(value, 1e5)).limit_denominator(10_000) for value in dpi)
    return x, y, _INCH
