"""Finding impulses of any value: lonely values far out, about as often as nearer by."""

from __future__ import annotations

import math

import numpy as np

from cgdenoise.noise.places import FEW_VALUES, MIN_COUNT, MIN_COVER, Mask, Values, find_places, neighbours, quantile

# Chosen by hand as those of `impulse` were, with random values in 5 to 50 % of the places; half and twice are measured there too.

_FAR = 5.0
"""Distance of a block's centre from an extreme, in standard deviations of the block."""

_CONTRAST = 0.5
"""Rate of lonely values far out, relative to those nearer by, from which they are impulses: random values are as frequent in
both, texture and noise have hardly any far out."""

_OUTER, _MIDDLE = 0.4, 0.7
"""Positions between an extreme, 0, and a block's centre, 1, up to which a value is far out or nearer by. Not measured with
others."""

_MIN_RATE = 6e-4
"""Share of the values that have to be lonely and far out."""

_MIN_PLAIN = 24
"""Values that a block needs: half of its 49."""

_MAX_SHARE = 0.15
"""Share of impulses from which the limit on their distance falls no further: the image's own deviations would pass it."""

_INK = 2.0
"""Marked values, in parts of the impulses that were counted, from which they are too many to be impulses alone."""

TOGETHER = 0.6
"""Share of impulses that take all channels of a pixel, above which all do: independent ones do so by their own share."""

_LIMIT = 0.5
"""Factor of the limit on the distance from the median, twice as much in the first pass. Not measured with others."""

_GAUSSIAN_MAD = 0.6745
"""Median absolute deviation of the normal distribution, in standard deviations (computed)."""


def find_outliers(image: Values) -> Mask:
    """Mark impulses of any value; none if there is no strong evidence of them.

    Parameters
    ----------
    image : (H, W, C) array
        NaN where missing.

    Returns
    -------
    (H, W, C) array of bool
    """
    nothing = np.zeros(image.shape, dtype=bool)
    distinct = np.unique(image[np.isfinite(image)])
    if distinct.size <= FEW_VALUES:
        return nothing  # impulses of any value would have brought more
    second = np.stack([_second_nearest(image[..., c]) for c in range(image.shape[2])], axis=2)
    share = 0.0
    for extreme in (distinct[0], distinct[-1]):
        places = find_places(image, distinct, np.isfinite(image), extreme, _FAR, _MIN_PLAIN)
        if not places.chosen.any():
            continue
        alone = second > (1 - places.position) / 2 * places.away
        # Far out is the outer part of the way from the block to the extreme, nearer by the next; noise reaches neither.
        far = places.rate(alone & (places.position <= _OUTER))
        between = places.rate(alone & (places.position > _OUTER) & (places.position <= _MIDDLE))
        enough = places.cover > MIN_COVER and far.hits >= MIN_COUNT and far.value > _MIN_RATE
        if enough and far.value > _CONTRAST * between.value:
            share = max(share, far.value / (_OUTER * places.reach))
    if share == 0:
        return nothing
    mask = np.stack([_far_from_median(image[..., c], second[..., c], share) for c in range(image.shape[2])], axis=2)
    any_channel = mask.any(axis=2, keepdims=True)
    if mask.sum() > TOGETHER * any_channel.sum() * image.shape[2]:
        mask = any_channel & np.isfinite(image)
    return mask


def _second_nearest(channel: Values) -> Values:
    """Return how far the second most similar of 8 neighbours is: a line has two that are similar, an impulse none."""
    distances: Values = np.sort(np.abs(neighbours(channel, 1) - channel), axis=0)
    second: Values = distances[1]
    return second


def _far_from_median(channel: Values, second: Values, share: float) -> Mask:
    """Mark values of a (H, W) channel by their distance from the median of their neighbours, in two passes.

    `second` is how far the second most similar neighbour is.

    The distance is measured in median absolute deviations of the 24 neighbours (Crnojevic, Senk and Trpovski, "Advanced impulse
    detection based on pixel-wise MAD", IEEE Signal Processing Letters, 2004) and must be the larger, the rarer impulses are:
    an image's own deviations have exponential tails. The second pass leaves out of the medians what the first has marked.
    """
    mask = ~np.isfinite(channel)
    for factor in (2.0, 1.0):
        around = neighbours(np.where(mask, np.nan, channel), 2)
        nearest = around[[6, 7, 8, 11, 12, 15, 16, 17]]
        enough = np.isfinite(nearest).sum(axis=0) >= 3
        centre = np.where(enough, quantile(nearest, 0.5), quantile(around, 0.5))
        deviation = quantile(np.abs(around - centre), 0.5) / _GAUSSIAN_MAD
        known = deviation[np.isfinite(deviation)]
        typical = float(np.median(known)) if known.size else 0.0
        limit = factor * _LIMIT * math.log(1 / min(share, _MAX_SHARE)) * (typical + deviation)
        distance = np.abs(channel - centre)
        mask = distance > limit
        if mask.mean() > _INK * share:
            # More than the impulses that were counted: the others are ink, which has company.
            mask &= second > distance / 2
        mask |= ~np.isfinite(channel)
    return mask & np.isfinite(channel)
