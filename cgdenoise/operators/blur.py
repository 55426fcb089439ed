"""Blur: convolution with a point-spread function (PSF), of every channel.

What a camera's frame cuts off has still been blurred into the frame. The faithful model of a photograph is therefore `Blur`,
the valid part of the convolution: the image is larger than the measurement by the PSF less one pixel, nothing is assumed of
what lies beyond the frame, and a fit restores that too, to be cropped: its borders come out as well as the rest. Where the
image must have the measurement's size, `blur_within` continues it by a rule first, which a photograph follows only roughly:
after a motion of 15 pixels the ten outermost rows come out worse by 1.5 dB (replicated), 3.4 dB (reflected) and 9 dB (periodic;
one fit of a crop of the astronaut to 160 x 160 measured pixels, noise 2/255), and with a periodic border the whole image is
worse.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fft

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import ForwardOperator, Shape
from cgdenoise.operators.tensors import like, on_parts

_AXES = (-2, -1)
Psf = NDArray[np.float64]


class Border(StrEnum):
    """How an image continues beyond its borders; examples for a row a b c d, two pixels to each side."""

    REPLICATE = "replicate"  # a a | a b c d | d d
    REFLECT = "reflect"  # c b | a b c d | c b
    PERIODIC = "periodic"  # c d | a b c d | a b


_NUMPY = {Border.REPLICATE: "edge", Border.REFLECT: "reflect", Border.PERIODIC: "wrap"}


class Blur(ForwardOperator):
    """Valid part of the convolution with a PSF: [..., H, W] to [..., H - h + 1, W - w + 1]. Norm at most 1 for a PSF >= 0.

    Parameters
    ----------
    in_shape : tuple of int
        (..., H, W).
    psf : Tensor or array
        [h, w], at most [H, W]; finite, with a sum above 0, by which it is divided: a constant image stays as it is. It is
        turned as in every convolution: what it shows is the image of a point.

    Raises
    ------
    OperatorError
        If the PSF is not as described.
    """

    def __init__(self, in_shape: Shape, psf: Tensor | NDArray[Any]):
        kernel = torch.as_tensor(psf).to(torch.float64)
        if (
            len(in_shape) < 2
            or kernel.ndim != 2
            or not 0 < kernel.shape[0] <= in_shape[-2]
            or not 0 < kernel.shape[1] <= in_shape[-1]
        ):
            raise OperatorError(
                f"a PSF of shape {list(kernel.shape)} for images of {list(in_shape)}; expected [h, w] and an image no smaller"
            )
        if not kernel.isfinite().all() or kernel.sum() <= 0:
            raise OperatorError(f"a PSF with the sum {float(kernel.sum()):g}; expected finite values and a sum above 0")
        self._before = kernel.shape[0] - 1, kernel.shape[1] - 1
        super().__init__(
            in_shape, (*in_shape[:-2], *(side - less for side, less in zip(in_shape[-2:], self._before, strict=True)))
        )
        # A circular convolution of the image's size or more does not wrap around within the valid part.
        self._size = _fast(in_shape[-2]), _fast(in_shape[-1])
        self._transfer = fft.rfft2(kernel / kernel.sum(), self._size)

    def _forward(self, x: Tensor) -> Tensor:
        def valid(part: Tensor) -> Tensor:
            whole: Tensor = fft.irfft2(fft.rfft2(part, self._size) * like(self._transfer, part), self._size)
            return whole[..., self._before[0] : self.in_shape[-2], self._before[1] : self.in_shape[-1]]

        return on_parts(valid, x)

    def _adjoint(self, y: Tensor) -> Tensor:
        def spread(part: Tensor) -> Tensor:
            framed = torch.nn.functional.pad(part, (self._before[1], 0, self._before[0], 0))
            whole: Tensor = fft.irfft2(fft.rfft2(framed, self._size) * like(self._transfer, part).conj(), self._size)
            return whole[..., : self.in_shape[-2], : self.in_shape[-1]]

        return on_parts(spread, y)


class Pad(ForwardOperator):
    """An image continued beyond its borders by a rule. The adjoint adds up what went out from each pixel.

    Parameters
    ----------
    in_shape : tuple of int
        (..., H, W).
    margins : pairs of int
        ((top, bottom), (left, right)): pixels to add at each side, at least 0.
    border : Border
        The rule.
    """

    def __init__(self, in_shape: Shape, margins: tuple[tuple[int, int], tuple[int, int]], border: Border):
        if len(in_shape) < 2 or min(in_shape) < 1 or min(map(min, margins)) < 0:
            raise OperatorError(f"margins {margins} of images of {list(in_shape)}; expected (..., H, W), and no negative margin")
        rows, columns = (
            np.pad(np.arange(side), margin, mode=_NUMPY[border])  # type: ignore[call-overload]
            for side, margin in zip(in_shape[-2:], margins, strict=True)
        )
        super().__init__(in_shape, (*in_shape[:-2], len(rows), len(columns)))
        self._rows, self._columns = torch.from_numpy(rows), torch.from_numpy(columns)

    def _forward(self, x: Tensor) -> Tensor:
        return x.index_select(-2, self._rows).index_select(-1, self._columns)

    def _adjoint(self, y: Tensor) -> Tensor:
        narrow = y.new_zeros(*y.shape[:-1], self.in_shape[-1]).index_add(-1, self._columns, y)
        return y.new_zeros(*y.shape[:-2], *self.in_shape[-2:]).index_add(-2, self._rows, narrow)


def blur_within(in_shape: Shape, psf: Tensor | NDArray[Any], border: Border) -> ForwardOperator:
    """Return the convolution at the image's own size, [..., H, W] to the same, with the image continued by a rule.

    The element h // 2, w // 2 of the PSF is its origin.
    """
    h, w = psf.shape
    # A convolution turns the PSF: element 0 reaches forward, to the bottom and to the right.
    padded = Pad(in_shape, ((h - 1 - h // 2, h // 2), (w - 1 - w // 2, w // 2)), border)
    return Blur(padded.out_shape, psf) @ padded


def gaussian_psf(sigma: float) -> Psf:
    """Return a round Gaussian, [h, h], sampled at the pixels and cut off at 4 sigma, where it is exp(-8) = 0.0003 of its peak.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels, above 0.
    """
    if not 0 < sigma < math.inf:
        raise OperatorError(f"a Gaussian PSF with sigma {sigma}; expected a number above 0")
    reach = math.ceil(4 * sigma)
    profile = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return _normalised(np.outer(profile, profile))


def motion_psf(length: float, angle: float) -> Psf:
    """Return a straight, even motion during the exposure, [h, h], centred.

    Parameters
    ----------
    length : float
        Of the way in pixels, at least 0.
    angle : float
        Of the way to the horizontal in degrees, anticlockwise as one sees the image.
    """
    if not (0 <= length < math.inf and math.isfinite(angle)):
        raise OperatorError(f"a motion PSF of length {length} at {angle} degrees; expected a length of at least 0, and a number")
    reach = math.ceil(length / 2)
    # Many points along the way (at least 32 a pixel, by hand), each shared out among its four neighbours by bilinear weights.
    way = (np.arange(count := 64 * (reach + 1)) + 0.5) / count * length - length / 2
    turn = math.radians(angle)
    pixels = np.arange(-reach, reach + 1)[:, None]
    rows, columns = (np.maximum(0, 1 - np.abs(pixels - at)) for at in (-way * math.sin(turn), way * math.cos(turn)))
    return _normalised(rows @ columns.T)


def disk_psf(radius: float) -> Psf:
    """Return an even disk, as a lens that is out of focus makes of a point, [h, h], centred.

    Parameters
    ----------
    radius : float
        In pixels, above 0. Pixels on the rim count by the part of them that lies inside.
    """
    if not 0 < radius < math.inf:
        raise OperatorError(f"a disk PSF of radius {radius}; expected a number above 0")
    reach = math.ceil(radius - 0.5)  # the middle pixel reaches half a pixel to each side
    # Points of a pixel along each axis that are looked at: 32, by hand, which leave 0.1 % of a pixel's part uncertain.
    at = (np.arange(points := 32 * (2 * reach + 1)) + 0.5) / 32 - points / 64
    inside = (at[:, None] ** 2 + at**2 <= radius**2).astype(np.float64)
    return _normalised(inside.reshape(2 * reach + 1, 32, 2 * reach + 1, 32).mean((1, 3)))


def box_psf(side: int) -> Psf:
    """Return an even square of pixels, [side, side], as a moving average has it.

    Parameters
    ----------
    side : int
        At least 1.
    """
    if not (math.isfinite(side) and side == int(side) >= 1):
        raise OperatorError(f"a box PSF of side {side:g}; expected a whole number of at least 1")
    return _normalised(np.ones((int(side), int(side))))


def _normalised(psf: Psf) -> Psf:
    psf /= psf.sum()
    return psf


def _fast(size: int) -> int:
    from scipy.fft import next_fast_len

    return int(next_fast_len(size, real=True))
