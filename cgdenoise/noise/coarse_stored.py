"""Noise that neighbours shared before an image was stored as JPEG, as a camera's own processing leaves it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cgdenoise.noise.correlation import noise_correlation
from cgdenoise.noise.estimate import patch_noise, shared_by_channels
from cgdenoise.noise.model import NoiseModel

Array = NDArray[np.float64]

_EXCESS, _LEAST, _EVEN = 60.0, 3.55, (0.85, 1.65)
"""`excess` and `least` from which noise of a stored image is likely to have been coarse, and `growth` between which: of six
pictures of cameras, two crops of each, 90 to 430, 3.6 to 4.9 and 1.0 to 1.6. Of 240 others at quality 75 and 90, with white noise
of up to 10 of 255 or none, six are there as well (`benchmarks/NOTES.md`, "JPEG")."""

_LIKELY, _POSSIBLE = 1.25, 0.75
"""Level of coarse noise, by pixels that a fit is not shown, over that of white noise which the image may have had, up to which
it is noise: where it is likely, and else. It was 0.6 to 1.15 for those six, 0.4 to 0.9 for four other pictures of cameras, 0.9 to
5.8 for 18 photographs without noise (as above)."""

_ABOVE_HIDDEN = 1.25
"""Level before, over that which rounding hides, up to which it may be coarse. Above, all frequencies have left something, and
have told that it was white. By hand: 1.0 to 1.2 on those six."""

FINE, NEARLY_EXACT = 85, 95
"""Qualities of JPEG from which noise that was not white before may be coarse, and from which JPEG then counts for nothing. By
hand: cameras' noise is coarse at 97, and at 89 it cost 3.5 dB to take it for white; at 40 to 80, whose fine frequencies are lost,
texture passes for coarse noise, which cost up to 3 dB (two photographs). Of ten clean photographs at 90, four of them not white,
none is coarse (`benchmarks/NOTES.md`, "JPEG")."""

_LOWEST_QUALITY = 70
"""Quality from which an image may show that: below, white noise is as coarse as that when it has been stored."""


def coarse_before(model: NoiseModel, values: Array, *, may_show: bool, fit_follows: bool) -> NoiseModel:
    """Return the model of an image that was stored as JPEG with the autocorrelation of its noise, if that may have been coarse.

    Rounding takes the fine frequencies of weak noise in any case, so that those that are left do not tell for certain. Of texture
    a fit misses more, in pixels that it is not shown, than of weak noise: `StoredNoise.believed_coarse` is how much that may be.

    Parameters
    ----------
    model : NoiseModel
        With `stored`.
    values : (H, W, C) array
        The image.
    may_show : bool
        Whether the image can show by itself that its noise was likely coarse.
    fit_follows : bool
        Whether a fit will be asked, so that it is enough if the noise may have been coarse at all; the fit then has to miss less.
    """
    stored = model.stored
    if stored is None or stored.jpeg.quality < _LOWEST_QUALITY or not stored.is_white:
        return model
    if stored.sigma > _ABOVE_HIDDEN * stored.hidden or not (may_show or fit_follows):
        return model
    noise = patch_noise(values)
    coarse = noise_correlation(values, noise, told=True)
    is_even = _EVEN[0] <= coarse.growth <= _EVEN[1] and coarse.excess >= _EXCESS and coarse.least >= _LEAST
    is_likely = may_show and is_even
    if coarse.is_white or not (is_likely or fit_follows):
        return model
    believed = replace(stored, believed_coarse=_LIKELY if is_likely else _POSSIBLE)
    return replace(model.or_coarse(coarse, shared_by_channels(noise)), stored=believed)
