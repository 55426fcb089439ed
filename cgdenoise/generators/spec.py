"""Generators as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from cgdenoise.errors import OptionError


@dataclass(frozen=True)
class DecoderSpec:
    """A convolutional decoder; `decoder.build` makes the network.

    Attributes
    ----------
    channels : tuple of int
        Channels of each level, coarsest first. The first is the fixed input's; between two levels the resolution doubles.
    kernel_size : int
        Side of the convolution kernels, odd. 1 in the paper; larger ones repeat the border.
    full_resolution_layer : bool
        One more convolution, normalisation and ReLU after the last doubling, before the head.
    sigmoid : bool
        End in a sigmoid, which bounds the output to (0, 1), and give the head no bias, as the paper does.
    random_grid : bool
        Lay the grid of the doublings at a random offset to the image's corner.
    early_normalisation : bool
        Normalise the channels before a doubling rather than after it, on a quarter of the values. A doubling keeps the mean of
        a channel and lowers its variance a little, so this is the same network up to the scale of its gains.
    initial_scale : float
        Initial weights are uniform within this over the root of a convolution's inputs; 1 is torch's default, and the paper's.
        The normalisations undo the scale of the weights but not that of their changes: from small weights the first
        steps of a given length turn them far, and later ones ever less as they grow. 0.1 is measured ("What each choice
        brought" in `benchmarks/README.md`).
    head_gain : float
        Factor of the weights of the head, which no normalisation follows: its steps are so many times longer. 2.5 gave up to
        0.3 dB after 60 iterations (`benchmarks/README.md`, as above).

    Raises
    ------
    OptionError
        If a number is not positive, or the kernel has no centre.
    """

    channels: tuple[int, ...]
    kernel_size: int = 1
    full_resolution_layer: bool = True
    sigmoid: bool = False
    random_grid: bool = True
    early_normalisation: bool = True
    initial_scale: float = 0.1
    head_gain: float = 2.5

    def __post_init__(self) -> None:
        if not self.channels or min(self.channels) < 1:
            raise OptionError(f"channels {self.channels}; expected one or more positive numbers")
        if min(self.initial_scale, self.head_gain) <= 0:
            raise OptionError(f"initial scale {self.initial_scale}, head gain {self.head_gain}; expected positive numbers")
        if self.kernel_size < 1 or self.kernel_size % 2 == 0:
            raise OptionError(f"kernel size {self.kernel_size}; expected an odd positive number")

    @property
    def doublings(self) -> int:
        """How often the resolution doubles between input and output."""
        return len(self.channels) - 1

    @property
    def depth(self) -> int:
        """Number of levels, the name the depths go by."""
        return len(self.channels)

    def limited_to(self, size: tuple[int, ...]) -> DecoderSpec:
        """Return the spec without the coarse levels that an image of `size`, (H, W) or (D, H, W), is too small for.

        The input keeps at least two positions along the longest side, for a channel normalisation needs two values.
        """
        doublings = min(self.doublings, max(max(size).bit_length() - 2, 0))
        return replace(self, channels=self.channels[self.doublings - doublings :])


@dataclass(frozen=True)
class HourglassSpec:
    """The hourglass with skips of the deep image prior; `hourglass.Hourglass` is the network.

    Attributes
    ----------
    width : int
        Channels of each scale: 128 as published (Ulyanov et al., CVPR 2018, arXiv 1711.10925, supplementary material).
    scales : int
        Halvings of the resolution: 5 as published.
    input_noise : float
        Standard deviation of noise that is added to the input anew in each iteration: 1/30 as published, a regularisation.

    Raises
    ------
    OptionError
        If a number is out of range.
    """

    width: int = 128
    scales: int = 5
    input_noise: float = 0.0
    sigmoid: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.width < 1 or self.scales < 1 or self.input_noise < 0:
            raise OptionError(
                f"width {self.width}, scales {self.scales}, input noise {self.input_noise}; expected positive numbers"
            )

    @property
    def depth(self) -> int:
        """Number of scales, the name the depths go by."""
        return self.scales

    def limited_to(self, size: tuple[int, ...]) -> HourglassSpec:
        """Return the spec without the scales that an image of `size` (H, W) is too small for: reflection needs two pixels."""
        return replace(self, scales=min(self.scales, max(min(size).bit_length() - 3, 1)))


GeneratorSpec = DecoderSpec | HourglassSpec
"""What `build.build` takes."""
