"""PNG: the chunks are read and written here, the pixels are left to libpng (by way of imagecodecs).

Pillow makes 8 bits of 16-bit RGB, and refuses a picture for a pHYs chunk that is cut short; imagecodecs keeps 16 bits, but
hands no chunk over and takes none, and its libpng prints on stderr what it dislikes about them.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from cgdenoise.errors import ImageError

from .picture import (
    MAX_UNPACKED_PIXELS,
    PALETTE_LOST,
    Array,
    Metadata,
    Picture,
    check_holds,
    check_shape,
    join_alpha,
    split_alpha,
)

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Of the specification, by colour type: samples a pixel, and depths in bits; and the passes of an interlaced image.
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_MAX_SIDE = 1_000_000  # libpng's own limit, which it would report on stderr
_MAX_PROFILE = 16 << 20  # bytes of an inflated ICC profile; by hand

# The specification lets an editor copy an unknown chunk only if the fourth letter of its name is small. Of the
# others, these are known to hold when the values change but neither the encoding nor the meaning of the samples does,
_KEPT = frozenset(b"gAMA cHRM iCCP sRGB cICP mDCV mDCv cLLI cLLi tIME pCAL sTER".split())
# and these are if, besides, the file written has the depth and the colour type of the file read.
_KEPT_WITH_LAYOUT = frozenset(b"sBIT bKGD".split())


@dataclass(frozen=True)
class PngChunks:
    """Ancillary chunks of a PNG as they stood, and the (bit depth, colour type) some of them refer to."""

    layout: tuple[int, int]
    chunks: tuple[tuple[bytes, bytes], ...]


class _Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int
    compression: int
    filter: int
    interlaced: int


def decode(data: bytes) -> Picture:
    """Decode a PNG.

    Palettes become RGB, grey of fewer than 8 bits becomes 8-bit on the full scale 0-255, and a transparent colour
    (tRNS) becomes alpha. Gamma and colour chunks are carried and change no value.

    Parameters
    ----------
    data
        The whole file.

    Returns
    -------
    Picture
        One page, (H, W) or (H, W, 3), uint8 or uint16.

    Raises
    ------
    ImageError
        If the file is damaged, truncated, animated, or too large.
    """
    import imagecodecs

    chunks = list(_read_chunks(data))
    header = _read_header(*chunks[0])
    ancillary = [(name, body) for name, body in chunks[1:] if name[0] & 0x20]
    _refuse_animation(ancillary)
    palette, transparency = _read_colours(header, chunks)
    pixels = [(name, body) for name, body in chunks if name == b"IDAT"]
    _check_pixel_stream(header, (body for _, body in pixels))

    # libpng gets what decides pixels and nothing else: whatever is wrong with a text or a profile cannot disturb it,
    # and what it would say about it on stderr is not said.
    bare = b"".join([SIGNATURE, *(_chunk(*c) for c in (chunks[0], *palette, *transparency, *pixels, (b"IEND", b"")))])
    samples: Array = imagecodecs.png_decode(bare)
    page, alpha = split_alpha(samples, has_alpha=header.colour in (4, 6) or bool(transparency))
    remarks = (PALETTE_LOST,) if palette else ()
    return Picture((page,), None if alpha is None else (alpha,), "png", _read_metadata(header, ancillary), None, remarks)


def check(picture: Picture) -> None:
    """Raise ImageError unless a PNG can hold `picture`: one page, uint8 or uint16, grey or RGB, alpha or not."""
    check_holds(picture, "PNG", dtypes=("uint8", "uint16"), alpha=True, channels=(1, 3))
    if max(picture.pages[0].shape[:2]) > _MAX_SIDE:
        raise ImageError(f"a side of {max(picture.pages[0].shape[:2])} pixels does not fit in a PNG, which holds {_MAX_SIDE}")


def encode(picture: Picture) -> bytes:
    """Encode a picture that passes `check` as PNG, without loss."""
    import imagecodecs

    check(picture)
    samples = join_alpha(picture.pages[0], picture.alpha[0] if picture.alpha else None)
    encoded = bytes(imagecodecs.png_encode(samples[..., 0] if samples.shape[2] == 1 else samples))
    layout = (samples.dtype.itemsize * 8, {1: 0, 2: 4, 3: 2, 4: 6}[samples.shape[2]])
    start = len(SIGNATURE) + 25  # IHDR has a fixed size; every chunk we carry may stand right after it
    return b"".join([encoded[:start], *(_chunk(*c) for c in _chunks_to_write(picture.metadata, layout)), encoded[start:]])


def _read_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, body) from IHDR up to and without IEND, each with its CRC checked."""
    if not data.startswith(SIGNATURE):
        raise ImageError(f"damaged PNG: starts with {data[:8]!r}; expected {SIGNATURE!r}")
    position = len(SIGNATURE)
    while True:
        if position + 12 > len(data):
            raise ImageError(f"truncated PNG: ends after {len(data)} bytes; expected an IEND chunk")
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if not name.isalpha():
            raise ImageError(f"damaged PNG: chunk named {name!r} at byte {position}; expected four letters")
        if end > len(data):
            raise ImageError(
                f"truncated PNG: {name.decode()} chunk of {length} bytes at byte {position}, file of {len(data)} bytes"
            )
        body = data[position + 8 : end - 4]
        if zlib.crc32(name + body) != int.from_bytes(data[end - 4 : end], "big"):
            raise ImageError(f"damaged PNG: {name.decode()} chunk at byte {position} does not match its checksum")
        if name == b"IEND":
            return
        if position == len(SIGNATURE) and (name != b"IHDR" or length != 13):
            raise ImageError(f"damaged PNG: first chunk is {name.decode()} of {length} bytes; expected IHDR of 13")
        yield name, body
        position = end


def _read_header(name: bytes = b"", body: bytes = b"") -> _Header:
    if name != b"IHDR":
        raise ImageError("damaged PNG: no IHDR chunk")
    header = _Header(*struct.unpack(">IIBBBBB", body))
    if header.depth not in _DEPTHS.get(header.colour, ()):
        raise ImageError(f"damaged PNG: {header.depth} bits with colour type {header.colour} do not exist")
    if header.compression or header.filter or header.interlaced > 1:
        raise ImageError(f"damaged PNG: unknown compression, filter or interlace method {tuple(header[4:])}")
    if max(header.width, header.height) > _MAX_SIDE:
        raise ImageError(f"PNG of {header.width}x{header.height} pixels; expected at most {_MAX_SIDE} a side")
    check_shape((header.height, header.width, 4), max(header.depth // 8, 1), most=MAX_UNPACKED_PIXELS)
    return header


def _refuse_animation(ancillary: Iterable[tuple[bytes, bytes]]) -> None:
    for name, body in ancillary:
        if name == b"acTL" and (frames := int.from_bytes(body[:4], "big")) != 1:
            raise ImageError(f"animated PNG of {frames} frames; expected a single image")


def _read_colours(
    header: _Header, chunks: list[tuple[bytes, bytes]]
) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """Return the PLTE and the tRNS chunk, each as a list of none or one, as far as they decide pixels."""
    indexed = header.colour == 3
    palette = [c for c in chunks if c[0] == b"PLTE" and indexed]
    entries = len(palette[0][1]) // 3 if palette else 0
    if indexed and (len(palette) != 1 or len(palette[0][1]) % 3 or not 1 <= entries <= 1 << header.depth):
        raise ImageError(f"damaged PNG: palette of {entries} colours; expected 1 to {1 << header.depth}")
    transparency = [c for c in chunks if c[0] == b"tRNS" and header.colour in (0, 2, 3)]
    lengths = {0: range(2, 3), 2: range(6, 7), 3: range(1, entries + 1)}
    if len(transparency) > 1 or any(len(body) not in lengths[header.colour] for _, body in transparency):
        raise ImageError("damaged PNG: tRNS chunk does not fit the colour type")
    return palette, transparency


def _check_pixel_stream(header: _Header, bodies: Iterable[bytes]) -> None:
    """Inflate IDAT, keeping nothing. Of data beyond the last row libpng would only say on stderr that there are some."""
    bits = _SAMPLES[header.colour] * header.depth
    expected = 0
    for x, y, dx, dy in _ADAM7 if header.interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(header.width - x) // dx), -(-(header.height - y) // dy)
        if columns > 0 and rows > 0:
            expected += rows * (1 + -(-columns * bits // 8))
    stream, found = zlib.decompressobj(), 0
    try:
        for body in bodies:
            pending: bytes = body
            while pending and found <= expected:
                found += len(stream.decompress(pending, 1 << 20))
                pending = bytes(stream.unconsumed_tail)
        if found <= expected:
            found += len(stream.flush())
    except zlib.error as error:
        raise ImageError(f"damaged PNG: pixel data cannot be inflated ({error})") from error
    if not stream.eof or stream.unused_data or found != expected:
        raise ImageError(f"damaged PNG: {found} bytes of pixel data; expected {expected} and the end of the stream")


def _read_metadata(header: _Header, ancillary: list[tuple[bytes, bytes]]) -> Metadata:
    first = dict(reversed(ancillary))
    dpi = None
    if len(body := first.get(b"pHYs", b"")) == 9:
        x, y, unit = struct.unpack(">IIB", body)
        dpi = (x * 0.0254, y * 0.0254) if unit == 1 and x and y else None
    chunks = tuple(c for c in ancillary if c[0] in _KEPT | _KEPT_WITH_LAYOUT or c[0][3] & 0x20)
    return Metadata(
        icc_profile=_inflate_profile(first.get(b"iCCP", b"")),
        exif=first.get(b"eXIf", b"").removeprefix(b"Exif\0\0") or None,  # the prefix does not belong there, but is
        dpi=dpi,
        verbatim=PngChunks((header.depth, header.colour), chunks),
    )


def _inflate_profile(body: bytes) -> bytes | None:
    """Inflate an iCCP chunk; None if it is no profile or a bomb (the chunk itself is carried all the same)."""
    _, _, rest = body.partition(b"\0")
    stream = zlib.decompressobj()
    try:
        profile = stream.decompress(rest[1:], _MAX_PROFILE)
    except zlib.error:
        return None
    return profile if stream.eof else None


def _chunks_to_write(metadata: Metadata, layout: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    if isinstance(metadata.verbatim, PngChunks):
        same = metadata.verbatim.layout == layout
        yield from (c for c in metadata.verbatim.chunks if same or c[0] not in _KEPT_WITH_LAYOUT)
        return
    if metadata.icc_profile:
        yield b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc_profile)
    if metadata.dpi:
        x, y = (min(round(value / 0.0254), 2**31 - 1) for value in metadata.dpi)
        yield b"pHYs", struct.pack(">IIB", x, y, 1)
    if metadata.exif:
        yield b"eXIf", metadata.exif


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
