"""Sums of products of noise by the parts of an image: their covariance, and how far the level that they give may be off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moments:
    """Sums of products of the noise in C channels, `products` (K, C, C), by the cell of the image, from `counts` (K,) values."""

    products: NDArray[np.float64]
    counts: NDArray[np.float64]

    @property
    def covariance(self) -> NDArray[np.float64]:
        """(C, C); of all cells together."""
        mean: NDArray[np.float64] = self.products.sum(0) / self.counts.sum()
        return mean

    @property
    def sigma(self) -> float:
        """Root mean square over the channels."""
        return float(np.sqrt(np.diag(self.covariance).mean()))


def average(parts: list[tuple[float, Moments]]) -> Moments:
    """Return moments whose covariance is the weighted mean of those of the parts, however many values each has."""
    total = sum(weight for weight, _ in parts)
    shares = [weight / total / moments.counts.sum() for weight, moments in parts]
    products = [share * moments.products for share, (_, moments) in zip(shares, parts, strict=True)]
    counts = [share * moments.counts for share, (_, moments) in zip(shares, parts, strict=True)]
    return Moments(np.sum(products, axis=0), np.sum(counts, axis=0))


def jackknife_error(moments: Moments) -> float:
    """Return the delete-one jackknife's standard error of σ over the cells that hold any of the moments (K, 1, 1)."""
    used = moments.counts > 0
    products, counts = moments.products[used, 0, 0], moments.counts[used]
    if len(counts) < 2:
        return np.inf
    without = np.sqrt((products.sum() - products) / (counts.sum() - counts))
    return float(np.sqrt((len(counts) - 1) * without.var()))
