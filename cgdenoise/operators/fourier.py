"""The two-dimensional Fourier transform of magnetic resonance imaging, whole or sampled."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from torch import Tensor, fft

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import Field, ForwardOperator, Shape
from cgdenoise.operators.mask import PixelMask

_AXES = (-2, -1)


class Fourier(ForwardOperator):
    """Centred, orthonormal transform over the last two axes of a complex image: fftshift . fft2 . ifftshift.

    The origin of both sides is the element n // 2 of an axis of n, as fastMRI, SigPy, BART and deepinv have it. Unitary: the
    adjoint is the inverse.

    Parameters
    ----------
    in_shape : tuple of int
        (..., H, W), of any sizes.
    """

    def __init__(self, in_shape: Shape):
        if len(in_shape) < 2:
            raise OperatorError(f"images of shape {list(in_shape)}; expected two axes at least to transform")
        super().__init__(in_shape, in_shape, Field.COMPLEX)

    def _forward(self, x: Tensor) -> Tensor:
        spectrum: Tensor = fft.fftshift(fft.fft2(fft.ifftshift(x, _AXES), norm="ortho"), _AXES)
        return spectrum

    def _adjoint(self, y: Tensor) -> Tensor:
        image: Tensor = fft.fftshift(fft.ifft2(fft.ifftshift(y, _AXES), norm="ortho"), _AXES)
        return image


def subsampled_fourier(mask: Tensor | NDArray[Any], in_shape: Shape) -> ForwardOperator:
    """Return the transform, and 0 wherever the mask, which broadcasts to (..., H, W), has not sampled."""
    return PixelMask(mask, in_shape) @ Fourier(in_shape)
