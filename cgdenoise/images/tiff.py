"""TIFF, reading: tifffile decodes the pixels, page by page; the directories are read here (`ifd` says why).

Stacks behind one directory are read here, too: tifffile's `series` would, but opens other files that a description names.
"""

import contextlib
import io
import json
import logging
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any, BinaryIO

from cgdenoise.errors import ImageError
from cgdenoise.reading.on_disk import Folder, RowsOnDisk

from . import ifd
from .picture import (
    LARGE,
    MAX_BYTES,
    MAX_CHANNELS,
    MAX_PIXELS,
    MOST_CHANNELS,
    Array,
    Metadata,
    Picture,
    channel_count,
    check_shape,
    split_alpha,
)
from .stack import described, labelled
from .tiff_colours import PALETTE, RGB, YCBCR, alpha_kind, coloured, is_imagej, is_tint, remarks_on, table_of
from .tiff_encode import DESCRIPTION, KEPT, LOSSLESS, NO_RESOLUTION, PageLayout, TiffPages, check, encode, without_layout, write
from .tiff_samples import cut, read_hidden, read_on_disk, read_page

__all__ = ["check", "decode", "encode", "unpack", "write"]

# Values and tags of TIFF 6.0 and its supplements; 33629 is MetaMorph's.
_MINISWHITE, _MINISBLACK = 0, 1
_REFUSED = {4: "transparency mask", 5: "CMYK", 8: "CIE Lab", 9: "ICC Lab", 10: "ITU Lab", 32803: "raw sensor mosaic"}
_UNCOMPRESSED = 1
_JPEG = (6, 7, 33007, 34892)
_REDUCED, _MASK = 1, 4
_SEPARATE = 2
_ICC, _XRES, _YRES, _UNIT, _STK_PLANES = 34675, 282, 283, 296, 33629

# Subfile type, width, height, compression, photometric interpretation, fill order, samples a pixel, planar
# configuration, predictor, tile width and height, depth.
_SCALARS = frozenset((254, 256, 257, 259, 262, 266, 277, 284, 317, 322, 323, 32997))

# Description, make, model, orientation, software, date, artist, host, copyright: EXIF, too, and good for PNG and JPEG.
_COMMON = frozenset((DESCRIPTION, 271, 272, 274, 305, 306, 315, 316, 33432))


def decode(data: bytes, axes: str | None = None) -> Picture:
    """Decode a TIFF or BigTIFF: all its full-size pages, in file order.

    Values stay as stored: min-is-white is not inverted, an orientation is carried and not applied. Palettes become
    RGB, but in an ImageJ file, where they only tint the grey values. Reduced-size pages (thumbnails) are left out.

    Parameters
    ----------
    data
        The whole file.
    axes
        What the pages are to each other, as in "TZCYX", if the file does not say it.

    Returns
    -------
    Picture
        Pages of shape (H, W), (H, W, 3), or (H, W, C) if the file has C unspecified samples, C at most 16; integers
        of 8 to 64 bits or floats of 16 to 64.

    Raises
    ------
    ImageError
        If the file is damaged, truncated, too large, or of a kind that cannot be written back.
    """
    return _decode(data, io.BytesIO(data), None, axes)


def unpack(file: BinaryIO, size: int, folder: Folder, axes: str | None = None) -> Picture:
    """Decode an open file of a known size as `decode` does; a large one into a file in a folder, strip by strip."""
    return _decode(ifd.FileBytes(file, size), file, folder, axes)


def _decode(data: ifd.Bytes, stream: BinaryIO, folder: Folder | None, axes: str | None) -> Picture:
    import tifffile

    # Errors tifffile logs are found here by other means; without a handler they would be printed.
    logging.getLogger("tifffile").addHandler(logging.NullHandler())

    layout, directories = ifd.read_chain(data)
    _check_scalars(directories)
    if not directories:
        raise ImageError("damaged TIFF: no directory; expected at least one")
    stream.seek(0)
    with tifffile.TiffFile(stream) as file:
        pages = [page.aspage() for page in file.pages]
        if len(pages) != len(directories):
            raise ImageError(f"damaged TIFF: {len(pages)} of {len(directories)} directories are readable")
        full = _full_size(pages, len(data), MAX_CHANNELS if axes is None else MOST_CHANNELS)
        shapes = tuple(tuple(page.shape) for page in pages)
        images = _images_announced(pages[0]) if len(pages) == 1 else 1
        rows = _rows_for([pages[number] for number in full], images, folder)
        if images > 1:
            stack = read_hidden(pages[0], len(data), images, rows)
            parts = [_interpret(pages[0], coloured(pages[0], samples)) for samples in stack]
            full = full * images
            # ImageJ's description fits a directory an image as well; tifffile's says that there is only one.
            shapes = shapes * images if is_imagej(pages[0]) else shapes
        else:
            parts = _read(pages, full, rows)
        layouts = tuple(_describe(pages[number], directories[number]) for number in full)

    alphas = tuple(alpha for _, alpha in parts if alpha is not None)
    if alphas and len(alphas) != len(parts):
        raise ImageError(f"TIFF with alpha in {len(alphas)} of {len(parts)} pages; expected it in all or none")
    metadata = _read_metadata(directories[full[0]], layout, TiffPages(layout.order, shapes, layouts))
    found = described(pages[0].description, len(parts))
    if axes is not None:
        found = labelled(found, len(parts), channel_count(parts[0][0]), axes)
    remarks = tuple(dict.fromkeys(remark for number in full for remark in remarks_on(pages[number])))
    return Picture(tuple(page for page, _ in parts), alphas or None, "tiff", metadata, found, remarks)


def _rows_for(pages: list[Any], images: int, folder: Folder | None) -> RowsOnDisk | None:
    """Return where the samples of pages, or of so many images like the first, are put; None if the memory is large enough."""
    tables = [table_of(page) for page in pages]
    samples = images * sum(page.size * (1 if table is None else 3) for page, table in zip(pages, tables, strict=True))
    dtype = pages[0].dtype if tables[0] is None else tables[0].dtype
    if folder is None or samples * dtype.itemsize <= LARGE or (images > 1 and tables[0] is not None):
        return None
    if len({page.dtype if table is None else table.dtype for page, table in zip(pages, tables, strict=True)}) > 1:
        raise ImageError("TIFF with pages of several dtypes; expected one")
    return RowsOnDisk(folder, dtype)


def _read(pages: list[Any], full: list[int], rows: RowsOnDisk | None) -> list[tuple[Array, Array | None]]:
    """Read the pages of these numbers, and split their alpha off."""
    parts, put = [], []
    for number in full:
        with _on_page(number, len(pages)):
            page = pages[number]
            if rows is None:
                parts.append(_interpret(page, coloured(page, read_page(page))))
            else:
                put.append(read_on_disk(page, rows, partial(coloured, page)))
    if rows is not None:
        chosen = [pages[number] for number in full]
        parts = [_interpret(page, samples) for page, samples in zip(chosen, cut(rows, chosen, put), strict=True)]
    return parts


def _full_size(pages: list[Any], file_size: int, channels: int) -> list[int]:
    """Return the numbers of the pages to read, each of which is checked first.

    Levels of a pyramid and thumbnails are copies of the image; a mask is not, and would be lost.
    """
    full = [number for number, page in enumerate(pages) if not page.subfiletype & _REDUCED]
    if not full:
        raise ImageError("TIFF of reduced-size images only; expected a full-size one")
    for number in full:
        with _on_page(number, len(pages)):
            _check_page(pages[number], file_size, channels)
    if (total := sum(pages[number].nbytes for number in full)) > MAX_BYTES:
        raise ImageError(f"TIFF of {total} bytes once decoded; expected at most {MAX_BYTES}")
    return full


@contextlib.contextmanager
def _on_page(number: int, pages: int) -> Iterator[None]:
    """Say on which of several pages it went wrong."""
    try:
        yield
    except ImageError as error:
        raise ImageError(f"page {number + 1} of {pages}: {error}" if pages > 1 else str(error)) from error


def _check_scalars(directories: list[ifd.Directory]) -> None:
    """Refuse a width of many values, and the like: a number times a tuple is a tuple that can fill the memory."""
    for tag in (tag for directory in directories for tag in directory.tags):
        if tag.code in _SCALARS and (tag.count != 1 or tag.kind not in (ifd.BYTE, ifd.SHORT, ifd.LONG, ifd.LONG8)):
            raise ImageError(f"damaged TIFF: tag {tag.code} of {tag.count} values of type {tag.kind}; expected a number")


def _check_page(page: Any, file_size: int, channels: int) -> None:
    """Refuse what is not understood, or not all there, from the directory alone."""
    photometric = int(page.photometric)
    if page.subfiletype & _MASK or photometric not in (_MINISWHITE, _MINISBLACK, RGB, PALETTE, YCBCR):
        kind = _REFUSED.get(_MASK if page.subfiletype & _MASK else photometric, f"photometric {photometric}")
        raise ImageError(f"{kind} TIFF; expected grey, RGB or palette")
    if photometric == YCBCR and page.compression not in _JPEG:
        raise ImageError("YCbCr TIFF that is not JPEG-compressed; expected grey, RGB or palette")
    if page.imagedepth != 1:
        raise ImageError(f"volumetric TIFF {page.imagedepth} deep; expected one plane a page")
    dtype = page.dtype
    if dtype is None or dtype.kind not in "uif" or dtype.itemsize > 8 or page.bitspersample != dtype.itemsize * 8:
        samples = f"{page.bitspersample}-bit samples of format {page.sampleformat}"
        raise ImageError(f"TIFF with {samples}; expected integers of 8, 16, 32 or 64 bits or floats of 16, 32 or 64")
    check_shape((page.imagelength, page.imagewidth, page.samplesperpixel), dtype.itemsize, channels=channels)
    # Compressed segments are allocated before they are decoded: a damaged tile size must not ask for the impossible.
    if page.is_tiled and page.tilewidth * page.tilelength > MAX_PIXELS:
        raise ImageError(f"TIFF tiles of {page.tilewidth}x{page.tilelength}; expected at most {MAX_PIXELS} pixels")
    segments, offsets, counts = math.prod(page.chunked), page.dataoffsets, page.databytecounts
    if len(offsets) != segments or len(counts) != segments:
        raise ImageError(f"damaged TIFF: {len(offsets)} offsets, {len(counts)} lengths for {segments} strips or tiles")
    for offset, count in zip(offsets, counts, strict=True):
        if not count or not offset:
            raise ImageError("damaged TIFF: a strip or tile without data")
        if offset + count > file_size:
            raise ImageError(f"truncated TIFF: pixel data up to byte {offset + count}, file of {file_size} bytes")
    if page.compression == _UNCOMPRESSED and sum(counts) < page.nbytes:
        raise ImageError(f"damaged TIFF: {sum(counts)} bytes of pixel data; expected {page.nbytes}")


def _images_announced(page: Any) -> int:
    """Return how many images stand behind a lone directory: ImageJ, MetaMorph and tifffile can save stacks so."""
    text = page.description
    if _STK_PLANES in page.tags:
        return int(page.tags[_STK_PLANES].count)
    if is_imagej(page) and (count := re.search(r"^images=(\d{1,9})\s*$", text, re.MULTILINE)):
        return int(count[1])
    if text.startswith("{"):  # tifffile's, in which "shape" came last until 2024 and comes first since
        try:
            return max(1, int(math.prod(json.loads(text)["shape"])) // int(page.size))
        except (KeyError, OverflowError, RecursionError, TypeError, ValueError):
            return 1
    return 1


def _interpret(page: Any, samples: Array) -> tuple[Array, Array | None]:
    """Split the alpha off."""
    return split_alpha(samples, alpha_kind(page) is not None)


def _describe(page: Any, directory: ifd.Directory) -> PageLayout:
    tint = is_tint(page)
    return PageLayout(
        photometric=RGB if page.photometric in (PALETTE, YCBCR) and not tint else int(page.photometric),
        alpha=alpha_kind(page),
        planar=page.planarconfig == _SEPARATE,
        compression=LOSSLESS.get(int(page.compression), "zlib"),
        resolution=_read_resolution(page),
        colormap=page.colormap if tint else None,
        tags=tuple(tag for tag in directory.tags if tag.code in KEPT and tag.kind <= 13),
    )


def _read_resolution(page: Any) -> tuple[Fraction, Fraction, int]:
    """Return the resolution and its unit; a damaged one is none."""
    unit = page.tags.valueof(_UNIT, default=2)  # inch
    try:
        x, y = (Fraction(*page.tags.valueof(code)) for code in (_XRES, _YRES))
    except (TypeError, ValueError, ArithmeticError):  # also if there is none
        return NO_RESOLUTION
    fits = all(0 < number < 1 << 32 for value in (x, y) for number in value.as_integer_ratio())
    return (x, y, int(unit) if unit in range(1, 6) else 1) if fits else NO_RESOLUTION


def _read_metadata(directory: ifd.Directory, layout: ifd.Layout, pages: TiffPages) -> Metadata:
    profile = directory.get(_ICC)
    common = without_layout(tuple(tag for tag in directory.tags if tag.code in _COMMON and tag.kind <= 13))
    exif = ifd.Directory(common, directory.children)
    x, y, unit = pages.pages[0].resolution
    inch = {2: 1.0, 3: 2.54}.get(unit)
    return Metadata(
        icc_profile=profile.value if profile else None,
        exif=ifd.write_block(exif, layout.order) if exif.tags or exif.children else None,
        dpi=(float(x) * inch, float(y) * inch) if inch else None,
        verbatim=pages,
    )
