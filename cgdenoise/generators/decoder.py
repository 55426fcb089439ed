"""The convolutional generator: pointwise convolutions, norm-upsample-ReLU blocks with fixed linear upsampling, linear head."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cgdenoise.generators.kernels.block import norm_upsample_relu, upsample
from cgdenoise.generators.kernels.pointwise import pointwise_convolution
from cgdenoise.generators.spec import DecoderSpec

_CONVOLUTIONS = {2: functional.conv2d, 3: functional.conv3d}
"""By the number of an image's axes beside its channels."""


class Decoder(nn.Module):
    """Members of G(C) = head(ReLU(norm(U C_d ... ReLU(norm(U C_1 z))))) with z fixed and U linear upsampling by 2 of each axis.

    The over-parameterised deep decoder of Heckel & Soltanolkotabi (ICLR 2020, arXiv 1910.14634), in the form of their
    published code: the convolution comes before the upsampling (a pointwise convolution commutes with the fixed interpolation
    and is four times cheaper at the lower resolution), and the normalisation before the ReLU, as in DD-O.

    Several members, generators of one spec with weights of their own, are computed together: every weight has a first
    axis for them. On a GPU, which a single one keeps idle, they cost little more than one.

    Pictures have two axes, volumes three: a pointwise convolution does not know of them, and the interpolation is one along each.

    Any output size: the coarsest level is just large enough, and what the upsamplings make beyond the output's size is
    cut off. Where the cut lies is random (if the spec says so), for the prior is not invariant under shifts:
    averaging fits whose grids lie differently averages its grid away, as cycle spinning does for wavelets (Coifman &
    Donoho, 1995).

    Attributes
    ----------
    matrices : nn.ParameterList
        Convolution weights as matrices, [M, out, in * k * k].
    gains, shifts : nn.ParameterList
        Affine parameters of the channel normalisations, [M, out].
    head : nn.Parameter
        The last convolution, [M, out channels, in].
    """

    code: Tensor

    def __init__(
        self,
        spec: DecoderSpec,
        out_channels: int,
        size: tuple[int, ...],
        rngs: Sequence[torch.Generator],
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.dtype = dtype
        self.size = size
        step = 2**spec.doublings
        # Room for every offset, so that all members have one size.
        coarsest = [-(-(side + (step - 1 if spec.random_grid else 0)) // step) for side in size]
        outputs = spec.channels[1:] + spec.channels[-1:] * spec.full_resolution_layer
        inputs = (spec.channels[0], *outputs[:-1])
        area = spec.kernel_size ** len(size)
        members = len(rngs)
        self.offsets = []
        codes, matrices, heads = [], [], []
        for rng in rngs:
            self.offsets.append([int(torch.randint(step if spec.random_grid else 1, (), generator=rng)) for _ in size])
            # Uniform in 0 to 0.1, as in the paper's code.
            codes.append(torch.empty(spec.channels[0], *coarsest).uniform_(0.0, 0.1, generator=rng).movedim(0, -1))
            bounds = [spec.initial_scale / math.sqrt(i * area) for i in inputs]
            shapes = [(o, i * area) for i, o in zip(inputs, outputs, strict=True)]
            matrices.append([_uniform(shape, bound, rng) for shape, bound in zip(shapes, bounds, strict=True)])
            bound = spec.initial_scale / spec.head_gain / math.sqrt(outputs[-1])
            heads.append(_uniform((out_channels, outputs[-1]), bound, rng))
        self.register_buffer("code", torch.stack(codes).contiguous().to(dtype))
        self.matrices = nn.ParameterList(torch.stack(of_level) for of_level in zip(*matrices, strict=True))
        self.gains = nn.ParameterList(torch.ones(members, o) for o in outputs)
        self.shifts = nn.ParameterList(torch.zeros(members, o) for o in outputs)
        self.head = nn.Parameter(torch.stack(heads))
        # Half of the range that the data are scaled to.
        self.bias = None if spec.sigmoid else nn.Parameter(torch.full((members, out_channels), 0.5))

    def forward(self) -> Tensor:
        """Return the images, [M, C, *size], float32."""
        x = self.code
        for number, (matrix, gain, shift) in enumerate(zip(self.matrices, self.gains, self.shifts, strict=True)):
            x = self._convolve(x, matrix)
            upsampled = number < self.spec.doublings
            if upsampled and not self.spec.early_normalisation:
                x = upsample(x.movedim(-1, 1)).movedim(1, -1)
                upsampled = False
            x = norm_upsample_relu(x, gain, shift, upsampled)
        x = pointwise_convolution(x, self.spec.head_gain * self.head)
        # A copy even of one member: a view would lose the layout with channels innermost in all that follows.
        x = torch.stack([member[self._cut(offsets)] for member, offsets in zip(x, self.offsets, strict=True)])
        x = x.movedim(-1, 1).float()
        x = x if self.bias is None else x + self.bias.view(*self.bias.shape, *[1] * len(self.size))
        return torch.sigmoid(x) if self.spec.sigmoid else x

    def _cut(self, offsets: Sequence[int]) -> tuple[slice, ...]:
        return tuple(slice(offset, offset + side) for offset, side in zip(offsets, self.size, strict=True))

    def _convolve(self, x: Tensor, matrix: Tensor) -> Tensor:
        kernel_size = self.spec.kernel_size
        if kernel_size == 1:
            return pointwise_convolution(x, matrix)
        members, *size, channels = x.shape
        x = x.movedim(-1, 1).reshape(1, members * channels, *size)
        x = functional.pad(x, (kernel_size // 2,) * (2 * len(size)), mode="replicate")
        weight = matrix.reshape(-1, channels, *[kernel_size] * len(size)).to(x.dtype)
        x = _CONVOLUTIONS[len(size)](x, weight, groups=members)
        return x.reshape(members, -1, *size).movedim(1, -1)


def _uniform(shape: tuple[int, ...], bound: float, rng: torch.Generator) -> Tensor:
    return torch.empty(shape).uniform_(-bound, bound, generator=rng)
