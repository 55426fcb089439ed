"""Generators that differ in how they go from one layer to the next: fixed interpolation or learned filters."""

from __future__ import annotations

import math
from enum import StrEnum

import torch
from torch import Tensor, nn
from torch.nn import functional

_RANGE = 0.1
"""The fixed input is uniform in 0 to this, as in the paper's code."""


class Architecture(StrEnum):
    """Of Figure 4 of the paper (Heckel & Soltanolkotabi, ICLR 2020)."""

    DOUBLING = "fixed bilinear doubling"
    SMOOTHING = "fixed interpolating convolutions, no doubling"
    LEARNED = "learned 3x3 convolutions, no doubling"
    TRANSPOSED = "learned transposed 4x4 convolutions"

    @property
    def is_fixed(self) -> bool:
        """Whether its spatial filters are fixed, and only channels are combined by learned weights."""
        return self in (Architecture.DOUBLING, Architecture.SMOOTHING)

    @property
    def taps(self) -> int:
        """Learned weights for each pair of channels of two layers."""
        return _SIZES.get(self, 1) ** 2


_SIZES = {Architecture.LEARNED: 3, Architecture.TRANSPOSED: 4}
"""Sides of the learned filters; the others are single weights."""


class Network(nn.Module):
    """Layers of convolution, ReLU and channel normalisation, and a last pointwise convolution with a sigmoid.

    Parameters
    ----------
    architecture : Architecture
        How a layer treats space.
    channels : int
        Of every layer.
    levels : int
        Number of layers.
    side : int
        Of the square grey image; a multiple of 2 to the power of `levels`.
    rng : torch.Generator
        Draws the input and the initial weights.
    """

    code: Tensor

    def __init__(self, architecture: Architecture, channels: int, levels: int, side: int, rng: torch.Generator) -> None:
        super().__init__()
        self.architecture, self.levels = architecture, levels
        grows = architecture in (Architecture.DOUBLING, Architecture.TRANSPOSED)
        first = side >> levels if grows else side
        size = _SIZES.get(architecture, 1)
        # A transposed convolution of stride 2 sees a quarter of its taps at each place.
        bound = (channels * (4 if architecture is Architecture.TRANSPOSED else size**2)) ** -0.5
        shapes = [(channels, channels, size, size)] * levels + [(1, channels, 1, 1)]
        self.weights = nn.ParameterList(torch.empty(shape).uniform_(-bound, bound, generator=rng) for shape in shapes)
        self.gains = nn.ParameterList(torch.ones(channels) for _ in range(levels))
        self.shifts = nn.ParameterList(torch.zeros(channels) for _ in range(levels))
        self.register_buffer("code", torch.empty(1, channels, first, first).uniform_(0, _RANGE, generator=rng))

    def forward(self) -> Tensor:
        """Return the image, [1, 1, side, side], in 0 to 1."""
        x = self.code
        for level in range(self.levels):
            x = functional.relu(self._spatial(x, self.weights[level], level))
            x = functional.batch_norm(x, None, None, self.gains[level], self.shifts[level], training=True)
        return torch.sigmoid(functional.conv2d(x, self.weights[-1]))

    def _spatial(self, x: Tensor, weight: Tensor, level: int) -> Tensor:
        match self.architecture:
            case Architecture.DOUBLING:
                x = functional.conv2d(x, weight)
                return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            case Architecture.SMOOTHING:
                # The triangular kernels that the doublings amount to at full resolution, the widest first.
                return _interpolate(functional.conv2d(x, weight), 1 << (self.levels - 1 - level))
            case Architecture.LEARNED:
                return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), weight)
            case Architecture.TRANSPOSED:
                return functional.conv_transpose2d(x, weight, stride=2, padding=1)


def channels_for(architecture: Architecture, weights: float, levels: int) -> int:
    """Return how many channels give a network about so many weights."""
    return max(round(math.sqrt(weights / levels / architecture.taps)), 2)


def _interpolate(x: Tensor, spacing: int) -> Tensor:
    """Convolve each channel with [1, 2, 1] / 4 along both axes, its taps `spacing` pixels apart; the border is repeated."""
    for axis in (2, 3):
        border = [0, 0, 0, 0]
        border[2 * (3 - axis) : 2 * (3 - axis) + 2] = [spacing, spacing]
        padded = functional.pad(x, border, mode="replicate")
        length = x.shape[axis]
        x = (padded.narrow(axis, 0, length) + padded.narrow(axis, 2 * spacing, length)) / 4 + x / 2
    return x
