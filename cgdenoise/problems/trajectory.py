"""Magnetic resonance off the grid: samples along a trajectory, of one coil or of several."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree

from cgdenoise.errors import MeasurementError
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.operators import Coils, ForwardOperator, Fourier, Measurement, Weights
from cgdenoise.operators.least_squares import conjugate_gradients
from cgdenoise.operators.nonuniform import NonUniformFourier, density_compensation
from cgdenoise.problems.espirit import estimate_maps
from cgdenoise.problems.mri import noise_of, root_sum_of_squares
from cgdenoise.problems.problem import Array, LinearProblem, Start

_CENTRE = 0.04
"""Distance from the centre of the Fourier plane, in cycles for each pixel, up to which nothing is held out: as much as of a plane
that is sampled in lines (`fitting.holdout`)."""

_CALIBRATION = 24
"""Side of the centre that tells of the coils, at most. By hand."""

_GAP = 1.0
"""Distance of a point of the grid in that centre from the next sample, at most; a full grid has 0. By hand."""

_LEAST_SQUARES = 20
"""Iterations that bring the centre to the grid. By hand."""

_COILS, _SINGLE = 3, 10
"""Iterations of each step towards the samples of several coils and of one, as on the grid (`problems.mri`)."""


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trajectory:
    """Where the Fourier plane was sampled.

    Attributes
    ----------
    points : array
        Across and down, [*shape, 2], in cycles for each pixel: -0.5 to 0.5.
    readout : array
        Number of the read-out that a sample belongs to, [*shape]: samples of one predict one another.
    """

    points: Floats
    readout: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the samples of one coil."""
        return self.readout.shape


def trajectory_problem(
    y: Array, trajectory: Trajectory, shape: tuple[int, int], maps: Array | None = None, sigma: float | None = None
) -> LinearProblem:
    """Return the problem of samples along a trajectory.

    Parameters
    ----------
    y : complex array
        As the trajectory, [*shape], or of several coils [coils, *shape]; or each with all samples in a row.
    trajectory : Trajectory
        Where.
    shape : (int, int)
        Of the image.
    maps : complex array or None
        Sensitivities, [coils, H, W]; None estimates those of several coils.
    sigma : float or None
        Noise level, 0 for none; None estimates it of several coils.

    Raises
    ------
    MeasurementError
        If the arrays do not go together.
    OperatorError
        If FINUFFT is not installed.
    """
    count = trajectory.readout.size
    if y.dtype.kind != "c" or y.size % count or y.shape[-1] not in (count, trajectory.shape[-1]):
        expected = f"expected {list(trajectory.shape)} or [coils, {', '.join(map(str, trajectory.shape))}], complex"
        raise MeasurementError(f"y of shape {list(y.shape)} and {y.dtype}; {expected}, as the trajectory")
    coils, points = y.size // count, trajectory.points.reshape(count, 2)
    several = coils > 1 or maps is not None
    transform = NonUniformFourier((coils, *shape) if several else shape, points)
    samples = y.reshape(transform.out_shape)
    weights = density_compensation(transform)
    operator: ForwardOperator = transform
    if several and maps is None:
        maps = _estimated(samples, points, weights, shape)
    if maps is not None:
        if maps.shape != (coils, *shape) or maps.dtype.kind != "c":
            raise MeasurementError(f"maps of shape {list(maps.shape)} and {maps.dtype}; expected {[coils, *shape]}, complex")
        operator = transform @ Coils(maps.astype(np.complex64))
    level = sigma or 0.0
    if sigma is None and maps is not None:
        level = noise_of(Measurement.complete(operator, torch.from_numpy(samples)))
    # Samples crowd in the middle of the plane, and plain least squares see little else: with the root of their weights, whose
    # mean square is 1 here, a phantom is better by 1 to 2 dB, and the generators alone by 5 to 10.
    shares = np.broadcast_to(np.sqrt(weights / weights.mean()), samples.shape).copy()
    units = np.where(np.hypot(*points.T) <= _CENTRE, -1, trajectory.readout.ravel())
    return LinearProblem(
        Weights(shares) @ operator,
        shares * samples,
        root_sum_of_squares if several and maps is None else np.abs,
        Sampling(torch.ones(samples.shape), torch.from_numpy(np.broadcast_to(units, samples.shape).copy())),
        level,
        sigma is None and maps is not None,
        consistency=_COILS if maps is not None else _SINGLE,
        start=Start("density-compensated adjoint", partial(_gridded, operator, samples, weights)),
    )


def _gridded(operator: ForwardOperator, samples: Array, weights: Floats) -> Array:
    """Return the adjoint of the weighted samples, times the factor with which they are explained best."""
    image = operator.adjoint(torch.from_numpy(weights * samples))
    seen = operator(image).flatten()
    energy = float(seen.abs().square().sum())
    factor = complex(torch.vdot(seen, torch.from_numpy(samples).flatten())).real / energy if energy else 1.0
    return np.asarray(factor * image.numpy())


def _dense_side(places: Floats, most: int) -> int:
    """Return the side of the largest centred square of the grid, even, whose points all have a sample nearby."""
    at = np.arange(-(most // 2), most // 2)
    cells = np.stack(np.meshgrid(at, at), -1).reshape(-1, 2)
    gaps, _ = KDTree(places).query(cells)
    return 2 * int(np.abs(cells).max(1)[gaps > _GAP].min(initial=most // 2))


def _estimated(samples: Array, points: Floats, weights: Floats, shape: tuple[int, int]) -> Array | None:
    """Return the coils' sensitivities, [coils, H, W], by as much of the middle of the plane as was sampled densely."""
    places = points * (shape[1], shape[0])  # in samples of the grid
    side = _dense_side(places, min(_CALIBRATION, *shape))
    inside = (np.abs(places) <= side / 2).all(1)
    if side < 2 or not inside.any():
        return None
    small = NonUniformFourier((len(samples), side, side), places[inside] / side)
    shares = Weights(np.broadcast_to(np.sqrt(weights[inside]), small.out_shape).copy())
    centre = Measurement.complete(shares @ small, shares(torch.from_numpy(samples[:, inside])))
    images = conjugate_gradients(centre, torch.zeros(small.in_shape, dtype=centre.y.dtype), _LEAST_SQUARES)
    grid, mask = np.zeros((len(samples), *shape), complex), np.zeros(shape, bool)
    top, left = (whole // 2 - side // 2 for whole in shape)
    grid[:, top : top + side, left : left + side] = Fourier(small.in_shape)(images).numpy()
    mask[top : top + side, left : left + side] = True
    return estimate_maps(grid, mask)
