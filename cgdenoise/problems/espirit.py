"""Coil sensitivities from the fully sampled centre of the Fourier plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.operators.fourier import Fourier
from cgdenoise.problems.problem import Array

Mask = NDArray[np.bool_]

# What other values do was measured on two simulated scans (benchmarks/NOTES.md, "Sensitivities of the coils").

_LEAST = 8
"""Samples along each axis below which the centre tells nothing of the coils. By hand: a little more than a patch; not
measured."""

_KERNEL, _MOST = 6, 64
"""Side of the patches of samples, as in a public demonstration of the method, and samples of the centre that are used, along each
axis at most: there it is 24. By hand, to bound the work; 24, 32 and 128 are as good."""

_SIGNAL = 0.01
"""Singular values of the patches above this part of the largest are signal; the same demonstration has 0.02. By hand; half of
it brings the maps 0.7 times as far from the true ones, twice 1.6 to 1.7 times, and either moves the image by 0.1 dB at most."""

_POWERS = 30
"""Steps of the power iteration at each pixel. By hand; 15 are as good."""

_ROWS = 32
"""Rows of the image that are processed at a time, for the memory. By hand."""


@dataclass(frozen=True)
class Sensitivities:
    """What the centre tells of the coils.

    Attributes
    ----------
    maps : array
        [coils, H, W], smooth, with sum |maps|² = 1.
    eigenvalues : array
        [H, W], 1 where there is an object, and less where the projection keeps nothing of what coils could see there.
    """

    maps: NDArray[np.complex64]
    eigenvalues: NDArray[np.float32]


def estimate_maps(y: Array, mask: Mask, crop: float = 0.0) -> NDArray[np.complex64] | None:
    """Return the maps of `estimate_sensitivities`, 0 where the eigenvalue is below `crop`; None if there are none."""
    found = estimate_sensitivities(y, mask)
    return None if found is None else np.where(found.eigenvalues >= crop, found.maps, 0)


def estimate_sensitivities(y: Array, mask: Mask) -> Sensitivities | None:
    """Return coil sensitivities from the fully sampled centre.

    Patches of samples lie in a space of few dimensions, as the coils see one image: the projection onto that space leaves the
    sensitivities as they are, which makes them an eigenvector with the eigenvalue 1 at each pixel (ESPIRiT: Uecker et al., Magn.
    Reson. Med., 2014, section "Theory"). The first guess, whose phase is kept, is the coils' low-resolution images over the root
    of the sum of their squares (McKenzie et al., Magn. Reson. Med., 2002). A simulated scan, 8 coils, a quarter of the lines,
    noise: 37.9 dB with these maps, 35.6 with the first guess.

    Parameters
    ----------
    y : complex array
        [coils, H, W].
    mask : bool array
        [H, W].

    Returns
    -------
    Sensitivities or None
        None if the centre is too small to tell, or the samples vanish there.
    """
    height, width = calibration(mask)
    if min(height, width) < _LEAST:
        return None
    guess = _low_resolution(y, height, width)
    if not guess.abs().amax():
        return None
    lags = _projection(_middle(torch.from_numpy(y), height, width))
    reach = [side // 2 for side in lags.shape[2:]]
    down, across = (_fourier(side, r) for side, r in zip(y.shape[1:], reach, strict=True))
    of_columns = torch.einsum("cdab,wb->cdaw", lags, across)
    strips, kept = [], []
    for rows, start in zip(torch.split(down, _ROWS), torch.split(guess, _ROWS, 1), strict=True):
        # The projection of the samples is, at each pixel of the image, a matrix between the coils.
        matrices = torch.einsum("ha,cdaw->hwdc", rows, of_columns)
        vectors = start.permute(1, 2, 0)[..., None]
        for _ in range(_POWERS):
            vectors = _unit(matrices @ vectors)
        kept.append(torch.linalg.vector_norm(matrices @ vectors, dim=(2, 3)))
        towards = (vectors.conj() * start.permute(1, 2, 0)[..., None]).sum(2, keepdim=True)
        vectors = vectors * torch.where(towards == 0, 1, torch.sgn(towards))
        strips.append(vectors[..., 0].permute(2, 0, 1))
    maps, eigenvalues = torch.cat(strips, 1).numpy(), torch.cat(kept).numpy()
    return Sensitivities(np.asarray(maps, np.complex64), np.asarray(eigenvalues, np.float32))


def calibration(mask: Mask) -> tuple[int, int]:
    """Return the sides of the largest centred block that is sampled throughout, grown in both axes by turns."""
    centre = [side // 2 for side in mask.shape]
    sides, growing = [0, 0], [True, True]

    def block(height: int, width: int) -> Mask:
        top, left = centre[0] - height // 2, centre[1] - width // 2
        return mask[top : top + height, left : left + width]

    while any(growing):
        for axis in (0, 1):
            longer = list(sides)
            longer[axis] = max(1, sides[axis] + 1)
            longer[1 - axis] = max(1, longer[1 - axis])
            growing[axis] = growing[axis] and longer[axis] <= mask.shape[axis] and bool(block(*longer).all())
            sides = longer if growing[axis] else sides
    return sides[0], sides[1]


def _low_resolution(y: Array, height: int, width: int) -> Tensor:
    """Return the coils' images from the centre, tapered so that they do not ring, with unit norm at each pixel."""
    taper = np.outer(_tapered(y.shape[1], height), _tapered(y.shape[2], width))
    low = Fourier(y.shape).adjoint(torch.from_numpy(y * taper)).to(torch.complex64)
    # Where there is no signal the quotient is noise, which is harmless: the image is 0 there. The bounds, by hand, only avoid
    # a division by 0.
    total = low.abs().square().sum(0).sqrt()
    return low / total.clamp(min=1e-6 * float(total.max()) + 1e-30)


def _tapered(side: int, width: int) -> NDArray[np.float64]:
    window = np.zeros(side)
    start = side // 2 - width // 2
    window[start : start + width] = np.hanning(width + 2)[1:-1]
    return window


def _middle(y: Tensor, height: int, width: int) -> Tensor:
    """Return the centre's samples, no more than are needed, [coils, h, w]."""
    sides = [min(side, _MOST) for side in (height, width)]
    top, left = (whole // 2 - side // 2 for whole, side in zip(y.shape[1:], sides, strict=True))
    return y[:, top : top + sides[0], left : left + sides[1]].to(torch.complex64)


def _projection(centre: Tensor) -> Tensor:
    """Return the projection onto the space of the patches, averaged over the places of a patch that a sample can have.

    Returns
    -------
    Tensor
        [coils, coils, 2 kh - 1, 2 kw - 1]: the sample of coil d is the sum over c and s of entry [c, d, s] times the sample of
        coil c that lies s further on. Shift 0 is in the middle.
    """
    coils = len(centre)
    kh, kw = (min(_KERNEL, side // 2) for side in centre.shape[1:])
    patches = centre.unfold(1, kh, 1).unfold(2, kw, 1).permute(1, 2, 0, 3, 4).reshape(-1, coils * kh * kw)
    powers, directions = torch.linalg.eigh(patches.mH @ patches)
    signal = directions[:, powers > max(_SIGNAL**2 * float(powers[-1]), _most_of_noise(powers, len(patches)))]
    onto = (signal @ signal.mH).view(coils, kh, kw, coils, kh, kw)
    lags = centre.new_zeros(coils, coils, 2 * kh - 1, 2 * kw - 1)
    for a in range(kh):
        for b in range(kw):
            lags[:, :, a : a + kh, b : b + kw] += onto[:, a, b].flip(2, 3)
    return lags / (kh * kw)


def _most_of_noise(powers: Tensor, count: int) -> float:
    """Return the square of the singular value up to which a matrix may hold noise alone: 0 where it holds none.

    By the median of all (Gavish & Donoho, "The optimal hard threshold for singular values is 4/sqrt(3)", IEEE Trans. Information
    Theory 2014, arXiv 1305.5870, equation 5), most of which are the noise's, for patches are much alike.

    Parameters
    ----------
    powers : Tensor
        Squares of the singular values, ascending, [columns].
    count : int
        Rows.
    """
    least, most = sorted((len(powers), count))
    ratio = least / most
    factor = 0.56 * ratio**3 - 0.95 * ratio**2 + 1.82 * ratio + 1.43
    return factor**2 * float(powers[-least:].median())


def _fourier(side: int, reach: int) -> Tensor:
    """Return exp(-2 pi i s x / side) for the centred pixels x, [side], and the shifts s from -reach to reach."""
    x, s = torch.arange(side, dtype=torch.float64) - side // 2, torch.arange(-reach, reach + 1, dtype=torch.float64)
    return torch.exp(-2j * np.pi / side * x[:, None] * s).to(torch.complex64)


def _unit(vectors: Tensor) -> Tensor:
    """Return vectors, [..., n, 1], with length 1; those of length 0 as they are."""
    length = vectors.abs().square().sum(-2, keepdim=True).sqrt()
    return vectors / torch.where(length == 0, 1, length)
