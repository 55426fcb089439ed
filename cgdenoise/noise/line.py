"""A line laid through the variances of noise at levels of brightness, some of which hold texture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ITERATIONS = 30
"""Of the reweighted fit. 15 and 60 give the same on all pictures that were measured."""


def robust_line(
    design: Array, variance: Array, error: Array, solve: Callable[[Array, Array], Array]
) -> tuple[Array, Array, Array, Array]:
    """Fit variances by reweighted least squares.

    Parameters
    ----------
    design : (K, 2) array
        What the coefficients belong to, a row a level.
    variance, error : (K,) arrays
        Of the levels: variance, above 0, and its relative standard error.
    solve : callable
        Least squares, of a design and values.

    Returns
    -------
    solution, weight, trust, residual : arrays
        The two coefficients, and of each level its weight, how far it is trusted (0 to 1), and its distance from the line in
        standard errors.
    """
    fitted, trust = variance, np.ones(len(variance))
    for _ in range(_ITERATIONS):
        # Relative to the line: errors relative to the measurements would favour the low ones.
        weight = np.sqrt(trust) / (error * fitted)
        solution = solve(design * weight[:, None], variance * weight)
        fitted = np.maximum(design @ solution, 1e-3 * np.median(variance))
        residual = (variance - fitted) / (error * fitted)
        # Cauchy weights; texture raises a level, so that those above the line are doubted at half the distance. By hand.
        trust = 1 / (1 + np.square(residual / np.where(residual > 0, 1.5, 3)))
    return solution, weight, trust, residual


def least_squares(design: Array, values: Array) -> Array:
    """Return the two coefficients, of either sign, that fit values best."""
    return np.asarray(np.linalg.lstsq(design, values, rcond=None)[0])


def nonnegative(design: Array, values: Array) -> Array:
    """Return the two coefficients >= 0 that fit values best in least squares; values and the second column are > 0."""
    both = np.linalg.lstsq(design, values, rcond=None)[0]
    if both.min() >= 0:
        return np.asarray(both)
    # The optimum then is on the border, where one of them is 0.
    powers = np.square(design).sum(axis=0)
    alone = np.maximum(values @ design / powers, 0)
    return np.where(np.arange(2) == np.argmax(powers * alone**2), alone, 0)
