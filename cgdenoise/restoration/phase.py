"""The smooth phase that complex images often have, as those of a scanner do: known from a first image, and taken out.

What is left is nearly real, so that a prior finds in one channel what both parts had, and next to nothing in the other. Scans
that measure half of the Fourier plane rest on the same (Noll, Nishimura & Macovski, "Homodyne detection in magnetic resonance
imaging", IEEE Trans. Med. Imaging, 1991).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from cgdenoise.operators import ForwardOperator, Measurement, Weights
from cgdenoise.patches.cosine import back, transformed
from cgdenoise.restoration.measured import on_channels
from cgdenoise.restoration.units import Array

_SMOOTH = 8
"""Frequencies that tell the phase: where a Gaussian has fallen to the root of 1 / e, in half periods over an image's side. Twice
as many give the same (`benchmarks/NOTES.md`, "Smooth phase")."""

_NEARLY_REAL = 0.2
"""Share of the squares that a first image may have in the imaginary part of what is left, if its phase is to count as known. By
hand, well below the 0.5 of where there is none."""


def smooth_phase(image: Array) -> Array | None:
    """Return the smooth phase of a complex image as numbers of magnitude 1; None if it has another, or is a signal.

    Parameters
    ----------
    image : array
        Complex, [..., H, W], whose last two axes are smoothed, or a signal [N].

    Returns
    -------
    array or None
        Of the image's shape. `image` times its conjugate is nearly real, and mostly positive.
    """
    if image.ndim == 1:  # a signal may turn as fast as it likes
        return None
    parts = torch.from_numpy(np.stack([image.real, image.imag]))
    low = back(transformed(parts) * torch.outer(*(_falling(side) for side in image.shape[-2:]))).numpy()
    phase: Array = np.exp(1j * np.arctan2(low[1], low[0]))
    left = image * phase.conj()
    return phase if np.square(left.imag).sum() < _NEARLY_REAL * np.square(np.abs(left)).sum() else None


def without_phase(operator: ForwardOperator, data: Measurement, image: Array, phase: Array) -> tuple[Measurement, Tensor]:
    """Return the measurements as those of an image times the conjugate of a phase, and that of a first image.

    Parameters
    ----------
    operator : ForwardOperator
        As the user has it, of complex images.
    data : Measurement
        What it measured, of channels.
    image : array
        The first image, of `operator.in_shape`.
    phase : array
        Of that shape.
    """
    through = on_channels(operator @ Weights(phase), complex_measurements=True)
    left = image * phase.conj()
    channels = np.stack([left.real, left.imag]).reshape(through.in_shape)
    return replace(data, operator=through), torch.from_numpy(channels)


def _falling(length: int) -> torch.Tensor:
    return torch.exp(-(torch.arange(length, dtype=torch.float64) / _SMOOTH).square() / 2)
