"""The noise level of an image with so many gaps that no whole patch is left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BLOCK = 32
_FLAT = 0.1
_MIN_COUNT = 20


def sigma_between_gaps(image: NDArray[np.floating]) -> float:
    """Estimate the standard deviation of white noise from neighbours in a row, in the flattest blocks.

    A rough figure, for an image that has lost a good part of its pixels: the second difference a - 2 b + c of three
    neighbours has 6 σ² of noise and whatever curvature the image has there, so it is measured where that is least.

    Parameters
    ----------
    image : (H, W, C) array
        NaN where missing.

    Returns
    -------
    float
        σ in the image's unit; 0 where too little is left.
    """
    found = []
    for axis in (0, 1):
        lines = np.moveaxis(image, axis, 0)
        squares = np.moveaxis(np.square(lines[:-2] - 2 * lines[1:-1] + lines[2:]) / 6, 0, axis)
        for top in range(0, squares.shape[0], _BLOCK):
            for left in range(0, squares.shape[1], _BLOCK):
                block = squares[top : top + _BLOCK, left : left + _BLOCK]
                known = np.isfinite(block)
                if known.sum() >= _MIN_COUNT:
                    found.append(block[known].mean())
    return float(np.sqrt(np.quantile(found, _FLAT))) if found else 0.0
