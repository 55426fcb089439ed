"""The noise level of an image with so many missing pixels that no whole patch is left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A value without another origin was chosen by hand; what half and twice of it do is in `benchmarks/NOTES.md`, "Constants of noise
# estimation".

_BLOCK = 32
"""Side of the blocks in pixels. Half or twice raise the mean error of the level from 5 to 10 or 7 %."""

_FLAT = 0.1
"""Quantile of the blocks' variances that is taken for that of the noise alone."""

_MIN_COUNT = 20
"""Differences that a block needs: their mean square then has a standard error of a third, sqrt(2 / 20)."""


def sigma_from_differences(image: NDArray[np.floating]) -> float:
    """Estimate the standard deviation of white noise from neighbours in a row, in the flattest blocks.

    A rough figure, for an image that has lost a good part of its pixels: the second difference a - 2 b + c of three
    neighbours holds 6 σ² of noise besides the curvature of the image, so it is measured where it is least.

    Parameters
    ----------
    image : (H, W, C) array
        NaN where missing.

    Returns
    -------
    float
        σ in the image's unit; 0 where too few pixels are known.
    """
    variances = []
    for axis in (0, 1):
        lines = np.moveaxis(image, axis, 0)
        squares = np.moveaxis(np.square(lines[:-2] - 2 * lines[1:-1] + lines[2:]) / 6, 0, axis)
        for row in range(0, squares.shape[0], _BLOCK):
            for column in range(0, squares.shape[1], _BLOCK):
                block = squares[row : row + _BLOCK, column : column + _BLOCK]
                known = np.isfinite(block)
                if known.sum() >= _MIN_COUNT:
                    variances.append(block[known].mean())
    return float(np.sqrt(np.quantile(variances, _FLAT))) if variances else 0.0
