"""TIFF image file directories, the structure that TIFF and EXIF share: tags are moved as raw bytes, not interpreted."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from cgdenoise.errors import ImageError

EXIF, GPS, INTEROPERABILITY = 34665, 34853, 40965
_POINTERS = frozenset((EXIF, GPS, INTEROPERABILITY))

# Bytes an item, by type: BYTE, ASCII, SHORT, LONG, RATIONAL, SBYTE, UNDEFINED, SSHORT, SLONG, SRATIONAL, FLOAT, DOUBLE,
# IFD, and BigTIFF's LONG8, SLONG8, IFD8.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
BYTE, SHORT, LONG, RATIONAL, UNDEFINED, LONG8 = 1, 3, 4, 5, 7, 16

Order = Literal["<", ">"]


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

    def unpack(self, format: str, data: bytes, offset: int = 0) -> tuple[int, ...]:
        """Unpack numbers; ImageError if the data ends before."""
        if offset + struct.calcsize(self.order + format) > len(data):
            raise ImageError(f"truncated TIFF: no directory at byte {offset} of {len(data)}")
        return struct.unpack_from(self.order + format, data, offset)

    def header(self, first: int | None = None) -> bytes:
        """Return a file header that points to the directory at `first`, by default right behind the header."""
        mark = b"II" if self.order == "<" else b"MM"
        if self.big:
            return mark + self.pack("HHHQ", 43, 8, 0, 16 if first is None else first)
        return mark + self.pack("HI", 42, 8 if first is None else first)

    def tag(self, code: int, kind: int, *values: int) -> Tag:
        """Return a tag of SHORT, LONG, LONG8 or RATIONAL (numerators and denominators in turn) items."""
        size = {SHORT: "H", LONG: "I", LONG8: "Q", RATIONAL: "I"}[kind]
        count = len(values) // 2 if kind == RATIONAL else len(values)
        return Tag(code, kind, count, self.pack(f"{len(values)}{size}", *values))

    def number(self, tag: Tag | None) -> Fraction | None:
        """Return the first value of a BYTE, SHORT, LONG or RATIONAL tag; None if there is none, or it is x/0."""
        if tag is None or not tag.count:
            return None
        if tag.kind == RATIONAL:
            numerator, denominator = self.unpack("II", tag.value)
            return Fraction(numerator, denominator) if denominator else None
        size = {BYTE: "B", SHORT: "H", LONG: "I", LONG8: "Q"}.get(tag.kind)
        return Fraction(self.unpack(size, tag.value)[0]) if size else None


def read_header(data: bytes) -> tuple[Layout, int]:
    """Return the layout of a TIFF file or EXIF block, and where its first directory stands."""
    if data[:2] not in (b"II", b"MM"):
        raise ImageError(f"damaged TIFF: starts with {data[:4]!r}; expected II or MM")
    order: Order = "<" if data[:2] == b"II" else ">"
    big = Layout(order).unpack("H", data, 2)[0] == 43
    layout = Layout(order, big)
    return layout, layout.unpack(layout.word, data, 8 if big else 4)[0]


def read_chain(data: bytes) -> tuple[Layout, list[Directory]]:
    """Return all directories of a file in order; ImageError if the chain leads outside of the file or in a circle."""
    layout, offset = read_header(data)
    directories: list[Directory] = []
    seen: set[int] = set()
    while offset:
        if offset in seen:
            raise ImageError(f"damaged TIFF: the directory at byte {offset} comes twice")
        seen.add(offset)
        directory, offset = read_directory(data, offset, layout)
        directories.append(directory)
    return layout, directories


def read_directory(data: bytes, offset: int, layout: Layout, depth: int = 2) -> tuple[Directory, int]:
    """Return the directory at `offset`, and where the next one stands (0: none).

    Entries of an unknown type, or with values outside of the file, are left out: they cannot be moved. `depth` is
    how many levels of child directories to follow.
    """
    count = layout.unpack("Q" if layout.big else "H", data, offset)[0]
    entry, start = (20, offset + 8) if layout.big else (12, offset + 2)
    following = layout.unpack(layout.word, data, start + count * entry)[0]
    tags: list[Tag] = []
    children: dict[int, Directory] = {}
    unread = len(data)  # values do not overlap: many that point at the same bytes are an attempt to fill the memory
    for position in range(start, start + count * entry, entry):
        code, kind, items = layout.unpack("HH" + layout.word, data, position)
        inline = position + entry - layout.word_size
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
        elif depth and (target := layout.number(Tag(code, LONG if size == 4 else LONG8, 1, tag.value))):
            try:
                children[code], _ = read_directory(data, int(target), layout, depth - 1)
            except ImageError:
                continue  # a dangling EXIF pointer is no reason to refuse the pixels
    return Directory(tuple(tags), children), following


def write_directory(directory: Directory, offset: int, layout: Layout, last: bool = True) -> bytes:
    """Return a directory with all its values and children, to stand at `offset` (even).

    Unless it is the `last`, its link points to its own end, where the next one is to be put.
    """
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
    table.append(layout.pack(layout.word, 0 if last else position))
    return b"".join(table + values)


def read_block(block: bytes) -> tuple[Layout, Directory]:
    """Return the layout and the main directory of an EXIF block; an empty one if it is not readable."""
    try:
        layout, offset = read_header(block)
        return layout, read_directory(block, offset, layout)[0]
    except ImageError:
        return Layout("<"), Directory()


def write_block(directory: Directory, order: Order) -> bytes:
    """Return an EXIF block: a classic TIFF header and one directory."""
    layout = Layout(order)
    header = layout.header()
    return header + write_directory(directory, len(header), layout)
