"""The norm of an operator, by power iteration."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

from cgdenoise.operators.base import Field, ForwardOperator
from cgdenoise.operators.tensors import Linear


def power_iteration(normal: Linear, start: Tensor) -> Iterator[Tensor]:
    """Yield ever better estimates of the largest eigenvalue of a map, ||N x|| / ||x||, without end.

    They only grow towards it, but for rounding. (von Mises & Pollaczek-Geiringer, Z. Angew. Math. Mech., 1929.)

    Parameters
    ----------
    normal : callable
        N, linear and positive semidefinite, as A^H A is: its largest eigenvalue is the square of the norm of A. After a map that
        is 0 the estimates are NaN from the second on.
    start : Tensor
        What N takes, not 0; with a part in the direction sought, which a random one has.

    Yields
    ------
    Tensor
        A scalar in the precision of `start`, real.
    """
    x = start
    while True:
        x = normal(x / x.norm())
        yield x.norm()


def spectral_norm(
    operator: ForwardOperator,
    rng: torch.Generator,
    *,
    rtol: float = 1e-4,
    max_iterations: int = 200,
    dtype: torch.dtype = torch.float32,
) -> float:
    """Return the largest singular value of an operator, by power iteration on A^H A.

    Parameters
    ----------
    operator : ForwardOperator
        It takes tensors of the generator's device.
    rng : torch.Generator
        For the start, which is standard normal; real where the operator takes either field.
    rtol : float
        The iteration ends when its estimate, which only grows towards the norm, grows by less than this part. It is then close,
        but for some hundredths where many singular values lie just below the largest. By hand; not measured.
    max_iterations : int
        Largest number of iterations. By hand; not measured.
    dtype : torch.dtype
        float32 or float64; a complex start has the same precision.

    Returns
    -------
    float
        0 for the zero operator.
    """
    field = dtype.to_complex() if operator.domain is Field.COMPLEX else dtype
    start = torch.randn(operator.in_shape, generator=rng, dtype=field, device=rng.device)
    norm = 0.0
    with torch.no_grad():
        for eigenvalue in islice(power_iteration(operator.normal, start), max_iterations):
            before, norm = norm, math.sqrt(eigenvalue)
            if norm <= before * (1 + rtol):  # the zero operator at once
                break
    return norm
