"""What kind of noise an image has: the model that a restoration assumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgdenoise.names import NoiseKind as NoiseKind


@dataclass(frozen=True)
class NoiseModel:
    """The noise of one image, in its unit.

    Attributes
    ----------
    kind : NoiseKind
        Never `AUTO`.
    sigma : float
        Standard deviation of the Gaussian part, over all channels; of Poisson noise the root mean square of the whole noise.
    gain, offset, read_sigma : float
        Variance = gain * (mean - offset) + read_sigma². The gain is 0 where the noise does not depend on the brightness.
    covariance : (C, C) array or None
        Of the noise between channels, where they share it.
    correlation_length : int
        Distance in pixels from which the noise of two pixels is independent; 0 for white noise.
    correlation_area : float
        Pixels to one independent value of the noise; 1 for white noise.
    impulses : (H, W, C) array of bool
        Values that are impulses and count as missing.
    reasons : tuple of str
        Why, one sentence each.
    """

    kind: NoiseKind
    sigma: float
    impulses: NDArray[np.bool_]
    gain: float = 0.0
    offset: float = 0.0
    read_sigma: float = 0.0
    covariance: NDArray[np.float64] | None = None
    correlation_length: int = 0
    correlation_area: float = 1.0
    reasons: tuple[str, ...] = ()
