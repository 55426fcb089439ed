"""The hourglass with skips of the deep image prior: a generator whose convolutions are learned."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cgdenoise.generators.spec import HourglassSpec

_SKIP = 4
"""Channels of a skip, as published (Ulyanov et al., CVPR 2018, arXiv 1711.10925, supplementary material)."""

_INPUTS, _INPUT_RANGE = 32, 0.1
"""Channels of the fixed input, uniform in 0 to 0.1, as published."""


class Hourglass(nn.Module):
    """Members of the hourglass: downsampling, upsampling, and narrow skips between the two at each scale.

    Parameters
    ----------
    spec : HourglassSpec
        Its size, and the noise on its input.
    out_channels : int
        Channels of the image.
    size : (int, int)
        Its height and width.
    rngs : sequence of torch.Generator
        One for each member, on the CPU; it draws the input and the initial weights, which are distributed as torch's own.

    Attributes
    ----------
    input_noise : float
        As in the spec; 0 shows the picture without it.
    """

    codes: Tensor

    def __init__(self, spec: HourglassSpec, out_channels: int, size: tuple[int, int], rngs: Sequence[torch.Generator]) -> None:
        super().__init__()
        self.input_noise = spec.input_noise
        self.bodies = nn.ModuleList(_body(spec, out_channels, rng) for rng in rngs)
        codes = [torch.empty(_INPUTS, *size).uniform_(0.0, _INPUT_RANGE, generator=rng) for rng in rngs]
        self.register_buffer("codes", torch.stack(codes))
        self._seed = int(torch.randint(1 << 31, (), generator=rngs[0]))
        self._draws: torch.Generator | None = None

    def forward(self) -> Tensor:
        """Return the images, [M, C, H, W], float32, in 0 to 1."""
        codes = self.codes
        if self.input_noise:
            if self._draws is None or self._draws.device != codes.device:
                self._draws = torch.Generator(codes.device).manual_seed(self._seed)
            codes = codes + torch.empty_like(codes).normal_(0.0, self.input_noise, generator=self._draws)
        return torch.cat([body(code[None]) for body, code in zip(self.bodies, codes, strict=True)])


def _body(spec: HourglassSpec, out_channels: int, rng: torch.Generator) -> nn.Sequential:
    body = nn.Sequential(_Scale(_INPUTS, spec.width, spec.scales), nn.Conv2d(spec.width, out_channels, 1), nn.Sigmoid())
    for layer in body.modules():
        if isinstance(layer, nn.Conv2d):
            bound = layer.weight[0].numel() ** -0.5
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=rng)
    return body


class _Scale(nn.Module):
    """One scale and everything below it; it returns what goes into the scale above, at its input's size."""

    def __init__(self, inputs: int, width: int, scales: int) -> None:
        super().__init__()
        self.skip = _block(inputs, _SKIP, 1)
        self.down = nn.Sequential(_block(inputs, width, 3, stride=2), _block(width, width, 3))
        self.below = _Scale(width, width, scales - 1) if scales > 1 else nn.Identity()
        self.up = nn.Sequential(nn.BatchNorm2d(width + _SKIP), _block(width + _SKIP, width, 3), _block(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        deep = functional.interpolate(self.below(self.down(x)), size=x.shape[2:], mode="bilinear", align_corners=False)
        merged: Tensor = self.up(torch.cat([deep, self.skip(x)], dim=1))
        return merged


def _block(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, padding_mode="reflect" if size > 1 else "zeros")
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2))
