"""Samples of magnetic resonance off the grid, and their trajectory, from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cgdenoise.errors import MeasurementError, OptionError
from cgdenoise.jobs.inputs import read_array
from cgdenoise.jobs.sources import Scan, whitening_of
from cgdenoise.measurements import read_cfl, read_measurements
from cgdenoise.problems.problem import Array, LinearProblem
from cgdenoise.problems.trajectory import Trajectory, trajectory_problem
from cgdenoise.reading import about, reading

_BART = (".cfl", ".hdr")

_SLACK = 1.01
"""Factor by which points may be beyond a unit's range: some begin a read-out half a sample early. By hand."""


def read_trajectory_problem(
    path: str, scan: Scan, trajectory: str, shape: tuple[int, ...] | None, sigma: float | None
) -> LinearProblem:
    """Read samples and where they lie, as `trajectory_problem` takes them.

    Raises
    ------
    MeasurementError, OptionError
        If something cannot be read or does not go together; the message begins with the path.
    OperatorError
        If FINUFFT is not installed.
    """
    if shape is not None and len(shape) != 2:
        raise OptionError(f"--shape {','.join(map(str, shape))}; expected H,W")
    measurements = read_measurements(path, variables=scan.of_samples)
    points, plane = read_trajectory(trajectory, None if shape is None else (shape[0], shape[1]))
    maps = measurements.maps if scan.maps is None else read_array(scan.maps, "maps", scan.variables)
    y, coils = measurements.y, max(1, measurements.y.size // points.readout.size)
    white = whitening_of(measurements, scan, coils) if sigma is None else None
    if white is None:
        level = measurements.sigma if sigma is None else sigma
    else:
        level = white.level
        if coils > 1 and y.size == coils * points.readout.size:
            y, maps = white(y.reshape(coils, *points.shape)), white(maps) if maps is not None and len(maps) == coils else maps
    with about(path):
        return trajectory_problem(y, points, plane, maps, level)


def read_trajectory(path: str, shape: tuple[int, int] | None) -> tuple[Trajectory, tuple[int, int]]:
    """Return a trajectory, and the shape of the image.

    Parameters
    ----------
    path : str
        Of an array (..., samples, 2), [2, samples, ...] or BART's [3, samples, ...], across before down; or of a complex one,
        across + i down, (..., samples). In cycles for each pixel if it stays within 0.5, in radians if within pi, else in cycles
        for the whole image.
    shape : (int, int) or None
        Of the image. None takes it from a trajectory in cycles for the whole image.

    Raises
    ------
    MeasurementError, OptionError
        If it is something else, or lies outside of the plane.
    """
    with reading(path, MeasurementError, "a trajectory"):
        array = read_cfl(path) if Path(path).suffix.lower() in _BART else read_array(path, "trajectory")
        points, readout = _points(array)
        most = float(np.abs(points).max(initial=0))
        if not np.isfinite(points).all() or not most:
            raise MeasurementError(f"a trajectory of shape {list(array.shape)}, up to {most}; expected finite points, not all 0")
        if most <= 0.5 * _SLACK:
            factors: tuple[float, float] = (1.0, 1.0)
        elif most <= np.pi * _SLACK:
            factors = (1 / (2 * np.pi),) * 2
        else:
            side = 2 * int(most + 0.5)  # read-outs end at the edge, or half a sample before it
            shape = shape or (side, side)
            factors = 1 / shape[1], 1 / shape[0]
        if shape is None:
            raise OptionError(f"a trajectory up to {most:.4g} tells no size of the image; expected --shape H,W")
        scaled = points * factors
        if np.abs(scaled).max() > 0.5 * _SLACK:
            raise MeasurementError(f"a trajectory up to {most:.4g}, outside of the plane of an image of {list(shape)}")
    return Trajectory(np.clip(scaled, -0.5, 0.5), readout), shape


def _points(array: Array) -> tuple[Array, Array]:
    """Return points, [*shape, 2], and the number of each one's read-out, [*shape]."""
    array = array.squeeze()
    if array.dtype.kind == "c":
        array = array.real if not array.imag.any() else np.stack([array.real, array.imag], -1)
    if array.dtype.kind not in "uif" or array.ndim < 2:
        raise MeasurementError(f"{array.dtype} of shape {list(array.shape)}; expected points (..., samples, 2)")
    first = array.shape[-1] not in (2, 3) and array.shape[0] in (2, 3)
    points = np.moveaxis(array, 0, -1) if first else array
    if points.shape[-1] not in (2, 3):
        raise MeasurementError(f"{array.dtype} of shape {list(array.shape)}; expected points (..., samples, 2)")
    if points.shape[-1] == 3 and points[..., 2].any():
        raise MeasurementError(f"points of shape {list(array.shape)} that leave the plane; expected 0 for the third number")
    shape = points.shape[:-1]
    # Read-outs are the columns where points come first, as in column-major order, and else the rows.
    length = shape[0] if first else shape[-1]
    number = np.arange(points[..., 0].size // length)
    readout = np.broadcast_to(number.reshape(shape[1:] if first else (*shape[:-1], 1)), shape)
    return points[..., :2].astype(np.float64), readout.astype(np.int64)
