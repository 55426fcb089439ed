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
from typing import Any

import numpy as np

from cgdenoise.errors import ImageError

from . import ifd
from .picture import MAX_BYTES, MAX_PAGES, MAX_PIXELS, Array, Metadata, Picture, check_shape, split_alpha
from .tiff_encode import DESCRIPTION, KEPT, NO_RESOLUTION, PageLayout, TiffPages, check, encode, without_layout

__all__ = ["check", "decode", "encode"]

# Values and tags of TIFF 6.0 and its supplements; 33629 is MetaMorph's.
_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
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


def decode(data: bytes) -> Picture:
    """Decode a TIFF or BigTIFF: all its full-size pages, in file order.

    Values stay as stored: min-is-white is not inverted, an orientation is carried and not applied. Palettes become
    RGB, but in an ImageJ file, where they only tint the grey values. Reduced-size pages (thumbnails) are left out.

    Parameters
    ----------
    data
        The whole file.

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
    import tifffile

    # Errors tifffile logs are found here by other means; without a handler they would be printed.
    logging.getLogger("tifffile").addHandler(logging.NullHandler())

    layout, directories = ifd.read_chain(data)
    _check_scalars(directories)
    if not directories:
        raise ImageError("damaged TIFF: no directory; expected at least one")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        pages = [page.aspage() for page in file.pages]
        if len(pages) != len(directories):
            raise ImageError(f"damaged TIFF: {len(pages)} of {len(directories)} directories are readable")
        full = _full_size(pages, len(data))
        shapes = tuple(tuple(page.shape) for page in pages)
        if len(pages) == 1 and (images := _images_announced(pages[0])) > 1:
            parts = [_interpret(pages[0], samples) for samples in _read_hidden(pages[0], data, images)]
            full = full * images
            # ImageJ's description fits a directory an image as well; tifffile's says that there is only one.
            shapes = shapes * images if _is_imagej(pages[0]) else shapes
        else:
            parts = []
            for number in full:
                with _on_page(number, len(pages)):
                    parts.append(_interpret(pages[number], _read_page(pages[number])))
        layouts = tuple(_describe(pages[number], directories[number]) for number in full)

    alphas = tuple(alpha for _, alpha in parts if alpha is not None)
    if alphas and len(alphas) != len(parts):
        raise ImageError(f"TIFF with alpha in {len(alphas)} of {len(parts)} pages; expected it in all or none")
    metadata = _read_metadata(directories[full[0]], layout, TiffPages(layout.order, shapes, layouts))
    return Picture(tuple(page for page, _ in parts), alphas or None, "tiff", metadata)


def _full_size(pages: list[Any], file_size: int) -> list[int]:
    """Return the numbers of the pages to read, each of which is checked first.

    Levels of a pyramid and thumbnails are copies of the image; a mask is not, and would be lost.
    """
    full = [number for number, page in enumerate(pages) if not page.subfiletype & _REDUCED]
    if not full:
        raise ImageError("TIFF of reduced-size images only; expected a full-size one")
    for number in full:
        with _on_page(number, len(pages)):
            _check_page(pages[number], file_size)
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


def _check_page(page: Any, file_size: int) -> None:
    """Refuse what is not understood, or not all there, from the directory alone."""
    photometric = int(page.photometric)
    if page.subfiletype & _MASK or photometric not in (_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _YCBCR):
        kind = _REFUSED.get(_MASK if page.subfiletype & _MASK else photometric, f"photometric {photometric}")
        raise ImageError(f"{kind} TIFF; expected grey, RGB or palette")
    if photometric == _YCBCR and page.compression not in _JPEG:
        raise ImageError("YCbCr TIFF that is not JPEG-compressed; expected grey, RGB or palette")
    if page.imagedepth != 1:
        raise ImageError(f"volumetric TIFF {page.imagedepth} deep; expected one plane a page")
    dtype = page.dtype
    if dtype is None or dtype.kind not in "uif" or dtype.itemsize > 8 or page.bitspersample != dtype.itemsize * 8:
        samples = f"{page.bitspersample}-bit samples of format {page.sampleformat}"
        raise ImageError(f"TIFF with {samples}; expected integers of 8, 16, 32 or 64 bits or floats of 16, 32 or 64")
    check_shape((page.imagelength, page.imagewidth, page.samplesperpixel), dtype.itemsize)
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
    if _is_imagej(page) and (count := re.search(r"^images=(\d{1,9})\s*$", text, re.MULTILINE)):
        return int(count[1])
    if text.startswith("{"):  # tifffile's, in which "shape" came last until 2024 and comes first since
        try:
            return max(1, int(math.prod(json.loads(text)["shape"])) // int(page.size))
        except (KeyError, OverflowError, RecursionError, TypeError, ValueError):
            return 1
    return 1


def _read_hidden(page: Any, data: bytes, images: int) -> list[Array]:
    """Read a stack of which the file's only directory describes the first image; the others follow it, bare."""
    dtype = page.dtype.newbyteorder(page.parent.byteorder)
    start, size = page.dataoffsets[0], page.size
    room = (len(data) - start) // page.nbytes
    if images > MAX_PAGES:
        raise ImageError(f"TIFF of {images} pages; expected at most {MAX_PAGES}")
    if page.compression != _UNCOMPRESSED or not page.is_contiguous or page.fillorder != 1 or room < images:
        raise ImageError(f"TIFF that announces {images} images but has 1; expected a directory an image, or plain data")
    check_shape((page.imagelength, page.imagewidth, page.samplesperpixel), dtype.itemsize, images)
    stack = np.frombuffer(data, dtype, count=images * size, offset=start).reshape(images, *page.shape)
    return [_channels_last(page, image.astype(page.dtype)) for image in stack]


def _read_page(page: Any) -> Array:
    try:
        samples = page.asarray(maxworkers=1)
    except Exception as error:
        raise ImageError(f"damaged TIFF: pixel data cannot be decoded ({error})") from error
    if samples.shape != page.shape or samples.dtype != page.dtype:
        raise ImageError(f"damaged TIFF: pixels of shape {samples.shape}; expected {page.shape}")
    return _channels_last(page, samples)


def _channels_last(page: Any, samples: Array) -> Array:
    return np.moveaxis(samples, 0, -1) if page.planarconfig == _SEPARATE and samples.ndim == 3 else samples


def _alpha_kind(page: Any) -> int | None:
    """Return the ExtraSamples value of the last sample if that is alpha (0: unspecified, 1: associated, 2, or unknown: not)."""
    extras, colour = [int(extra) for extra in page.extrasamples], page.photometric in (_RGB, _YCBCR)
    if any(extras[:-1]) or (colour and page.samplesperpixel not in (3, 4)):
        raise ImageError(f"TIFF with {page.samplesperpixel} samples a pixel, extra ones {extras}; expected grey or RGB")
    if extras and extras[-1] and page.samplesperpixel > 1:
        return min(extras[-1], 2)
    # A fourth sample that nobody declared is alpha in all likelihood; as data beside RGB it would have no meaning.
    return 0 if colour and page.samplesperpixel == 4 else None


def _is_imagej(page: Any) -> bool:
    return str(page.description).startswith("ImageJ=")


def _is_tint(page: Any) -> bool:
    # A palette of another shape could not be written again.
    whole = page.dtype == np.uint8 and page.samplesperpixel == 1 and np.shape(page.colormap) == (3, 256)
    return page.photometric == _PALETTE and _is_imagej(page) and whole


def _interpret(page: Any, samples: Array) -> tuple[Array, Array | None]:
    """Split the alpha off, and look a palette's colours up."""
    pixels, alpha = split_alpha(samples, _alpha_kind(page) is not None)
    if page.photometric != _PALETTE or _is_tint(page):
        return pixels, alpha
    colours = page.colormap
    if pixels.ndim != 2 or pixels.dtype.kind != "u" or colours is None or pixels.max() >= colours.shape[1]:
        raise ImageError("damaged TIFF: palette does not fit the pixels")
    if alpha is not None:
        raise ImageError("TIFF with a palette and alpha; expected one or the other")
    # 8-bit colours are written as 257 times their value; then, and only then, 8 bits hold them without loss.
    table = colours if (colours % 257).any() else (colours // 257).astype(np.uint8)
    return np.ascontiguousarray(table.T[pixels]), None


def _describe(page: Any, directory: ifd.Directory) -> PageLayout:
    tint = _is_tint(page)
    return PageLayout(
        photometric=_RGB if page.photometric in (_PALETTE, _YCBCR) and not tint else int(page.photometric),
        alpha=_alpha_kind(page),
        planar=page.planarconfig == _SEPARATE,
        compressed=page.compression != _UNCOMPRESSED,
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
