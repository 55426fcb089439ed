"""Raw files of cameras by rawpy, read only: linear RGB of 16 bits, in the camera's white balance."""

from __future__ import annotations

import io

import numpy as np

from .container import Container, needed, read_only
from .picture import Picture, check_shape

_SUFFIXES = (".dng", ".nef", ".cr2", ".cr3", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw")


def _decode(data: bytes) -> Picture:
    rawpy = needed("rawpy", "raw")
    with rawpy.imread(io.BytesIO(data)) as raw:
        check_shape((raw.sizes.height, raw.sizes.width, 3), 2)
        # No tone curve and no brightening: the noise then is that of the photons.
        page = raw.postprocess(use_camera_wb=True, no_auto_bright=True, gamma=(1, 1), output_bps=16)
    return Picture((np.ascontiguousarray(page),), None, "raw")


# Most begin as a TIFF does: only the suffix tells.
CONTAINER = Container("camera raw", (), _SUFFIXES, _decode, *read_only("camera raw", ".tif"), written_as=".tif")
