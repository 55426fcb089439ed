"""Computed tomography: an image from line integrals, of few views or of few photons."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from cgdenoise.errors import MeasurementError
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.operators.tomography import Scan, projector
from cgdenoise.operators.weights import Weights
from cgdenoise.problems.problem import Array, LinearProblem, Start

_AXIS = 0.3
"""Bins by which the axis may be from where the views' centres of mass have it before there is a warning. By hand."""

_DEVIATION = 1.4826
"""Standard deviation of normal noise over the median of its magnitude."""

_CONSISTENCY = 10
"""Iterations towards exact line integrals."""


def tomography_problem(
    y: Array, scan: Scan, shape: tuple[int, int], sigma: float | None = None, photons: float | None = None
) -> LinearProblem:
    """Return the problem of an image's line integrals.

    Parameters
    ----------
    y : array
        [views, bins], real; NaN where a bin is dead.
    scan : Scan
        From where.
    shape : (int, int)
        Of the image.
    sigma : float or None
        Noise level of the integrals, 0 for none. None estimates it, if there is no number of photons.
    photons : float or None
        That reach a bin where nothing is in their way: an integral, which then is a natural logarithm, has the variance
        exp(y) / photons, and counts by it.

    Raises
    ------
    MeasurementError
        If the integrals do not go with the scan, or there are none.
    OperatorError
        If no ray meets the image.
    """
    expected = (len(scan.angles), scan.bins)
    if y.shape != expected or y.dtype.kind not in "uif":
        raise MeasurementError(f"a sinogram of shape {list(y.shape)} and {y.dtype}; expected {list(expected)}, real")
    valid = np.isfinite(y)
    if not valid.any():
        raise MeasurementError(f"a sinogram of shape {list(y.shape)} without a finite value; expected line integrals")
    measured = np.where(valid, y, 0.0)
    start = Start("filtered back-projection", partial(filtered_back_projection, _filled(measured, valid), scan, shape))
    estimated = sigma is None and photons is None
    level = unevenness(measured) if sigma is None else sigma
    operator = projector(scan, shape)
    if photons is not None:
        # A count of less than one tells as little as one.
        weights = np.sqrt(np.clip(np.exp(-measured), 1 / photons, 1))
        operator, measured, level = Weights(weights) @ operator, measured * weights, 1 / np.sqrt(photons)
    return LinearProblem(
        operator,
        measured,
        lambda image: image,
        Sampling(torch.from_numpy(valid).float(), torch.arange(y.size).view(y.shape)),
        level,
        estimated,
        consistency=_CONSISTENCY,
        warnings=_off_axis(y, scan) if valid.all() else (),
        start=start,
    )


def unevenness(sinogram: Array) -> float:
    """Return the noise level by second differences along the detector: an object's shadow is smooth there but for its edges."""
    second = np.diff(sinogram, 2, axis=1) / np.sqrt(6)
    return float(_DEVIATION * np.median(np.abs(second))) if second.size else 0.0


def filtered_back_projection(sinogram: Array, scan: Scan, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the image of a sinogram, [H, W], by the ramp filter of Ramachandran & Lakshminarayanan (PNAS, 1971).

    The views are taken to be evenly spread over half a turn or a whole one; what one of them does not see is 0. Of fans: Kak &
    Slaney, "Principles of Computerized Tomographic Imaging" (1988), section 3.4.2.
    """
    rows, columns = (np.arange(side) - side // 2 for side in shape)
    image, seen = np.zeros(shape), np.ones(shape, bool)
    pitch, places = scan.pitch, scan.places
    if scan.fan is not None:  # a detector as if it were at the axis
        smaller = scan.fan.source / (scan.fan.source + scan.fan.detector)
        pitch, places = pitch * smaller, places * smaller
        sinogram = sinogram * scan.fan.source / np.hypot(scan.fan.source, places)
    for view, filtered in enumerate(_ramp_filtered(sinogram, pitch)):
        along, towards = scan.directions(view)
        place = columns * along[0] + rows[:, None] * along[1]
        weight = 1.0
        if scan.fan is not None:
            nearer = 1 - (columns * towards[0] + rows[:, None] * towards[1]) / scan.fan.source
            place, weight = place / nearer, nearer**-2
        image += weight * np.interp(place, places, filtered)
        seen &= (places[0] <= place) & (place <= places[-1])
    return np.where(seen, image, 0) * np.pi / len(sinogram)


def _ramp_filtered(sinogram: Array, pitch: float) -> NDArray[np.float64]:
    bins = sinogram.shape[1]
    length = 2 ** int(np.ceil(np.log2(2 * bins)))
    lag = np.minimum(np.arange(length), length - np.arange(length))
    kernel = np.where(lag % 2 == 1, -1 / (np.pi * np.maximum(lag, 1)) ** 2, 0)
    kernel[0] = 0.25
    spectrum = np.fft.rfft(kernel).real * np.fft.rfft(sinogram, length)
    filtered: NDArray[np.float64] = np.fft.irfft(spectrum, length)[:, :bins] / pitch
    return filtered


def _filled(measured: Array, valid: NDArray[np.bool_]) -> Array:
    """Return a sinogram with dead bins interpolated along the detector; a dead view is 0."""
    filled, bins = measured.copy(), np.arange(measured.shape[1])
    for values, known in zip(filled, valid, strict=True):
        if known.any():
            values[~known] = np.interp(bins[~known], bins[known], values[known])
    return filled


def _off_axis(sinogram: Array, scan: Scan) -> tuple[str, ...]:
    """Return a warning if the views' centres of mass turn about another place than the axis.

    The centre of mass of an object that every view sees whole is seen at axis + a cos + b sin of the angle.
    """
    mass = sinogram.sum(1)
    if scan.fan is not None or len(mass) < 4 or (mass <= 0).any():
        return ()
    centres = (sinogram * np.arange(scan.bins)).sum(1) / mass
    angles = np.deg2rad(scan.angles)
    equations = np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles)], 1)
    found, _, rank, _ = np.linalg.lstsq(equations, centres, rcond=None)
    left = centres - equations @ found
    if rank < 3 or np.abs(left).max() > _AXIS or abs(found[0] - scan.axis) <= _AXIS:
        return ()
    return (f"the views turn about bin {found[0]:.1f}, and the axis was taken to be at {scan.axis:g}; see --axis",)
