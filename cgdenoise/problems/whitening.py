"""Noise that coils share: its covariance from a scan without a signal, and the combination of coils that share none."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import MeasurementError
from cgdenoise.problems.problem import Array

_FEWEST = 10
"""Samples of the noise for each coil, at least: the covariance is then within a third. By hand; not measured."""

_RANK = 1e-10
"""Least variance of a combination of coils in parts of the largest. Below it coils are copies of each other. By hand."""


@dataclass(frozen=True)
class Whitening:
    """A linear map of the coils.

    Attributes
    ----------
    matrix : array
        [coils, coils], complex, lower triangular.
    level : float
        Noise level of each coil after it, in the unit of the samples (of a complex number: the root of E |noise|²). It is that of
        the coils before it, in root mean square.
    """

    matrix: NDArray[np.complex128]
    level: float

    def __call__(self, coils: Array) -> Array:
        """Return samples or sensitivities, [coils, ...], after the map, in their own precision."""
        mixed: Array = np.tensordot(self.matrix, coils, 1).astype(coils.dtype)
        return mixed


def whitening(noise: Array, coils: int) -> Whitening:
    """Return the map after which no two coils share noise, and all have as much.

    With the noise's covariance C = L L^H, by Cholesky, it is level L^-1 (Pruessmann et al., Magn. Reson. Med. 2001,
    "Advances in sensitivity encoding with arbitrary k-space trajectories", section on the decorrelation of noise).

    Parameters
    ----------
    noise : complex array
        Samples without a signal, [coils, ...]; of one coil also without that axis. Where all coils are 0 there is no sample.
    coils : int
        How many the scan has.

    Raises
    ------
    MeasurementError
        If these are not noise of so many coils, or too little of it, or coils are copies of each other.
    """
    samples = _by_coils(noise, coils)
    samples = samples[:, samples.any(0)].astype(np.complex128)
    count = samples.shape[1]
    if count < _FEWEST * coils:
        raise MeasurementError(f"{count} samples of the noise of {coils} coils; expected at least {_FEWEST * coils}")
    covariance = samples @ samples.conj().T / count
    powers = np.linalg.eigvalsh(covariance)
    if powers[0] <= _RANK * powers[-1]:
        raise MeasurementError("coils whose noise is 0, or is that of others; expected noise of each coil's own")
    level = math.sqrt(float(np.trace(covariance).real) / coils)
    matrix: NDArray[np.complex128] = (level * np.linalg.inv(np.linalg.cholesky(covariance))).astype(np.complex128)
    return Whitening(matrix, level)


def _by_coils(noise: Array, coils: int) -> Array:
    if noise.dtype.kind != "c":
        raise MeasurementError(f"noise of {noise.dtype}; expected complex numbers, as Fourier samples are")
    if coils == 1:
        return noise.reshape(1, -1)
    if noise.ndim == 4 and noise.shape[1] == coils:  # a volume of fastMRI has slices first
        noise = np.moveaxis(noise, 1, 0)
    if noise.shape[0] != coils:
        raise MeasurementError(f"noise of shape {list(noise.shape)}; expected [{coils}, ...], one coil after the other, as in y")
    return noise.reshape(coils, -1)
