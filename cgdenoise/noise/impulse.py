"""Finding impulses: values that replaced those of the image and have nothing to do with it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError

_BLOCK = 7
_REPEATED_MIN_PLAIN = 5
_OUTLIER_MIN_PLAIN = 24
_MIN_COUNT = 10
_MIN_COVER = 0.01
_REPEATED_FAR = 4.0
_REPEATED_CONTRAST = 1.2
_REPEATED_MIN_RATE = 1e-3
_SATURATED = 0.7
_EVIDENCE = 7.0
_OUTLIER_FAR = 5.0
_OUTLIER_CONTRAST = 0.5
_OUTLIER_MIN_RATE = 6e-4
_MAX_SHARE = 0.15
_TOGETHER = 0.6
_GAUSSIAN_IQR = 1.349
_GAUSSIAN_MAD = 0.6745

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Impulses:
    """What was found of impulses in an image.

    Attributes
    ----------
    mask : array of bool, of the image's shape
        True where the value is judged an impulse: to be treated as missing. All False where no impulses were found.
    share, share_error : float
        Estimated share of the values that are impulses, and the standard error that counting gives it. For impulses of one or
        two values (salt and pepper) those that fell on a part of the image that has this value anyway count; for others it is
        the share of the marked values.
    low, high : float or None
        The values of pepper and of salt, in the image's unit; None where impulses do not share one.
    """

    mask: Mask
    share: float
    share_error: float
    low: float | None
    high: float | None

    @property
    def present(self) -> bool:
        """Whether there is strong evidence of a population of impulses."""
        return self.share > 0


def find_impulses(image: NDArray[np.floating]) -> Impulses:
    """Find impulses, if an image has a population of them: salt and pepper, then outliers of any value.

    Where a block of 7 by 7 has its typical values far from an extreme, neither the image nor usual noise brings values near
    that extreme without bringing more of them between it and the block; impulses come without. They also come everywhere at
    one rate, so blocks that hold more than chance allows are left out.

    Parameters
    ----------
    image : (H, W) or (H, W, C) real array
        In any unit. NaN marks missing values.

    Returns
    -------
    Impulses
        It follows any change of unit: `a * image + b` has the same mask (with `low` and `high` exchanged for a < 0).

    Raises
    ------
    ImageError
        The array has not 2 or 3 dimensions.
    """
    if image.ndim not in (2, 3):
        raise ImageError(f"found an array of {image.ndim} dimensions, expected an image (H, W) or (H, W, C)")
    channels = np.asarray(image, dtype=np.float64)
    channels = channels[..., None] if image.ndim == 2 else channels
    nothing = Impulses(np.zeros(image.shape, dtype=bool), 0.0, 0.0, None, None)
    values = channels[np.isfinite(channels)]
    if values.size == 0 or values.min() == values.max():
        return nothing
    found = _salt_and_pepper(channels, values)
    # What noise or clipping brought to an exact extreme is then found first, and the rest of the same impulses after it.
    rest = channels if found is None else np.where(found.mask, np.nan, channels)
    others = _outliers(rest, rest[np.isfinite(rest)])
    if found is not None and others is not None:
        error = math.hypot(found.share_error, others.share_error)
        found = Impulses(found.mask | others.mask, min(found.share + others.share, 1.0), error, found.low, found.high)
    found = found or others
    if found is None:
        return nothing
    return Impulses(found.mask.reshape(image.shape), found.share, found.share_error, found.low, found.high)


def _salt_and_pepper(image: Values, values: Values) -> Impulses | None:
    """Find impulses of two exact values, or of one."""
    extremes = _repeated_values(values)
    hits = [image == extreme for extreme in extremes]
    blocks = _blocks(image)
    plain = np.where(_blocks(hits[0] | hits[1]) == 1, np.nan, blocks)
    places = [_places(blocks, plain, extreme, _REPEATED_FAR, _REPEATED_MIN_PLAIN, values) for extreme in extremes]
    # A camera or a channel of transmission loses single values or whole pixels; in the second case an extreme in one channel
    # alone is image.
    whole = [np.broadcast_to(hit.all(axis=2, keepdims=True), hit.shape) for hit in hits]
    rates, whole_rates = ([place.rate(_blocks(h)) for place, h in zip(places, kind, strict=True)] for kind in (hits, whole))
    if sum(whole_rates) > _TOGETHER * sum(rates):
        hits, rates = whole, whole_rates
    certain = [
        place.cover > _MIN_COVER
        and rate > max(_REPEATED_MIN_RATE, _MIN_COUNT / place.size)
        and rate > _REPEATED_CONTRAST * (place.rate(place.position(plain) < 1 / 3) + _REPEATED_MIN_RATE / 3)
        for place, rate in zip(places, rates, strict=True)
    ]
    if not any(certain):
        return None
    # An extreme with few places to judge it by counts if it is as frequent as the one that is certain.
    usual = max(rate for rate, sure in zip(rates, certain, strict=True) if sure)
    real = [sure or usual / 2 < rate < 2 * usual for rate, sure in zip(rates, certain, strict=True)]
    hits = [hit & r for hit, r in zip(hits, real, strict=True)]
    rates = [rate * r for rate, r in zip(rates, real, strict=True)]
    mask = np.zeros(image.shape, dtype=bool)
    for c in range(image.shape[2]):
        pepper, salt = (hit[..., c] for hit in hits)
        plain_values = np.isfinite(image[..., c]) & ~pepper & ~salt
        mask[..., c] = _unsupported(pepper, salt, plain_values, rates[0], rates[1])
        mask[..., c] |= _unsupported(salt, pepper, plain_values, rates[1], rates[0])
    independent = image.shape[2] if hits is whole else 1
    errors = [rate * (1 - rate) * independent / max(place.size, 1) for place, rate in zip(places, rates, strict=True)]
    low, high = (float(extreme) if r else None for extreme, r in zip(extremes, real, strict=True))
    return Impulses(mask, float(sum(rates)), math.sqrt(sum(errors)), low, high)


def _repeated_values(values: Values) -> tuple[float, float]:
    """Return the two values that impulses would have: the extremes, or those that repeat in an image of continuous values.

    Noise that was added before the impulses and not clipped reaches beyond them.
    """
    distinct, counts = np.unique(values, return_counts=True)
    below = distinct < np.median(values)
    above = distinct > np.median(values)
    low, high = (int(np.argmax(np.where(side, counts, 0))) for side in (below, above))
    continuous = 2 * (distinct.size - 2) > values.size - counts[low] - counts[high]
    return (distinct[low], distinct[high]) if continuous and low != high else (distinct[0], distinct[-1])


def _unsupported(hit: Mask, opposite: Mask, plain: Mask, rate: float, opposite_rate: float) -> Mask:
    """Return which values at one extreme do not lie in a part of the image that is itself at this extreme; all (H, W).

    Three explanations of a neighbourhood compete by their likelihood: the image is at this extreme there, at the opposite one,
    or at neither. The first has to win clearly, as a missed impulse costs more than a value that is filled in.
    """
    if rate == 0:
        return np.zeros_like(hit)
    crowding = rate / (1 - opposite_rate)
    size = 3 if crowding < 0.15 else 5 if crowding < 0.4 else 7
    own, other, rest = (_window_sums(part, size) for part in (hit, opposite, plain))
    saturated = (1 - rate - opposite_rate) * _SATURATED
    gain = (own - 1) * math.log1p(saturated / rate)
    over_neither = gain + rest * math.log(1 - _SATURATED)
    over_opposite = gain - other * math.log1p(saturated / opposite_rate) if opposite_rate else gain
    support = np.minimum(over_neither, over_opposite)
    unsupported: Mask = hit & (support < _EVIDENCE)
    return unsupported


def _outliers(image: Values, values: Values) -> Impulses | None:
    """Find impulses of any value, if blocks have lonely values far out about as often as nearer by."""
    if values.size == 0 or values.min() == values.max():
        return None
    blocks = _blocks(image)
    lonely = _blocks(np.stack([_second_nearest(image[..., c]) for c in range(image.shape[2])], axis=2))
    share = 0.0
    for extreme in (values.min(), values.max()):
        places = _places(blocks, blocks, extreme, _OUTLIER_FAR, _OUTLIER_MIN_PLAIN, values)
        position = places.position(blocks)
        alone = lonely[places.chosen] > np.abs(blocks[places.chosen] - places.centre[:, None]) / 2
        far = places.rate(alone & (position <= 0.4))
        between = places.rate(alone & (position > 0.4) & (position <= 0.7))
        enough = places.cover > _MIN_COVER and far > max(_OUTLIER_MIN_RATE, _MIN_COUNT / places.size)
        if enough and far > _OUTLIER_CONTRAST * between:
            reach = float(np.abs(places.centre - extreme).mean() / np.ptp(values))
            share = max(share, far / (0.4 * reach))
    if share == 0:
        return None
    mask = np.stack([_far_from_median(image[..., c], share) for c in range(image.shape[2])], axis=2)
    any_channel = mask.any(axis=2, keepdims=True)
    if mask.sum() > _TOGETHER * any_channel.sum() * image.shape[2]:
        mask = any_channel & np.isfinite(image)
    marked = float(mask.sum() / values.size)
    return Impulses(mask, marked, math.sqrt(marked * (1 - marked) / values.size), None, None) if marked else None


def _far_from_median(channel: Values, share: float) -> Mask:
    """Mark values of a (H, W) channel by their distance from the median of their neighbours, in two passes.

    The distance is measured in median absolute deviations of the 24 neighbours (Crnojevic, Senk and Trpovski, "Advanced impulse
    detection based on pixel-wise MAD", IEEE Signal Processing Letters, 2004) and must be the larger, the rarer impulses are:
    an image's own deviations have exponential tails. The second pass leaves out of the medians what the first has marked.
    """
    mask = ~np.isfinite(channel)
    for factor in (2.0, 1.0):
        around = _neighbours(np.where(mask, np.nan, channel), 2)
        nearest = around[[6, 7, 8, 11, 12, 15, 16, 17]]
        enough = np.isfinite(nearest).sum(axis=0) >= 3
        centre = np.where(enough, _quantile(nearest, 0.5), _quantile(around, 0.5))
        deviation = _quantile(np.abs(around - centre), 0.5) / _GAUSSIAN_MAD
        known = deviation[np.isfinite(deviation)]
        typical = float(np.median(known)) if known.size else 0.0
        limit = factor * 0.5 * math.log(1 / min(share, _MAX_SHARE)) * (typical + deviation)
        mask = (np.abs(channel - centre) > limit) | ~np.isfinite(channel)
    return mask & np.isfinite(channel)


@dataclass(frozen=True)
class _Places:
    """The blocks whose values lie far from an extreme."""

    chosen: Mask
    centre: Values
    counts: Values
    extreme: float

    @property
    def size(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    @property
    def cover(self) -> float:
        """Share of the image's blocks."""
        return float(self.chosen.mean())

    def position(self, blocks: Values) -> Values:
        """Return where values lie between the extreme, 0, and the centre of their block, 1."""
        return np.abs(blocks[self.chosen] - self.extreme) / np.abs(self.centre - self.extreme)[:, None]

    def rate(self, hits: NDArray[np.generic]) -> float:
        """Return how often values hit, without the blocks in which they do so more often than at one rate everywhere."""
        hits = hits[self.chosen] if len(hits) == len(self.chosen) else hits
        found = (hits == 1).sum(axis=1)
        kept = np.ones(len(found), dtype=bool)
        while True:
            rate = float(found[kept].sum() / max(self.counts[kept].sum(), 1))
            expected = self.counts * rate
            fewer = kept & (found <= expected + 4 * np.sqrt(expected * (1 - rate)) + 1)
            if (fewer == kept).all():
                return rate
            kept = fewer


def _places(blocks: Values, plain: Values, extreme: float, distance: float, least: int, values: Values) -> _Places:
    """Choose blocks by the median and the spread of their plain values, where there are at least so many."""
    centre = _quantile(plain.T, 0.5)
    spread = (_quantile(plain.T, 0.75) - _quantile(plain.T, 0.25)) / _GAUSSIAN_IQR
    step = np.diff(np.unique(values)).min()
    limit = np.maximum(distance * (spread + step / 2), 0.15 * np.ptp(values))
    chosen = (np.isfinite(plain).sum(axis=1) >= least) & (np.abs(centre - extreme) > limit)
    return _Places(chosen, centre[chosen], np.isfinite(blocks[chosen]).sum(axis=1).astype(np.float64), float(extreme))


def _blocks(image: NDArray[np.generic]) -> Values:
    """Cut (H, W, C) into the blocks of all channels, (N, 49); NaN fills up those at the border."""
    padded = np.pad(
        image.astype(np.float64), ((0, -image.shape[0] % _BLOCK), (0, -image.shape[1] % _BLOCK), (0, 0)), constant_values=np.nan
    )
    height, width, channels = padded.shape
    cut = padded.reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK, channels)
    return cut.transpose(4, 0, 2, 1, 3).reshape(-1, _BLOCK**2)


def _window_sums(part: Mask, size: int) -> NDArray[np.int64]:
    """Return how many are True in the window of an odd size around each place of (H, W)."""
    running = np.pad(part.astype(np.int64), (size // 2 + 1, size // 2)).cumsum(axis=0)
    rows = running[size:] - running[:-size]
    running = rows.cumsum(axis=1)
    sums: NDArray[np.int64] = running[:, size:] - running[:, :-size]
    return sums


def _neighbours(channel: Values, radius: int) -> Values:
    """Return the neighbours of each value of a (H, W) channel in reading order, (n, H, W); NaN beyond the border."""
    height, width = channel.shape
    padded = np.pad(channel, radius, constant_values=np.nan)
    side = range(2 * radius + 1)
    offsets = [(i, j) for i in side for j in side if (i, j) != (radius, radius)]
    return np.stack([padded[i : i + height, j : j + width] for i, j in offsets])


def _second_nearest(channel: Values) -> Values:
    """Return how far the second most similar of 8 neighbours is: a line has two that are similar, an impulse none."""
    distances: Values = np.sort(np.abs(_neighbours(channel, 1) - channel), axis=0)
    second: Values = distances[1]
    return second


def _quantile(values: Values, level: float) -> Values:
    """Return a quantile along the first axis of the values that are not NaN, NaN where there are none.

    Between two values it is their mean, so that the mirrored level of the negative image is the negative.
    """
    rank = np.maximum(np.isfinite(values).sum(axis=0, keepdims=True) - 1, 0) * level
    ordered = np.sort(values, axis=0)
    below, above = (np.take_along_axis(ordered, r.astype(np.intp), axis=0) for r in (np.floor(rank), np.ceil(rank)))
    quantile: Values = (below[0] + above[0]) / 2
    return quantile
