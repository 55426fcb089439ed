"""The two-dimensional cosine transform."""

from __future__ import annotations

import math

import torch
from torch import Tensor, fft
from torch.nn import functional

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import ForwardOperator, Shape
from cgdenoise.operators.tensors import like, on_parts

_LARGEST_MATRIX = 256
"""Largest side up to which both axes are transformed by products with matrices. FFTs take three times as long for 64 x 64 pixels,
as long for 256 x 256, half of it for 512 x 512 and 0.4 for 1024 x 1024 (`SubsampledDCT` and its adjoint, float32, one core)."""


class DCT(ForwardOperator):
    """Orthonormal cosine transform (DCT-II) over the last two axes, that of `scipy.fft.dctn`. The adjoint is the inverse.

    An image with a side above 256 is transformed by FFTs of as many real numbers. (Makhoul, "A Fast Cosine Transform in One and
    Two Dimensions", IEEE Trans. ASSP, 1980.)

    Parameters
    ----------
    in_shape : tuple of int
        (..., H, W), of any sizes.

    Raises
    ------
    OperatorError
        If there are no two axes.
    """

    def __init__(self, in_shape: Shape):
        if len(in_shape) < 2:
            raise OperatorError(f"images of shape {list(in_shape)}; expected two axes at least to transform")
        super().__init__(in_shape, in_shape)
        basis = _matrix if max(in_shape[-2:]) <= _LARGEST_MATRIX else _factors
        self._vertical, self._horizontal = (basis(side) for side in in_shape[-2:])

    def _forward(self, x: Tensor) -> Tensor:
        def transform(part: Tensor) -> Tensor:
            vertical, horizontal = like(self._vertical, part), like(self._horizontal, part)
            if vertical.is_complex():
                return _by_fft(_by_fft(part.mT, vertical).mT, horizontal)
            return vertical @ part @ horizontal.mT

        return on_parts(transform, x)

    def _adjoint(self, y: Tensor) -> Tensor:
        def inverse(part: Tensor) -> Tensor:
            vertical, horizontal = like(self._vertical, part), like(self._horizontal, part)
            if vertical.is_complex():
                return _inverse_by_fft(_inverse_by_fft(part.mT, vertical).mT, horizontal)
            return vertical.mT @ part @ horizontal

        return on_parts(inverse, y)


def _matrix(size: int) -> Tensor:
    """Return the transform of an axis, [frequency, position], float64."""
    frequency, position = torch.arange(size, dtype=torch.float64)[:, None], torch.arange(size, dtype=torch.float64)
    matrix = torch.cos(math.pi / size * frequency * (position + 0.5)) * math.sqrt(2 / size)
    matrix[0] *= math.sqrt(0.5)
    return matrix


def _factors(size: int) -> Tensor:
    """Return what makes the transform of an axis of its FFT's frequencies from 0 up, [size // 2 + 1], complex128."""
    frequency = torch.arange(size // 2 + 1, dtype=torch.float64)
    factors = torch.polar(torch.full_like(frequency, math.sqrt(2 / size)), -math.pi / (2 * size) * frequency)
    factors[0] *= math.sqrt(0.5)
    return factors


def _by_fft(x: Tensor, factors: Tensor) -> Tensor:
    """Transform the last axis of a real array."""
    size = x.shape[-1]
    # The values at even places, then those at odd places backwards: the FFT of this has the cosines, but for a shift of half a
    # sample.
    around = torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], -1)
    spectrum = fft.rfft(around) * factors
    return torch.cat([spectrum.real, -spectrum.imag[..., 1 : (size + 1) // 2].flip(-1)], -1)


def _inverse_by_fft(y: Tensor, factors: Tensor) -> Tensor:
    size, half = y.shape[-1], y.shape[-1] // 2
    spectrum = torch.complex(y[..., : half + 1], -functional.pad(y[..., size - half :].flip(-1), (1, 0)))
    around = fft.irfft(spectrum / factors, size)
    there, back = around[..., : size - half], around[..., size - half :].flip(-1)
    return torch.stack([there, functional.pad(back, (0, size % 2))], -1).flatten(-2)[..., :size]
