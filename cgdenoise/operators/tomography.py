"""Computed tomography: line integrals of an image, in parallel beams or in fans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import ForwardOperator
from cgdenoise.operators.matrix import SparseMatrix
from cgdenoise.operators.reshape import Reshape

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
BYTES_A_WEIGHT = 12
"""Of a sparse matrix in single precision: a weight and its column."""


@dataclass(frozen=True)
class Fan:
    """A point source and a flat detector that turn about the axis. Distances are in pixels of the image.

    Attributes
    ----------
    source : float
        From the source to the axis, above 0.
    detector : float
        From the axis to the detector, at least 0.
    """

    source: float
    detector: float

    def __post_init__(self) -> None:
        if not (0 < self.source < np.inf and 0 <= self.detector < np.inf):
            raise OperatorError(f"a source at {self.source} and a detector at {self.detector}; expected distances above 0")


@dataclass(frozen=True)
class Scan:
    """From where an object was seen.

    Bin k of a view at the angle a is the integral along the line on which x cos a + y sin a = (k - axis) pitch, with x to the
    right and y up, from the axis, which goes through the pixel (H // 2, W // 2): as in scikit-image's `radon`. A fan has its
    source at (sin a, -cos a) times its distance, and its detector on the other side, along the same direction as in parallel
    beams: as the ASTRA toolbox has it.

    Attributes
    ----------
    angles : array
        One for each view, in degrees, finite.
    bins : int
        Of the detector.
    axis : float
        Where the axis is seen, in bins; the first one is 0.
    pitch : float
        Width of a bin, in pixels of the image, above 0.
    fan : Fan or None
        None for parallel beams.
    """

    angles: Floats
    bins: int
    axis: float
    pitch: float = 1.0
    fan: Fan | None = None

    def __post_init__(self) -> None:
        if self.angles.ndim != 1 or not len(self.angles) or not np.isfinite(self.angles).all():
            raise OperatorError(f"angles of shape {list(self.angles.shape)}; expected finite ones, one for each view")
        if self.bins < 1 or not 0 < self.pitch < np.inf or not np.isfinite(self.axis):
            raise OperatorError(f"{self.bins} bins of {self.pitch} pixels, the axis at {self.axis}; expected positive numbers")

    @property
    def places(self) -> Floats:
        """Place of each bin on the detector, from where the axis is seen, in pixels, [bins]."""
        return (np.arange(self.bins, dtype=np.float64) - self.axis) * self.pitch

    def directions(self, view: int) -> tuple[Floats, Floats]:
        """Return the directions along the detector and towards the source, each (columns, rows)."""
        angle = np.deg2rad(self.angles[view])
        return np.array([np.cos(angle), -np.sin(angle)]), np.array([np.sin(angle), np.cos(angle)])

    def rays(self, view: int) -> tuple[Floats, Floats]:
        """Return a point of each ray of a view and its direction, each [bins, 2] (columns, rows from the axis)."""
        along, towards = self.directions(view)
        points = self.places[:, None] * along
        if self.fan is None:
            return points, np.broadcast_to(towards, points.shape)
        source = self.fan.source * towards
        return np.broadcast_to(source, points.shape), points - self.fan.detector * towards - source


def projector(scan: Scan, shape: tuple[int, int]) -> ForwardOperator:
    """Return the operator of a scan, from images [H, W] to [views, bins], as a sparse matrix: its adjoint is exact.

    An integral is the sum over the columns or the rows, whichever the ray crosses at the larger angle, of the image interpolated
    linearly between two pixels (Joseph, IEEE Trans. Medical Imaging, 1982). Outside of the image is 0.

    Parameters
    ----------
    scan : Scan
        From where.
    shape : (int, int)
        Of the image.

    Raises
    ------
    OperatorError
        If no ray meets the image.
    """
    from scipy import sparse

    matrix = sparse.vstack([_view(scan, view, shape) for view in range(len(scan.angles))], format="csr")
    if not matrix.nnz:
        raise OperatorError(f"{len(scan.angles)} views of an image of {list(shape)}: no ray meets it")
    views = (len(scan.angles), scan.bins)
    return Reshape((views[0] * views[1],), views) @ SparseMatrix(matrix, shape)


def projector_bytes(scan: Scan, shape: tuple[int, int]) -> int:
    """Return how much memory `projector` takes at most."""
    return 2 * BYTES_A_WEIGHT * 2 * len(scan.angles) * scan.bins * max(shape)


def _view(scan: Scan, view: int, shape: tuple[int, int]) -> csr_array:
    """Return the rows of the matrix that are a view's, [bins, H W]."""
    from scipy import sparse

    points, directions = scan.rays(view)
    over_columns = np.abs(directions[:, 0]) >= np.abs(directions[:, 1])
    rows, columns, values = [], [], []
    for axis, chosen in ((0, over_columns), (1, ~over_columns)):
        bins = np.flatnonzero(chosen)
        of_bin, pixels, lengths = _crossed(points[bins], directions[bins], axis, shape)
        rows.append(bins[of_bin])
        columns.append(pixels)
        values.append(lengths)
    whole = (scan.bins, shape[0] * shape[1])
    entries = np.concatenate(values).astype(np.float32), (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array(sparse.coo_array(entries, whole))


def _crossed(points: Floats, directions: Floats, axis: int, shape: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any], Floats]:
    """Follow rays over the columns (axis 0) or rows (1): which ray, pixel in row-major order, and weight of each sample."""
    (height, width), other = shape, 1 - axis
    steps, across = (width, height) if axis == 0 else (height, width)
    at = np.arange(steps) - steps // 2
    slope = directions[:, other] / directions[:, axis]
    place = points[:, other, None] + (at - points[:, axis, None]) * slope[:, None] + across // 2
    lower = np.floor(place).astype(np.int64)
    step = np.hypot(1, slope)[:, None]
    found = []
    for neighbour, weight in ((lower, step * (1 - place + lower)), (lower + 1, step * (place - lower))):
        ray, number = np.nonzero((neighbour >= 0) & (neighbour < across) & (weight > 0))
        beside = neighbour[ray, number]
        found.append((ray, beside * width + number if axis == 0 else number * width + beside, weight[ray, number]))
    (first, here, some), (second, there, others) = found
    return np.concatenate([first, second]), np.concatenate([here, there]), np.concatenate([some, others])
