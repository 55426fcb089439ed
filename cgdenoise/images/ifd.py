"""TIFF image file directories, the structure that TIFF and EXIF share: tags are moved as raw bytes, not interpreted.

No library does that. Pillow's `Exif` decodes the values and encodes them anew, and every letter beyond ASCII becomes "?";
tifffile decodes EXIF and GPS directories into dictionaries and writes none. Neither looks, before it reads on, whether
directories or values overlap, by which a small file can ask for any amount of work and memory.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, Protocol

from cgdenoise.errors import ImageError

from .picture import MAX_PAGES

EXIF, GPS, INTEROPERABILITY = 34665, 34853, 40965
_POINTERS = frozenset((EXIF, GPS, INTEROPERABILITY))

# Bytes an item, by type: BYTE, ASCII, SHORT, LONG, RATIONAL, SBYTE, UNDEFINED, SSHORT, SLONG, SRATIONAL, FLOAT, DOUBLE,
# IFD, and BigTIFF's LONG8, SLONG8, IFD8.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
BYTE, SHORT, LONG, RATIONAL, UNDEFINED, SRATIONAL, LONG8 = 1, 3, 4, 5, 7, 10, 16

Order = Literal["<", ">"]


class Bytes(Protocol):
    """What is read of bytes here: their number, and slices of them, so that a file can stand for its content."""

    def __len__(self) -> int:
        """Return how many they are."""
        ...

    def __getitem__(self, part: slice, /) -> bytes:
        """Return some of them."""
        ...


@dataclass(frozen=True)
class FileBytes:
    """The content of an open file of a known size, of which only what is asked for is read."""

    file: BinaryIO
    size: int

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self.size)
        self.file.seek(start)
        return self.file.read(max(0, stop - start))


@dataclass(frozen=True)
class Tag:
    """One entry: its code, its type, how many items, and their bytes in the byte order of the file it came from."""

    code: int
    kind: int
    count: int
    value: bytes


@dataclass(frozen=True)
class Directory:
    """Tags, and the directories that EXIF's pointer tags lead to, by the pointer's code."""

    tags: tuple[Tag, ...] = ()
    children: Mapping[int, "Directory"] = field(default_factory=dict)

    def get(self, code: int) -> Tag | None:
        """Return the first tag of that code, or None."""
        return next((tag for tag in self.tags if tag.code == code), None)


@dataclass(frozen=True)
class Layout:
    """Byte order, "<" or ">", and whether offsets have 64 bits (BigTIFF)."""

    order: Order
    big: bool = False

    @property
    def word(self) -> str:
        """The format of an offset."""
        return "Q" if self.big else "I"

    @property
    def word_size(self) -> int:
        """Bytes in an offset, which is also what a tag holds inline."""
        return 8 if self.big else 4

    def pack(self, format: str, *values: int) -> bytes:
        """Pack numbers in this byte order."""
        return struct.pack(self.order + format, *values)

    def unpack(self, format: str, data: Bytes, offset: int = 0) -> tuple[int, ...]:
        """Unpack numbers; ImageError if the data ends before."""
        size = struct.calcsize(self.order + format)
        if offset + size > len(data):
            raise ImageError(f"truncated TIFF: no directory at byte {offset} of {len(data)}")
        return struct.unpack(self.order + format, data[offset : offset + size])


def read_header(data: Bytes) -> tuple[Layout, int]:
    """Return the layout of a TIFF file or EXIF block, and where its first directory stands."""
    if data[:2] not in (b"II", b"MM"):
        raise ImageError(f"damaged TIFF: starts with {data[:4]!r}; expected II or MM")
    order: Order = "<" if data[:2] == b"II" else ">"
    big = Layout(order).unpack("H", data, 2)[0] == 43
    layout = Layout(order, big)
    return layout, layout.unpack(layout.word, data, 8 if big else 4)[0]


def read_chain(data: Bytes) -> tuple[Layout, list[Directory]]:
    """Return all directories of a file in order.

    Raises
    ------
    ImageError
        If the chain leads outside of the file or in a circle, if it is longer than `MAX_PAGES`, or if directories overlap.
    """
    layout, offset = read_header(data)
    places: dict[int, None] = {}  # in order, and quick to look up: the whole chain is followed before anything else is read
    unread = len(data)
    while offset:
        if offset in places:
            raise ImageError(f"damaged TIFF: the directory at byte {offset} comes twice")
        if len(places) == MAX_PAGES:
            raise ImageError(f"TIFF of more than {MAX_PAGES} pages; expected at most so many")
        places[offset] = None
        entries, offset = _entries(data, offset, layout)
        unread -= len(entries) * entries.step
        if unread < 0:
            raise ImageError("damaged TIFF: its directories overlap")
    return layout, [read_directory(data, place, layout) for place in places]


def _entries(data: Bytes, offset: int, layout: Layout) -> tuple[range, int]:
    """Return where the entries of the directory at `offset` stand, and where the next directory does (0: none)."""
    count = layout.unpack("Q" if layout.big else "H", data, offset)[0]
    entry, start = (20, offset + 8) if layout.big else (12, offset + 2)
    end = start + count * entry
    return range(start, end, entry), layout.unpack(layout.word, data, end)[0]


def read_directory(data: Bytes, offset: int, layout: Layout, depth: int = 2) -> Directory:
    """Return the directory at `offset`.

    Entries of an unknown type, or with values outside of the file, are left out: they cannot be moved. `depth` is
    how many levels of child directories to follow.
    """
    entries, _ = _entries(data, offset, layout)
    tags: list[Tag] = []
    children: dict[int, Directory] = {}
    unread = len(data)  # values do not overlap: many that point at the same bytes are an attempt to fill the memory
    for position in entries:
        code, kind, items = layout.unpack("HH" + layout.word, data, position)
        inline = position + entries.step - layout.word_size
        size = items * _SIZES.get(kind, 0)
        where = inline if size <= layout.word_size else layout.unpack(layout.word, data, inline)[0]
        if not size or where + size > len(data):
            continue
        unread -= size
        if unread < 0:
            raise ImageError(f"damaged TIFF: the tags of the directory at byte {offset} overlap")
        tag = Tag(code, kind, items, data[where : where + size])
        if code not in _POINTERS:
            tags.append(tag)
        elif depth and size in (4, 8) and (target := layout.unpack("I" if size == 4 else "Q", tag.value)[0]):
            try:
                children[code] = read_directory(data, target, layout, depth - 1)
            except ImageError:
                continue  # a dangling EXIF pointer is no reason to refuse the pixels
    return Directory(tuple(tags), children)


def write_directory(directory: Directory, offset: int, layout: Layout) -> bytes:
    """Return a directory with all its values and children, to stand at `offset` (even)."""
    entries: dict[int, Tag | Directory] = {tag.code: tag for tag in reversed(directory.tags)}
    entries.update(directory.children)
    entry = 20 if layout.big else 12
    table = [layout.pack("Q" if layout.big else "H", len(entries))]
    values: list[bytes] = []
    position = offset + len(table[0]) + len(entries) * entry + layout.word_size
    pointer = LONG8 if layout.big else LONG
    for code, item in sorted(entries.items(), key=lambda pair: pair[0]):
        if isinstance(item, Tag):
            kind, count, value = item.kind, item.count, item.value
        else:
            kind, count, value = pointer, 1, write_directory(item, position, layout)
        if len(value) > layout.word_size or not isinstance(item, Tag):
            values.append(value + b"\0" * (len(value) % 2))
            inline = layout.pack(layout.word, position)
            position += len(values[-1])
        else:
            inline = value.ljust(layout.word_size, b"\0")
        table.append(layout.pack("HH" + layout.word, code, kind, count) + inline)
    table.append(layout.pack(layout.word, 0))  # no next directory
    return b"".join(table + values)


def read_block(block: bytes) -> tuple[Layout, Directory]:
    """Return the layout and the main directory of an EXIF block; an empty one if it is not readable."""
    try:
        layout, offset = read_header(block)
        return layout, read_directory(block, offset, layout)
    except ImageError:
        return Layout("<"), Directory()


def write_block(directory: Directory, order: Order) -> bytes:
    """Return an EXIF block: a classic TIFF header and one directory."""
    layout = Layout(order)
    header = (b"II" if order == "<" else b"MM") + layout.pack("HI", 42, 8)
    return header + write_directory(directory, len(header), layout)
