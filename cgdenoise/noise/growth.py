"""How the variance of noise that neighbours share grows with brightness, by flat places."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgdenoise.noise.correlation import BLOCK, MIN_BLOCKS, block_spectra, flat_spectra, without_shading
from cgdenoise.noise.line import least_squares, robust_line

Array = NDArray[np.float64]

_LEVELS = 14
"""Levels of brightness, of as many blocks each. By hand; not measured with others."""

_SHARE = 0.2
"""Share of the blocks of a level, the flattest, that are measured. By hand; not measured with others."""

_SHADING = 3
"""Frequencies, from the lowest, that have no more power than the next: 2 leaves shading of one wide-field picture of six in, and
with the least, 1, the variance is 1.2 to 1.8 times too high in two ("The law of real noise" in `benchmarks/NOTES.md`)."""

_ERROR = 0.05
"""Relative standard error of a level's variance, and scatter about the line up to which it is one: 0.02 to 0.04 on six wide-field
pictures, 0.06 to 2.4 on 21 of cameras and telephones, whose law is no line, or whose flat places hold texture."""


@dataclass(frozen=True)
class Growth:
    """A line, variance = gain * (mean - offset) + read_sigma², in the image's unit; the gain is above 0."""

    gain: float
    offset: float
    read_sigma: float


def growth_of_coarse(image: NDArray[np.floating]) -> Growth | None:
    """Measure how the variance of coarse noise grows with brightness.

    In each channel, at each level of brightness, the flattest blocks are measured as `noise_correlation` does it, in all their
    frequencies. Texture raises levels one by one: where they do not lie on a line, nothing is said.

    Parameters
    ----------
    image : (H, W, C) real array
        In any unit; NaN where missing.

    Returns
    -------
    Growth or None
        None where blocks are too few, the variance does not grow, or the levels are no line.
    """
    spectra = block_spectra(image)
    if spectra is None or len(spectra) < _LEVELS * MIN_BLOCKS:
        return None
    means, variances = [], []
    for channel in np.moveaxis(spectra, 1, 0):
        brightness = channel[:, 0, 0] / BLOCK
        for level in np.array_split(np.argsort(brightness, kind="stable"), _LEVELS):
            flat = flat_spectra(np.square(channel[level]), _SHARE)
            means.append(float(brightness[level].mean()))
            variances.append(float(without_shading(flat.mean(axis=0), _SHADING).mean()))
    design, variance = np.stack([means, np.ones(len(means))], axis=1), np.array(variances)
    if not variance.min() > 0:
        return None
    slope, constant = robust_line(design, variance, np.full(len(variance), _ERROR), least_squares)[0].tolist()
    line = slope * design[:, 0] + constant
    if slope <= 0 or line.min() <= 0 or np.median(np.abs(np.log(variance / line))) > _ERROR:
        return None
    return Growth(slope, max(-constant / slope, 0.0), math.sqrt(max(constant, 0.0)))
