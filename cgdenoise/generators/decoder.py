"""The convolutional generator: 1x1 convolutions, fixed bilinear doubling, channel normalisation, ReLU, linear head."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from cgdenoise.generators.spec import DecoderSpec


class Decoder(nn.Module):
    """G(C) = head(ReLU(norm(U C_d ... ReLU(norm(U C_1 z))))) with z fixed and U bilinear doubling.

    The over-parameterised deep decoder of Heckel & Soltanolkotabi (ICLR 2020, arXiv 1910.14634), in the form of their
    published code: the convolution comes before the doubling (a 1x1 convolution commutes with the fixed interpolation
    and is four times cheaper at the lower resolution), and the normalisation before the ReLU, as in DD-O.

    Any output size: the coarsest level is just large enough, and what the doublings make beyond the output's size is
    cut off. Where the cut lies is random (if the spec says so), for the prior is not invariant under shifts:
    averaging fits whose grids lie differently averages its grid away, as cycle spinning does for wavelets (Coifman &
    Donoho, 1995).

    Attributes
    ----------
    matrices : nn.ParameterList
        Convolution weights as matrices, [out, in * k * k].
    gains, shifts : nn.ParameterList
        Affine parameters of the channel normalisations, [out].
    """

    code: Tensor

    def __init__(
        self, spec: DecoderSpec, out_channels: int, size: tuple[int, int], rng: torch.Generator, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.spec = spec
        self.dtype = dtype
        step = 2**spec.doublings
        self.size = size
        self.offset = [int(torch.randint(step if spec.random_grid else 1, (), generator=rng)) for _ in size]
        coarsest = [-(-(side + offset) // step) for side, offset in zip(size, self.offset, strict=True)]
        code = torch.empty(1, spec.channels[0], *coarsest).uniform_(0.0, 0.1, generator=rng)
        self.register_buffer("code", code.contiguous(memory_format=torch.channels_last))
        outputs = spec.channels[1:] + spec.channels[-1:] * spec.full_resolution_layer
        inputs = (spec.channels[0], *outputs[:-1])
        area = spec.kernel_size**2
        self.matrices = nn.ParameterList(
            _uniform((o, i * area), 1 / math.sqrt(i * area), rng) for i, o in zip(inputs, outputs, strict=True)
        )
        self.gains = nn.ParameterList(torch.ones(o) for o in outputs)
        self.shifts = nn.ParameterList(torch.zeros(o) for o in outputs)
        self.head = nn.Parameter(_uniform((out_channels, outputs[-1]), 1 / math.sqrt(outputs[-1]), rng))
        # Half of the range that the data are scaled to.
        self.bias = None if spec.sigmoid else nn.Parameter(torch.full((out_channels,), 0.5))

    def forward(self) -> Tensor:
        """Return the image, [1, C, H, W], float32."""
        x = self.code.to(self.dtype)
        for level, (matrix, gain, shift) in enumerate(zip(self.matrices, self.gains, self.shifts, strict=True)):
            x = self._convolve(x, matrix, self.spec.kernel_size)
            if self.spec.early_normalisation:
                x = functional.batch_norm(x, None, None, gain, shift, training=True)
            if level < self.spec.doublings:
                x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            if not self.spec.early_normalisation:
                x = functional.batch_norm(x, None, None, gain, shift, training=True)
            x = functional.relu_(x)
        x = self._convolve(x, self.head, bias=self.bias)
        if x.requires_grad:
            # The gradient of the cut below comes channel by channel; every layer behind it would pay for the mixture.
            x.register_hook(_channels_last)  # type: ignore[no-untyped-call]
        (top, left), (height, width) = self.offset, self.size
        x = x[..., top : top + height, left : left + width]
        return torch.sigmoid(x.float()) if self.spec.sigmoid else x.float()

    def _convolve(self, x: Tensor, matrix: Tensor, kernel_size: int = 1, bias: Tensor | None = None) -> Tensor:
        if kernel_size > 1:
            x = functional.pad(x, (kernel_size // 2,) * 4, mode="replicate")
        weight = matrix.view(matrix.shape[0], -1, kernel_size, kernel_size).to(self.dtype)
        return functional.conv2d(x, weight, None if bias is None else bias.to(self.dtype))


def build(
    spec: DecoderSpec,
    out_channels: int,
    size: tuple[int, int],
    rng: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> Decoder:
    """Build the generator of a spec.

    Parameters
    ----------
    spec : DecoderSpec
        What to build.
    out_channels : int
        Channels of the image.
    size : (int, int)
        Its height and width.
    rng : torch.Generator
        On the CPU; draws the input and the initial weights, the same for every device and dtype.
    dtype : torch.dtype
        Of the activations. Weights, statistics and the output are float32 whatever it is.
    """
    return Decoder(spec, out_channels, size, rng, dtype)


def _channels_last(gradient: Tensor) -> Tensor:
    return gradient.contiguous(memory_format=torch.channels_last)


def _uniform(shape: tuple[int, ...], bound: float, rng: torch.Generator) -> Tensor:
    return torch.empty(shape).uniform_(-bound, bound, generator=rng)
