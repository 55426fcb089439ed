"""Correlated noise made white, by a filter that knows its autocorrelation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.noise.correlation import power_spectrum
from cgdenoise.noise.law import Rows
from cgdenoise.patches.cosine import back, transformed

_COARSEST = 1 / 32
"""Frequency, in cycles a pixel, below which errors are taken to be as strong as there. By hand, as in all of what was tried
(`benchmarks/NOTES.md`, "Two courses"); not measured."""


@dataclass(frozen=True)
class Whitening:
    """A filter that gives all frequencies of the noise nearly the same power, its level unchanged; and that filter's inverse.

    Groups of similar patches are for noise that neighbours do not share: patches are found alike for their coarse noise, which
    then does not cancel. In the image that was filtered they meet white noise, and fine detail that is raised.

    Attributes
    ----------
    gains : (H, W) array of float32
        By which each coefficient of the image's DCT is multiplied; all above 0.
    loudest : float
        Level of the filtered noise at the frequencies where it is white, over that at all of them: 1 or more, as it has next to
        nothing where the floor holds.
    """

    gains: NDArray[np.float32]
    loudest: float

    @staticmethod
    def of(autocorrelation: Rows | None, shape: tuple[int, int], floor: float) -> Whitening:
        """Return the filter for noise in images of a shape (H, W); white noise is left as it is.

        Frequencies that have less than `floor` of the power of the strongest are raised no further: an error there, where the
        noise is nearly nothing, would be as large as the image.
        """
        power = power_spectrum(np.array(autocorrelation or ((1.0,),)), shape)
        return Whitening._of_power(power, np.maximum(power, floor * power.max()))

    @staticmethod
    def of_coarse_errors(shape: tuple[int, int]) -> Whitening:
        """Return the filter for errors of images of a shape (H, W) whose power is as 1 / f, f being the frequency."""
        across = (np.arange(side) / (2 * side) for side in shape)
        power = 1 / np.maximum(np.hypot(*np.meshgrid(*across, indexing="ij")), _COARSEST)
        return Whitening._of_power(power, power)

    @staticmethod
    def _of_power(power: NDArray[np.float64], whitened: NDArray[np.float64]) -> Whitening:
        """Return the filter that makes noise of one power white, for noise of another."""
        gains = 1 / np.sqrt(whitened)
        filtered = (power * gains**2).mean()  # of at most 1
        return Whitening((gains * np.sqrt(power.mean() / filtered)).astype(np.float32), float(1 / np.sqrt(filtered)))

    def whiten(self, image: Tensor) -> Tensor:
        """Return an image [C, H, W] filtered."""
        return _in_frequencies(image, self.gains)

    def undo(self, image: Tensor) -> Tensor:
        """Return what `whiten` makes `image` of."""
        return _in_frequencies(image, np.reciprocal(self.gains))


def _in_frequencies(image: Tensor, gains: NDArray[np.float32]) -> Tensor:
    return back(transformed(image) * torch.from_numpy(gains).to(image))
