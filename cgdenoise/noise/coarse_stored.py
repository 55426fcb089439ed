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

_LOWEST_QUALITY = 70
"""Quality from which an image may show that: below, white noise is as coarse as that when it has been stored."""


def likely_coarse(model: NoiseModel, values: Array) -> NoiseModel:
    """Return the model of an image that was stored as JPEG with the autocorrelation of its noise, if that was likely coarse.

    Rounding takes the fine frequencies of weak noise in any case, so that those that are left do not tell for certain. Of texture
    a fit misses more, in pixels that it is not shown, than of weak noise: `StoredNoise.believed_coarse` is how much that may be.

    Parameters
    ----------
    model : NoiseModel
        With `stored`, or it is returned as it is.
    values : (H, W, C) array
        The image.
    """
    return _with_coarse(model, values, _LIKELY)


def possibly_coarse(model: NoiseModel, values: Array) -> NoiseModel:
    """Return the same if the noise may have been coarse at all: for those who ask a fit, which then has to miss less."""
    return model if model.correlation_length else _with_coarse(model, values, _POSSIBLE)


def _with_coarse(model: NoiseModel, values: Array, believed: float) -> NoiseModel:
    stored = model.stored
    if stored is None or stored.jpeg.quality < _LOWEST_QUALITY or not stored.is_white:
        return model
    if stored.sigma > _ABOVE_HIDDEN * stored.hidden:
        return model
    noise = patch_noise(values)
    coarse = noise_correlation(values, noise, told=True)
    is_even = _EVEN[0] <= coarse.growth <= _EVEN[1] and coarse.excess >= _EXCESS and coarse.least >= _LEAST
    if coarse.is_white or (believed == _LIKELY and not is_even):
        return model
    return replace(model.or_coarse(coarse, shared_by_channels(noise)), stored=replace(stored, believed_coarse=believed))
