"""What an image file holds once decoded: pixels in the file's own dtype and units, and what travels beside them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError
from cgdenoise.reading.on_disk import is_on_disk

from .stack import Stack

Array = NDArray[Any]

MAX_PIXELS = 1 << 30
"""Most pixels (height x width) accepted in one page: a square of 32,768. By hand."""

MAX_UNPACKED_PIXELS = 178_956_970
"""The same where a small file may hold so many, as a PNG: the size at which Pillow, too, calls a file a bomb."""

MAX_BYTES = 8 << 30
"""Most decoded bytes, over all pages and channels, accepted from one file. By hand."""

LARGE = 64 << 20
"""Decoded bytes of a file from which on its pages are held on the disk. By hand: less is as good as nothing beside a fit."""

MAX_PAGES = 1 << 16
"""Most pages accepted from one file. By hand: each costs a third of a millisecond, which was measured, and a few kilobytes before
its pixels are looked at; so many take 20 s."""

MAX_CHANNELS = 16
"""Most channels in one page, alpha aside, if nobody says what its axes are. By hand: more are taken for another axis."""

MOST_CHANNELS = 4096
"""Most channels in one page of which the axes are known. By hand."""


SAY_AXES = ", or --axes to say what more are"
"""End of the messages about arrays of doubtful axes."""


PALETTE_LOST = "its palette becomes RGB, for restored colours are none of a few"
"""A remark of pictures with palettes."""


@dataclass(frozen=True)
class Metadata:
    """What must survive a restoration although it is not a pixel.

    `icc_profile`, `exif` and `dpi` mean the same in every container and go along when the output is of another kind.
    `verbatim` is for the container it came from and for no other: there it is written back as it was, and it then
    has the last word over the three common fields, which were read from it.

    Parameters
    ----------
    icc_profile
        ICC colour profile.
    exif
        EXIF as a TIFF-structured block (``II*\\0...`` or ``MM\\0*...``), without JPEG's ``Exif\\0\\0`` prefix.
    dpi
        Horizontal and vertical resolution, in pixels an inch.
    verbatim
        `PngChunks`, `JpegSegments`, `TiffPages` or `NpyAxes`.
    """

    icc_profile: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    verbatim: object = None


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded image file.

    Parameters
    ----------
    pages
        One array a page, (H, W) or (H, W, C), all of one real dtype. More than one only from a stack; pages may
        differ in shape. Values are the file's own: nothing is scaled, inverted, rotated or gamma-corrected.
    alpha
        One (H, W) array a page, of the same dtype, or None. It is carried, never restored.
    container
        "png", "jpeg", "tiff" or "npy".
    metadata
        What goes back into the file beside the pixels.
    stack
        What the pages are to each other, where that is known.
    remarks
        What is not stored again as it was, in words, if the picture is written in its own container.

    Raises
    ------
    ImageError
        If the arrays contradict each other.
    """

    pages: tuple[Array, ...] = field(repr=False)
    alpha: tuple[Array, ...] | None = field(repr=False)
    container: str
    metadata: Metadata = Metadata()
    stack: Stack | None = None
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.pages:
            raise ImageError("no pages; expected at least one")
        for page in self.pages:
            check_shape(page.shape, page.dtype.itemsize, channels=MOST_CHANNELS)
        dtypes = {array.dtype for array in (*self.pages, *(self.alpha or ()))}
        if len(dtypes) > 1:
            raise ImageError(f"pages of {' and '.join(sorted(map(str, dtypes)))}; expected one dtype")
        if self.dtype.kind not in "uif":
            raise ImageError(f"dtype {self.dtype}; expected real integers or floats")
        if self.alpha is not None and [a.shape for a in self.alpha] != [page.shape[:2] for page in self.pages]:
            raise ImageError("alpha and pages differ in number or size; expected one (H, W) alpha a page")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype all pages share."""
        return self.pages[0].dtype

    @property
    def peak(self) -> float:
        """Nominal full scale: 255 for uint8, 65535 for uint16, any integer dtype's largest, 1.0 for floats."""
        return 1.0 if self.dtype.kind == "f" else float(np.iinfo(self.dtype).max)

    def with_pages(self, pages: Sequence[Array]) -> "Picture":
        """Return this picture with other pixels: same shapes, dtype, alpha and metadata.

        Parameters
        ----------
        pages
            One array a page, each of the shape it replaces, in the file's units (0 to `peak`), usually float. For
            an integer dtype values are rounded and clipped to the dtype's range; for a float dtype they are cast.

        Raises
        ------
        ImageError
            If the number of pages or a shape differs, or if a NaN would have to become an integer.
        """
        shapes, expected = [np.shape(page) for page in pages], [page.shape for page in self.pages]
        if shapes != expected:
            raise ImageError(f"pages of shape {shapes}; expected {expected}")
        return replace(self, pages=tuple(to_dtype(np.asarray(page), self.dtype) for page in pages))


def to_dtype(values: Array, dtype: np.dtype[Any]) -> Array:
    """Return values as a file of a dtype holds them: of integers rounded and clipped to their range.

    Raises
    ------
    ImageError
        If a NaN would have to become an integer.
    """
    if values.dtype == dtype:
        return values
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return values.astype(dtype)
    exact = values.astype(np.float64)
    if np.isnan(exact).any():
        raise ImageError(f"NaN among the pixels; expected numbers, to be stored as {dtype}")
    limits = np.iinfo(dtype)
    # 2**63 - 1 has no float64 of its own and rounds up to 2**63, which would wrap round to a negative number.
    top = float(limits.max) if float(limits.max) <= limits.max else math.nextafter(float(limits.max), 0.0)
    return np.clip(np.rint(exact), float(limits.min), top).astype(dtype)


def check_shape(
    shape: tuple[int, ...], itemsize: int, pages: int = 1, most: int = MAX_PIXELS, channels: int = MAX_CHANNELS
) -> None:
    """Check a page's shape against this package's limits. Readers call it before they allocate anything.

    Parameters
    ----------
    shape
        (H, W) or (H, W, C), alpha included in C.
    itemsize
        Bytes a sample.
    pages
        How many such pages there are.
    most
        Pixels in a page that are accepted.
    channels
        Of a page, alpha aside, that are accepted.

    Raises
    ------
    ImageError
        If the shape is of another kind, empty, or too large.
    """
    if len(shape) not in (2, 3):
        raise ImageError(f"array of shape {shape}; expected (H, W) or (H, W, C)")
    if 0 in shape:
        raise ImageError(f"image of shape {shape} has no pixels; expected at least 1x1")
    if len(shape) == 3 and shape[2] > channels + 1:
        raise ImageError(f"image of shape {shape}; expected (H, W) or (H, W, C) with C at most {channels}{SAY_AXES}")
    if shape[0] * shape[1] > most:
        raise ImageError(f"image of {shape[1]}x{shape[0]} pixels; expected at most {most} pixels")
    if (total := math.prod(shape) * itemsize * pages) > MAX_BYTES:
        raise ImageError(f"image of {total} bytes once decoded; expected at most {MAX_BYTES}")


def check_holds(picture: Picture, title: str, dtypes: Sequence[str], alpha: bool, channels: Sequence[int] = ()) -> None:
    """Check that a container which holds one page can hold `picture` without losing anything.

    Parameters
    ----------
    picture
        What is to be written.
    title
        The container, as named in the message.
    dtypes
        Names of the dtypes it holds; empty for any.
    alpha
        Whether it holds an alpha channel.
    channels
        Numbers of channels it holds, alpha aside; empty for any.

    Raises
    ------
    ImageError
        If something would be lost.
    """
    if len(picture.pages) > 1:
        raise ImageError(f"{len(picture.pages)} pages do not fit in a {title}, which holds one; expected TIFF")
    if dtypes and str(picture.dtype) not in dtypes:
        raise ImageError(f"{picture.dtype} pixels do not fit in a {title}, which holds {' or '.join(dtypes)}")
    count = channel_count(picture.pages[0])
    if channels and count not in channels:
        raise ImageError(f"{count} channels do not fit in a {title}, which holds {' or '.join(map(str, channels))}")
    if picture.alpha is not None and not alpha:
        raise ImageError(f"an alpha channel does not fit in a {title}; expected an image without one")


def channel_count(page: Array) -> int:
    """Return the number of channels of an (H, W) or (H, W, C) page."""
    return 1 if page.ndim == 2 else page.shape[2]


def split_alpha(samples: Array, has_alpha: bool) -> tuple[Array, Array | None]:
    """Split decoded samples, (H, W) or (H, W, C), into the page and its last channel; one channel left is (H, W).

    Both are contiguous in memory, or views of what lies on the disk.
    """
    page, alpha = (samples[..., :-1], samples[..., -1]) if has_alpha else (samples, None)
    if page.ndim == 3 and page.shape[2] == 1:
        page = page[..., 0]
    if is_on_disk(samples):
        return page, alpha
    return np.ascontiguousarray(page), None if alpha is None else np.ascontiguousarray(alpha)


def join_alpha(page: Array, alpha: Array | None) -> Array:
    """Undo `split_alpha`: return (H, W, samples), contiguous."""
    planes = [page.reshape(*page.shape[:2], -1), *([] if alpha is None else [alpha[..., None]])]
    return np.ascontiguousarray(np.concatenate(planes, axis=2) if len(planes) > 1 else planes[0])
