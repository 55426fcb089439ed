"""Reconstructions into files: the numbers, and a picture to look at."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from cgdenoise import images
from cgdenoise.images import Picture
from cgdenoise.jobs.curves import draw_curves
from cgdenoise.jobs.shown import as_sheet
from cgdenoise.measurements import encode_cfl
from cgdenoise.problems.problem import Array
from cgdenoise.restoration.units import OF_VOLUME


def encode_array(image: Array, path: str) -> dict[str, bytes]:
    """Return the contents of the files, by path, that hold a reconstruction in its own unit.

    Parameters
    ----------
    image : array
        Real or complex; it is written in single precision, as it was computed.
    path : str
        .npy, or .cfl: then an image of (H, W) takes BART's first two axes, a signal the first, a volume the first three, and what
        has coils or channels the fourth as well.
    """
    values = image.astype(np.complex64 if image.dtype.kind == "c" else np.float32)
    if path.endswith(".cfl"):
        header, data = encode_cfl(_as_bart_has_it(values))
        return {str(Path(path).with_suffix(".hdr")): header, path: data}
    buffer = io.BytesIO()
    np.save(buffer, values)
    return {path: buffer.getvalue()}


def _as_bart_has_it(values: Array) -> Array:
    if values.ndim == 1:
        return values[:, None]
    if values.ndim == 2:
        return values
    last = np.moveaxis(values, 0, -1)
    return last if values.ndim == OF_VOLUME else last[:, :, None]


def encode_picture(picture: Array, path: str, like: Array | None) -> tuple[bytes, str]:
    """Return the contents of a picture file and how its grey levels come from the numbers.

    Parameters
    ----------
    picture : array
        (H, W) or (H, W, C), real, in any unit; or a signal (N,), which is drawn, or a volume (D, H, W, C), whose planes are pages
        of a TIFF, and elsewhere lie on a sheet.
    path : str
        Its suffix says which kind of file. NPY and TIFF hold the numbers themselves.
    like : array or None
        An image in the same unit. If it is of unsigned integers, other files take its dtype, and clip to that. If not they have
        8 bits, and the range from 0 (or the least value, if it is less) to the largest value becomes 0 to 255.
    """
    if picture.ndim == 1:
        return draw_curves({"reconstructed": picture} if like is None else {"clean": like, "reconstructed": picture}), "a drawing"
    container = images.container_for(path)
    if picture.ndim == OF_VOLUME and container == "tiff":
        planes = picture[..., 0] if picture.shape[3] == 1 else picture
        return images.encode(
            Picture(tuple(planes.astype(np.float32)), None, container), container, path
        ), "in the unit of the image"
    picture = as_sheet(picture)
    blank, values, remark = np.zeros(picture.shape, np.float32), picture, "in the unit of the image"
    if container not in ("npy", "tiff"):
        if like is not None and like.dtype.kind == "u":
            blank, remark = np.zeros(picture.shape, like.dtype), f"picture in its grey levels, clipped to {like.dtype}"
        else:
            low, high = min(0.0, float(picture.min())), float(picture.max())
            blank, values = np.zeros(picture.shape, np.uint8), (picture - low) / ((high - low) or 1.0) * 255
            remark = f"picture of the range {low:.4g} to {high:.4g}"
    stored = Picture((blank,), None, container).with_pages([values])
    return images.encode(stored, container, path), remark
