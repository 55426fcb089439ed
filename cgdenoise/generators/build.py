"""From a spec to its generators."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from cgdenoise.errors import OptionError
from cgdenoise.generators.decoder import Decoder
from cgdenoise.generators.hourglass import Hourglass
from cgdenoise.generators.spec import GeneratorSpec, HourglassSpec


def build(
    spec: GeneratorSpec,
    out_channels: int,
    size: tuple[int, ...],
    rngs: Sequence[torch.Generator],
    dtype: torch.dtype = torch.float32,
) -> nn.Module:
    """Build the generators of a spec, as one module: called without arguments it returns their images, [M, C, *size], float32.

    Parameters
    ----------
    spec : DecoderSpec or HourglassSpec
        What to build.
    out_channels : int
        Channels of the image.
    size : tuple of int
        Its height and width; before them the depth of a volume.
    rngs : sequence of torch.Generator
        One for each member, on the CPU; it draws the member's input and initial weights, the same for every device,
        dtype and company.
    dtype : torch.dtype
        Of a decoder's activations. Weights, statistics and the output are float32 whatever it is, and so is an hourglass.

    Raises
    ------
    OptionError
        If a volume is wanted of an hourglass, whose convolutions are those of pictures.
    """
    if isinstance(spec, HourglassSpec):
        if len(size) != 2:
            raise OptionError(f"the hourglass for a volume of {list(size)}; expected a decoder, or pictures")
        return Hourglass(spec, out_channels, (size[0], size[1]), rngs)
    return Decoder(spec, out_channels, size, rngs, dtype)
