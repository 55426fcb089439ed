"""Compressed sensing: measurements of a whole image by a matrix, a named operator or a user's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from cgdenoise.errors import OptionError
from cgdenoise.operators import (
    DenseMatrix,
    Entries,
    ForwardOperator,
    Measurement,
    Reshape,
    SparseMatrix,
    SubsampledDCT,
    load_operator,
    random_matrix,
)
from cgdenoise.operators.base import Field, Shape
from cgdenoise.operators.checks import dot_test
from cgdenoise.operators.least_squares import conjugate_gradients
from cgdenoise.problems.problem import Array, LinearProblem, Start
from cgdenoise.runtime import rng_for

_SIMULATION = 3
"""Key of the random numbers of simulated noise. Any would do that the fits, 0 to 2, do not use."""

_CENTRE = 0.08
"""Share of the lines that are the central ones: that of fastMRI's masks of four-fold acceleration (arXiv 1811.08839)."""

_STEPS = 30
"""Of conjugate gradients towards the pseudo-inverse: random matrices of a quarter as many rows as columns take 20. By hand."""


def _subsampled_dct(shape: Shape, count: int, seed: int) -> ForwardOperator:
    if len(shape) > 1:
        return SubsampledDCT(shape, count, seed)
    row = (1, *shape)
    return SubsampledDCT(row, count, seed) @ Reshape(shape, row)


_NAMED: dict[str, Callable[[Shape, int, int], ForwardOperator]] = {
    "gaussian": lambda shape, count, seed: random_matrix(shape, count, seed, Entries.GAUSSIAN),
    "rademacher": lambda shape, count, seed: random_matrix(shape, count, seed, Entries.RADEMACHER),
    "dct": _subsampled_dct,
}

NAMES = (*_NAMED, "fourier")
"""The operators that have a name. "fourier" is `fourier_problem`'s."""


def named_operator(name: str, shape: Shape, count: int, seed: int) -> ForwardOperator:
    """Return an operator by its name, or by `package.module:factory`; the latter must pass the dot test.

    Parameters
    ----------
    name : str
        One of `NAMES` but "fourier", or a reference as `load_operator` takes it.
    shape : tuple of int
        Of the image.
    count : int
        Measurements, of a named one.
    seed : int
        Of a named one's random numbers.

    Raises
    ------
    OptionError
        If there is none of that name.
    OperatorError
        If it cannot be made, or its adjoint is not its adjoint.
    """
    if name in _NAMED:
        return _NAMED[name](shape, count, seed)
    if ":" not in name:
        raise OptionError(f"operator {name!r}; expected one of {', '.join(NAMES)}, or package.module:factory")
    operator = load_operator(name, shape)
    # By hand: loose enough for a user's code of any precision, and far below what a wrong adjoint is out by.
    dot_test(operator, torch.Generator().manual_seed(seed), rtol=1e-3)
    return operator


def matrix_operator(matrix: Any, shape: Shape) -> ForwardOperator:
    """Return the operator of a matrix, dense or sparse, [m, n], on an image in row-major order."""
    if sparse.issparse(matrix):
        return SparseMatrix(matrix if matrix.dtype.kind in "fc" else matrix.astype(np.float64), shape)
    return DenseMatrix(matrix if matrix.dtype.kind in "fc" else matrix.astype(np.float64), shape)


def linear_problem(operator: ForwardOperator, y: Array, sigma: float | None) -> LinearProblem:
    """Return the problem of measurements that are held out one by one; the picture is the real image or the magnitude.

    Channels, which come first in images (C, H, W) and in volumes (C, D, H, W), come last in pictures.
    """

    def view(image: Array) -> Array:
        values = np.abs(image) if image.dtype.kind == "c" else image
        return np.moveaxis(values, 0, -1) if values.ndim > 2 else values

    shaped = y.reshape(operator.out_shape) if y.size == np.prod(operator.out_shape) else y
    return LinearProblem(operator, shaped, view, None, sigma, start=Start("pseudo-inverse", partial(_shortest, operator, shaped)))


def _shortest(operator: ForwardOperator, y: Array) -> Array:
    """Return the shortest image that explains the measurements, as far as conjugate gradients come to it."""
    data = Measurement.complete(operator, torch.from_numpy(y))
    is_complex = operator.domain is Field.COMPLEX or (operator.domain is Field.EITHER and data.y.is_complex())
    blank = torch.zeros(operator.in_shape, dtype=torch.complex128 if is_complex else torch.float64)
    return conjugate_gradients(data, blank, _STEPS).numpy()


def fourier_lines(shape: tuple[int, int], ratio: float, seed: int) -> NDArray[np.bool_]:
    """Return a mask of whole columns of the Fourier plane, [H, W]: the central 8 % and random others, `ratio` of all.

    Raises
    ------
    OptionError
        If the share is not above 0 and at most 1.
    """
    if not 0 < ratio <= 1:
        raise OptionError(f"ratio {ratio}; expected above 0 and at most 1")
    width = shape[1]
    count = max(1, round(ratio * width))
    distance = np.abs(np.arange(width) - width // 2)
    central = min(count, max(1, round(_CENTRE * width)))
    order = np.argsort(distance, kind="stable")
    others = np.random.default_rng(seed).permutation(order[central:])
    kept = np.zeros(width, bool)
    kept[order[:central]] = True
    kept[others[: count - central]] = True
    return np.tile(kept, (shape[0], 1))


def simulated(operator: ForwardOperator, image: Array, sigma: float, seed: int) -> Array:
    """Return measurements of an image with white Gaussian noise; both parts of complex ones share it.

    Parameters
    ----------
    operator : ForwardOperator
        What measures.
    image : array
        Of its `in_shape`.
    sigma : float
        Standard deviation of the noise; nothing is added where the operator gives exactly 0.
    seed : int
        Of the noise.
    """
    y = operator(torch.from_numpy(np.ascontiguousarray(image, np.float64))).numpy()
    noise = torch.randn((2, *y.shape), generator=rng_for(seed, _SIMULATION), dtype=torch.float64).numpy()
    added = (noise[0] + 1j * noise[1]) / np.sqrt(2) if y.dtype.kind == "c" else noise[0]
    return np.where(y != 0, y + sigma * added, 0) if sigma else y
