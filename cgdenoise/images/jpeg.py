"""JPEG: pixels, and metadata from other containers, are left to Pillow; a JPEG's own segments are moved here as they stood.

Pillow writes none of them back, and refuses a whole picture for an ICC or Photoshop segment that is cut short.
"""

import io
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cgdenoise.errors import ImageError

from .picture import MAX_UNPACKED_PIXELS, Metadata, Picture, check_holds, check_shape

_QUALITY = 95  # the best that Pillow's documentation recommends
_MAX_SIDE = 65_500  # libjpeg's own limit
_MAX_PAYLOAD = 65_533  # a segment's length has 16 bits, and counts its own two bytes
_PROFILE_START = 14  # after an identifier, the part's number and the number of parts, each a byte
_MAX_PROFILE = 255 * (_MAX_PAYLOAD - _PROFILE_START)  # as many parts as a byte can count
_JFIF_END = 20  # what Pillow writes begins with a marker of two bytes and JFIF, in eighteen

# Markers and identifiers of the standard (ITU-T T.81), of JFIF, EXIF, ICC and XMP.
_APP0, _APP1, _APP2, _APP13, _APP14, _COM = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE
_JFIF, _EXIF, _ICC, _XMP = b"JFIF\0", b"Exif\0\0", b"ICC_PROFILE\0", b"http://ns.adobe.com/"
_START_OF_SCAN = 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

# JFIF density, EXIF, XMP, ICC, Photoshop/IPTC, comments. Not Adobe's APP14, which tells how the samples were encoded,
# nor anything that points at other parts of the old file (multi-picture index, signatures).
_KEPT = ((_APP0, _JFIF), (_APP1, _EXIF), (_APP1, _XMP), (_APP2, _ICC), (_APP13, b""), (_COM, b""))

Segment = tuple[int, bytes]


@dataclass(frozen=True)
class JpegSegments:
    """Metadata segments of a JPEG as they stood: (marker, payload)."""

    segments: tuple[Segment, ...]


def decode(data: bytes) -> Picture:
    """Decode a JPEG: baseline or progressive, grey or colour.

    Pixels stay as stored: an EXIF orientation is carried, not applied.

    Parameters
    ----------
    data
        The whole file.

    Returns
    -------
    Picture
        One page, (H, W) or (H, W, 3), uint8.

    Raises
    ------
    ImageError
        If the file is damaged, truncated, too large, CMYK, or of another depth than 8 bits.
    """
    from PIL import Image, UnidentifiedImageError

    segments, scan = _read_segments(data)
    _check_frame(segments)
    if data.rfind(b"\xff\xd9") < scan:
        raise ImageError(f"truncated JPEG: ends after {len(data)} bytes; expected an end-of-image marker")
    # Pillow gets what it is needed for and nothing else, so that damaged metadata can neither stop it nor make it warn.
    needed = _join(s for s in segments if _is_for_pillow(*s))
    try:
        with Image.open(io.BytesIO(data[:2] + needed + data[scan:]), formats=("JPEG",)) as image:
            page, info = np.array(image), image.info
    except UnidentifiedImageError as error:
        raise ImageError("damaged JPEG: its headers contradict each other") from error
    carried = tuple(s for s in segments if any(s[0] == marker and s[1].startswith(start) for marker, start in _KEPT))
    exif = next((payload[len(_EXIF) :] for _, payload in carried if payload.startswith(_EXIF)), None)
    x, y = info.get("jfif_density", (0, 0))
    inch = {1: 1.0, 2: 2.54}.get(info.get("jfif_unit", 0))  # the "dpi" of Pillow 10 knows no centimetre
    dpi = (x * inch, y * inch) if x and y and inch else None
    return Picture((page,), None, "jpeg", Metadata(info.get("icc_profile"), exif or None, dpi, JpegSegments(carried)))


def check(picture: Picture) -> None:
    """Raise ImageError unless a JPEG can hold `picture`: one page, uint8, grey or RGB, no alpha."""
    check_holds(picture, "JPEG", dtypes=("uint8",), alpha=False, channels=(1, 3))
    if max(picture.pages[0].shape[:2]) > _MAX_SIDE:
        raise ImageError(f"a side of {max(picture.pages[0].shape[:2])} pixels does not fit in a JPEG, which holds {_MAX_SIDE}")
    common = _common(picture.metadata)
    if common.exif and len(_EXIF + common.exif) > _MAX_PAYLOAD:
        raise ImageError(f"EXIF of {len(_EXIF + common.exif)} bytes does not fit in a JPEG, which holds {_MAX_PAYLOAD}")
    if common.icc_profile and len(common.icc_profile) > _MAX_PROFILE:
        raise ImageError(f"ICC profile of {len(common.icc_profile)} bytes does not fit in a JPEG, which holds {_MAX_PROFILE}")


def encode(picture: Picture) -> bytes:
    """Encode a picture that passes `check` as JPEG of quality 95, with colour at full resolution (4:4:4)."""
    from PIL import Image

    check(picture)
    page, common, verbatim = picture.pages[0], _common(picture.metadata), picture.metadata.verbatim
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(page[..., 0] if page.shape[2:] == (1,) else page)).save(
        buffer,
        "JPEG",
        quality=_QUALITY,
        subsampling=0,
        dpi=tuple(min(max(round(value), 1), 0xFFFF) for value in common.dpi) if common.dpi else (0, 0),
        exif=_EXIF + common.exif if common.exif else b"",
        icc_profile=common.icc_profile,
    )
    data = buffer.getvalue()
    carried = verbatim.segments if isinstance(verbatim, JpegSegments) else ()
    # JFIF says that three components are YCbCr; it must be there, first, and once.
    jfif = _join([s for s in carried if s[0] == _APP0][:1]) or data[2:_JFIF_END]
    return b"".join([data[:2], jfif, _join(s for s in carried if s[0] != _APP0), data[_JFIF_END:]])


def _common(metadata: Metadata) -> Metadata:
    """Return the metadata for Pillow to write: none if a JPEG's own segments are written back."""
    return Metadata() if isinstance(metadata.verbatim, JpegSegments) else metadata


def _read_segments(data: bytes) -> tuple[list[Segment], int]:
    """Return the (marker, payload) segments before the first scan, and where that scan's marker stands."""
    segments: list[Segment] = []
    position = 2
    while True:
        start = position
        while data[position : position + 2] == b"\xff\xff":  # fill bytes
            position += 1
        if position + 4 > len(data):
            raise ImageError(f"truncated JPEG: ends after {len(data)} bytes, before the first scan")
        prefix, marker, length = struct.unpack_from(">BBH", data, position)
        if prefix != 0xFF or marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD9:
            raise ImageError(f"damaged JPEG: {data[start : start + 2]!r} at byte {start}; expected a segment")
        if length < 2 or position + 2 + length > len(data):
            raise ImageError(f"truncated JPEG: segment of {length} bytes at byte {start}, file of {len(data)} bytes")
        if marker == _START_OF_SCAN:
            return segments, position
        segments.append((marker, data[position + 4 : position + 2 + length]))
        position += 2 + length


def _check_frame(segments: list[Segment]) -> None:
    frames = [payload for marker, payload in segments if marker in _FRAMES]
    if len(frames) != 1 or len(frames[0]) < 6:
        raise ImageError(f"damaged JPEG: {len(frames)} frame headers before the first scan; expected one")
    depth, height, width, components = struct.unpack_from(">BHHB", frames[0])
    if depth != 8:
        raise ImageError(f"JPEG of {depth} bits a sample; expected 8")
    if components == 4:
        raise ImageError("CMYK JPEG (4 components); expected grey or RGB: convert it first")
    if components not in (1, 3):
        raise ImageError(f"JPEG of {components} components; expected 1 (grey) or 3 (colour)")
    check_shape((height, width, components), 1, most=MAX_UNPACKED_PIXELS)


def _is_for_pillow(marker: int, payload: bytes) -> bool:
    """Tell whether a segment decides pixels, or is part of a profile."""
    if marker == _APP2:
        return payload.startswith(_ICC) and len(payload) >= _PROFILE_START
    return marker in (_APP0, _APP14) or not (_APP0 <= marker <= 0xEF or marker == _COM)


def _join(segments: Iterable[Segment]) -> bytes:
    return b"".join(struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload for marker, payload in segments)
