"""From a spec to its generators."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from cgdenoise.generators.decoder import Decoder
from cgdenoise.generators.hourglass import Hourglass
from cgdenoise.generators.spec import GeneratorSpec, HourglassSpec


def build(
    spec: GeneratorSpec,
    out_channels: int,
    size: tuple[int, int],
    rngs: Sequence[torch.Generator],
    dtype: torch.dtype = torch.float32,
) -> nn.Module:
    """Build the generators of a spec, as one module: called without arguments it returns their images, [M, C, H, W], float32.

    Parameters
    ----------
    spec : DecoderSpec or HourglassSpec
        What to build.
    out_channels : int
        Channels of the image.
    size : (int, int)
        Its height and width.
    rngs : sequence of torch.Generator
        One for each member, on the CPU; it draws the member's input and initial weights, the same for every device,
        dtype and company.
    dtype : torch.dtype
        Of a decoder's activations. Weights, statistics and the output are float32 whatever it is, and so is an hourglass.
    """
    if isinstance(spec, HourglassSpec):
        return Hourglass(spec, out_channels, size, rngs)
    return Decoder(spec, out_channels, size, rngs, dtype)
