"""From an image and the model of its noise to what is fitted, noise of one level with gaps, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.noise import NoiseModel
from cgdenoise.noise.clipping import Clipping
from cgdenoise.noise.colour import OPPONENT
from cgdenoise.noise.law import rows
from cgdenoise.noise.model import VarianceStabiliser
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.restoration.units import Scale

Array = NDArray[Any]


@dataclass(frozen=True)
class Prepared:
    """An image as it is fitted.

    Attributes
    ----------
    y, valid : Tensor
        [1, C, H, W], float32: scaled to a range of about 1, and 1 where a value was measured and is no impulse.
    noise : ChannelNoise
        In the units of `y`.
    stabiliser : VarianceStabiliser or None
        The transform that gave noise of one level.
    scale : Scale
        From its output to `y`.
    clipping : Clipping or None
        What the ends of the range did to the noise, where its level is one.
    """

    y: Tensor
    valid: Tensor
    noise: ChannelNoise
    stabiliser: VarianceStabiliser | None
    scale: Scale
    clipping: Clipping | None = None

    @property
    def measured(self) -> NDArray[np.float64]:
        """Return `y` as values (H, W, C); NaN where nothing was measured."""
        return np.where(values_of(self.valid[0]) > 0, values_of(self.y[0]), np.nan)

    def restored(self, image: Tensor) -> Tensor:
        """Return what was fitted, [1, C, H, W], in the units of the image that was prepared; float64 on the CPU."""
        values = image.cpu().double() * self.scale.factor + self.scale.offset
        inverse = self.stabiliser or self.clipping
        return values if inverse is None else torch.from_numpy(inverse.inverse(values.numpy()))


def values_of(image: Tensor) -> NDArray[np.float64]:
    """Return an image [C, H, W] as values (H, W, C)."""
    values: NDArray[np.float64] = image.cpu().permute(1, 2, 0).double().numpy()
    return values


def prepare(normalised: NDArray[np.float64], model: NoiseModel, like: Prepared | None = None) -> Prepared:
    """Stabilise the noise of an image, take out its impulses and scale it.

    Parameters
    ----------
    normalised : (H, W, C) array
        Of a range of about 1; NaN where missing.
    model : NoiseModel
        Of its noise.
    like : Prepared, optional
        Of an image that this one is a part of: its scale and its clipping hold here.
    """
    masked = np.where(model.impulses, np.nan, normalised)
    lost = np.isnan(masked).all(axis=(0, 1)).any()
    values = normalised if lost else masked
    stabiliser = model.stabiliser
    if stabiliser is None:
        y, valid = Scale.to_tensors(values)
        clipping = None if model.correlation_length else Clipping.of(values, model.sigma)
        clipping = clipping if like is None else like.clipping
        return Prepared(y, valid, _channel_noise(model, values.shape[2]), None, Scale(0.0, 1.0), clipping)
    stable = stabiliser.forward(values)
    scale = Scale.of(stable, whole_range=False) if like is None else like.scale
    y, valid = Scale.to_tensors(scale.normalise(stable))
    return Prepared(y, valid, ChannelNoise.equal(1 / scale.factor, values.shape[2]), stabiliser, scale)


def _channel_noise(model: NoiseModel, channels: int) -> ChannelNoise:
    autocorrelation = None if model.autocorrelation is None else rows(model.autocorrelation)
    if model.covariance is not None and (model.colour is not None or model.stored is not None):
        axes = OPPONENT if channels == len(OPPONENT) else ((1.0,),)
        powers = np.diag(np.array(axes) @ model.covariance @ np.array(axes).T)
        colour = None if model.colour is None else rows(model.colour)
        return ChannelNoise(axes, tuple(np.sqrt(powers).tolist()), colour=colour, stored=model.stored)
    if model.covariance is None:
        return replace(ChannelNoise.equal(model.sigma, channels, autocorrelation), stored=model.stored)
    return ChannelNoise.of(torch.from_numpy(model.covariance), autocorrelation)
