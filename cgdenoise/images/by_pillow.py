"""BMP, WebP, GIF and AVIF by Pillow: written only where nothing is lost."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from cgdenoise.errors import ImageError

from .container import Container, read_only
from .picture import MAX_UNPACKED_PIXELS, Metadata, Picture, check_holds, check_shape, join_alpha, split_alpha

_MODES = ("L", "LA", "RGB", "RGBA")
_EXIF = b"Exif\0\0"


def _decode(data: bytes, format: str) -> Picture:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=(format,)) as image:
        check_shape((image.height, image.width, len(image.getbands())), 1, most=MAX_UNPACKED_PIXELS)
        image.load()  # of an animation the first frame
        info: dict[Any, Any] = dict(image.info)
        samples = np.asarray(image if image.mode in _MODES else image.convert(_mode_of(image)))
    has_alpha = samples.ndim == 3 and samples.shape[2] in (2, 4)
    if has_alpha and image.mode == "P" and (samples[..., -1] == 255).all():
        samples, has_alpha = samples[..., :-1], False
    page, alpha = split_alpha(samples, has_alpha)
    exif = info.get("exif") or None
    metadata = Metadata(info.get("icc_profile"), exif.removeprefix(_EXIF) if exif else None, _dpi(info))
    return Picture((page,), None if alpha is None else (alpha,), format.lower(), metadata)


def _mode_of(image: Any) -> str:
    """Return the mode that holds an image of fewer bits, or with a palette."""
    if image.mode in ("1", "I;16"):
        return "L"
    return "RGBA" if image.mode in ("PA", "RGBa") or "transparency" in image.info else "RGB"


def _dpi(info: dict[Any, Any]) -> tuple[float, float] | None:
    x, y = info.get("dpi", (0, 0))
    return (float(x), float(y)) if x and y else None


def _save(picture: Picture, format: str, **options: Any) -> bytes:
    from PIL import Image

    samples = join_alpha(picture.pages[0], picture.alpha[0] if picture.alpha else None)
    metadata, buffer = picture.metadata, io.BytesIO()
    if metadata.icc_profile:
        options["icc_profile"] = metadata.icc_profile
    if metadata.exif:
        options["exif"] = _EXIF + metadata.exif
    if metadata.dpi:
        options["dpi"] = metadata.dpi
    Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples).save(buffer, format, **options)
    return buffer.getvalue()


def _check_bmp(picture: Picture) -> None:
    check_holds(picture, "BMP", dtypes=("uint8",), alpha=False, channels=(1, 3))


def _check_webp(picture: Picture) -> None:
    check_holds(picture, "WebP", dtypes=("uint8",), alpha=True, channels=(3,))
    if max(picture.pages[0].shape[:2]) > (most := 16383):
        raise ImageError(f"a side of {max(picture.pages[0].shape[:2])} pixels does not fit in a WebP, which holds {most}")


def _encode_bmp(picture: Picture) -> bytes:
    _check_bmp(picture)
    return _save(picture, "BMP")


def _encode_webp(picture: Picture) -> bytes:
    _check_webp(picture)
    return _save(picture, "WEBP", lossless=True, exact=True)


BMP = Container("BMP", (b"BM",), (".bmp",), lambda data: _decode(data, "BMP"), _check_bmp, _encode_bmp)
WEBP = Container(
    "WebP", (b"WEBP",), (".webp",), lambda data: _decode(data, "WEBP"), _check_webp, _encode_webp, place=8
)  # after RIFF and the size
GIF = Container("GIF", (b"GIF8",), (".gif",), lambda data: _decode(data, "GIF"), *read_only("GIF", ".png"), written_as=".png")
AVIF = Container(
    "AVIF",
    (b"ftypavif", b"ftypavis"),
    (".avif",),
    lambda data: _decode(data, "AVIF"),
    *read_only("AVIF", ".png"),  # Pillow writes none without loss
    place=4,
    written_as=".png",
)
