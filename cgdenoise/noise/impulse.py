"""Finding impulses: values that replaced those of the image and have nothing to do with it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError
from cgdenoise.noise.outliers import TOGETHER, find_outliers
from cgdenoise.noise.places import FEW_VALUES, MIN_COUNT, MIN_COVER, Mask, Values, find_places, window_sums

# Chosen by hand on Kodak, Set12, McMaster and scikit-image's pictures, with 1 to 70 % of impulses (alone, on and under noise) and
# without them, for at most 0.02 % missed and 1 % of false alarms (`benchmarks/NOTES.md`, "Noise estimation"). What half and twice
# of each value do is there too, under "Constants of noise estimation".

_MIN_PLAIN = 5
"""Values that are no impulses and that a block needs for their median to be its own: a tenth of its 49."""

_FAR = 4.0
"""Distance of a block's centre from an extreme, in standard deviations of the block: of Gaussian noise 3e-5 lies beyond."""

_MIN_RATE = 1e-3
"""Share of the values below which extremes are taken for no impulses: photographs have glints."""

_CONTRAST = 1.2
"""How much more frequent values at the extreme have to be than those next to it, which are the tail of noise."""

_SATURATED = 0.7
"""Share of values at the extreme in a part of the image that lies there itself: half of them under noise that was clipped, all
without noise, and 0.7 between the two."""

_EVIDENCE = 7.0
"""Logarithm of the likelihood ratio for such a part: 1,000 to 1, as a missed impulse costs more than a filled value."""

_RARE = 0.12
"""Share of impulses below which they are told from lines of one pixel. Above, one of 8 neighbours is an impulse by chance."""

_CHANCE = 0.05
"""Probability of being an impulse from which a value counts as one: low, as a missed one costs more."""


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
    that extreme without bringing more of them between it and the block; impulses come without. They also come independently of
    each other, so that they are as frequent where no neighbour is near the extreme; ink is not: strokes, bars and squares are
    connected.

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
    extremes = _salt_and_pepper(channels, values)
    # What noise or clipping brought to an exact extreme is then found first, and the rest of the same impulses after it.
    rest = channels if extremes is None else np.where(extremes.mask, np.nan, channels)
    outliers = find_outliers(rest)
    share, error = float(outliers.mean()), math.sqrt(float(outliers.mean() * (1 - outliers.mean())) / outliers.size)
    if extremes is None:
        return Impulses(outliers.reshape(image.shape), share, error, None, None) if share else nothing
    mask = (extremes.mask | outliers).reshape(image.shape)
    share, error = min(extremes.share + share, 1.0), math.hypot(extremes.share_error, error)
    return Impulses(mask, share, error, extremes.low, extremes.high)


def _salt_and_pepper(image: Values, values: Values) -> Impulses | None:
    """Find impulses of two exact values, or of one."""
    distinct, counts = np.unique(values, return_counts=True)
    extremes = _repeated_values(values, distinct, counts)
    hits = [image == extreme for extreme in extremes]
    plain = np.isfinite(image) & ~hits[0] & ~hits[1]
    places = [find_places(image, distinct, plain, extreme, _FAR, _MIN_PLAIN) for extreme in extremes]
    # A camera or a channel of transmission loses single values or whole pixels; in the second case an extreme in one channel
    # alone is image.
    whole = [np.broadcast_to(hit.all(axis=2, keepdims=True), hit.shape) for hit in hits]
    rates, whole_rates = ([place.rate(h) for place, h in zip(places, kind, strict=True)] for kind in (hits, whole))
    if sum(rate.value for rate in whole_rates) > TOGETHER * sum(rate.value for rate in rates):
        hits, rates = whole, whole_rates
    # Single photons on black look like salt, but follow what they show.
    few_values = distinct.size <= FEW_VALUES
    certain = [
        place.cover > MIN_COVER
        and (place.is_even(hit) or not few_values)
        and rate.hits >= MIN_COUNT
        and rate.value > _MIN_RATE
        and rate.value > _CONTRAST * (place.rate(plain & (place.position < 1 / 3)).value + _MIN_RATE / 3)
        for place, rate, hit in zip(places, rates, hits, strict=True)
    ]
    if not any(certain):
        return None
    # An extreme with few places to judge it by counts if it is as frequent as the one that is certain.
    usual = max(rate.value for rate, sure in zip(rates, certain, strict=True) if sure)
    real = [sure or usual / 2 < rate.value < 2 * usual for rate, sure in zip(rates, certain, strict=True)]
    hits = [hit & r for hit, r in zip(hits, real, strict=True)]
    shares = [rate.value * r for rate, r in zip(rates, real, strict=True)]
    mask = np.zeros(image.shape, dtype=bool)
    for c in range(image.shape[2]):
        pepper, salt = (hit[..., c] for hit in hits)
        plain_values = np.isfinite(image[..., c]) & ~pepper & ~salt
        mask[..., c] = _unsupported(pepper, salt, plain_values, shares[0], shares[1])
        mask[..., c] |= _unsupported(salt, pepper, plain_values, shares[1], shares[0])
    independent = image.shape[2] if hits is whole else 1
    errors = [share * (1 - share) * independent / max(rate.places, 1) for share, rate in zip(shares, rates, strict=True)]
    low, high = (float(extreme) if r else None for extreme, r in zip(extremes, real, strict=True))
    return Impulses(mask, float(sum(shares)), math.sqrt(sum(errors)), low, high)


def _repeated_values(values: Values, distinct: Values, counts: NDArray[np.intp]) -> tuple[float, float]:
    """Return the two values that impulses would have: the extremes, or those that repeat in an image of continuous values.

    `distinct` has the values in ascending order, `counts` how often each is there.

    Noise that was added before the impulses and not clipped reaches beyond them.
    """
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
    # The more impulses, the larger a neighbourhood tells them from the image; the bounds are by hand, chosen with the others.
    size = 3 if crowding < 0.15 else 5 if crowding < 0.4 else 7
    own, other, rest = (window_sums(part, size) for part in (hit, opposite, plain))
    saturated = (1 - rate - opposite_rate) * _SATURATED
    gain = (own - 1) * math.log1p(saturated / rate)
    over_neither = gain + rest * math.log(1 - _SATURATED)
    over_opposite = gain - other * math.log1p(saturated / opposite_rate) if opposite_rate else gain
    support = np.minimum(over_neither, over_opposite)
    unsupported: Mask = hit & (support < _EVIDENCE)
    return _as_chance_has_it(unsupported, rate) if rate < _RARE else unsupported


def _as_chance_has_it(hit: Mask, rate: float) -> Mask:
    """Return those hits (H, W) that have no more neighbours among them than chance gives, by empirical Bayes.

    Independent impulses have a binomial number of neighbours that are impulses. Where a number comes much more often than that,
    most of those that have it are ink: lines of a single pixel, which no area supports.
    """
    count = window_sums(hit, 3) - hit
    observed = np.bincount(count[hit], minlength=9)
    expected = np.array([math.comb(8, m) * rate ** (m + 1) * (1 - rate) ** (8 - m) for m in range(9)]) * hit.size
    likely = expected + 2 * np.sqrt(expected) + 1 > _CHANCE * observed
    by_chance: Mask = hit & likely[count]
    return by_chance
