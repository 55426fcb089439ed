"""Noise that neighbours along a line share, as the detectors of scanning microscopes make it: one value lingers in the next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cgdenoise.noise.correlation import BLOCK, block_spectra, flat_spectra

Array = NDArray[np.float64]

_FLAT, _LESS_FLAT = 0.1, 0.3
"""Shares of the blocks, the flattest, that are looked at: what both show alike is noise, and texture grows."""

_FINEST = 10
"""Sum of a coefficient's frequencies, of 0 to 30, from which it counts: there is little but noise. Not measured with others."""

_LEAST, _MOST, _ALIKE = 0.03, 0.1, 0.2
"""Correlations that are believed, and by what part those of the two shares may differ. On 18 crops of confocal and two-photon
microscopes it was 0.04 to 0.08 (0.05 to 0.09 across in truth), and differed by less on 12. With Poisson noise on 30 photographs,
at peaks of 10 and 40, it is taken for such on two, whose variance is then 2 and 6 % too high ("Pedestals" in
`benchmarks/NOTES.md`)."""


def power_of_scanned(stabilised: NDArray[np.floating], side: int = 8) -> Array | None:
    """Return what noise that is shared along one axis has in the coefficients of small patches; None if there is none.

    The power of white noise of which neighbours share a part r is 1 + 2 r cos(f) at a frequency f along their axis. Texture has
    less power the finer it is along either axis, and looks like a part that is shared along both: only what one axis has more
    than the other counts.

    Parameters
    ----------
    stabilised : (H, W) or (H, W, C) real array
        Image whose noise has the same variance everywhere; NaN where a value is missing.
    side : int
        Of the patches.

    Returns
    -------
    (side, side) array or None
        Power in each coefficient of a patch's DCT, in parts of the noise's variance.
    """
    spectra = block_spectra(stabilised)
    if spectra is None:
        return None
    power = np.square(spectra).mean(axis=1)
    found = [_shared_along(flat_spectra(power, share).mean(axis=0)) for share in (_FLAT, _LESS_FLAT)]
    least, most = sorted(abs(part) for part in found)
    if found[0] * found[1] < 0 or not (least > _LEAST and most < _MOST and most - least < _ALIKE * most):
        return None
    down, across = max(-found[0], 0.0), max(found[0], 0.0)
    waves = 2 * _mean_cosines(side)
    return 1 + down * waves[:, None] + across * waves


def _shared_along(power: Array) -> float:
    """Return what neighbours share along one axis more than along the other, positive across and negative down.

    By the power (16, 16) at the finest frequencies, in least squares.
    """
    down, across = np.mgrid[: len(power), : len(power)]
    finest = down + across >= _FINEST
    waves = 2 * _mean_cosines(BLOCK)
    design = np.stack([np.ones(int(finest.sum())), waves[down[finest]], waves[across[finest]]], axis=1)
    constant, of_down, of_across = np.linalg.lstsq(design, power[finest], rcond=None)[0]
    return float((of_across - of_down) / constant) if constant > 0 else 0.0


def _mean_cosines(side: int) -> Array:
    """Return what each coefficient of a DCT of so many values makes of a correlation of neighbours of 1/2: v' T v, its wave v."""
    places = np.arange(side)
    waves = np.cos(np.pi * np.outer(places, places + 0.5) / side)
    waves /= np.linalg.norm(waves, axis=1, keepdims=True)
    mean: Array = (waves[:, 1:] * waves[:, :-1]).sum(axis=1)
    return mean
