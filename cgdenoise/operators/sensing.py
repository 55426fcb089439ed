"""Compressed sensing: a few seeded random measurements of the whole image.

All are scaled so that E ||A x||² = ||x||² over the seeds, whatever the number of measurements m; A has entries of variance 1/m.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import ForwardOperator, Shape, size_of
from cgdenoise.operators.dct import DCT
from cgdenoise.operators.matrix import DenseMatrix, times
from cgdenoise.operators.tensors import like, linear

_BLOCK = 2**22
"""Entries that are generated at a time: 16 MiB. By hand; another value would make other matrices of the same seeds."""


class Entries(StrEnum):
    """What the independent entries of a random matrix are, up to their scale."""

    GAUSSIAN = "gaussian"  # normal
    RADEMACHER = "rademacher"  # 1 and -1, equally likely


def random_matrix(
    in_shape: Shape, measurements: int, seed: int, entries: Entries = Entries.GAUSSIAN, *, stored: int = 2**28
) -> ForwardOperator:
    """Return a dense matrix of independent random entries with mean 0 and variance 1/m.

    Parameters
    ----------
    in_shape : tuple of int
        Of the image, of n values in all, in row-major order.
    measurements : int
        m, at least 1.
    seed : int
        At least 0. The matrix depends on it, on n, m and `entries` alone: not on the device or on whether it is stored.
    entries : Entries
        Their distribution.
    stored : int
        Bytes (4 n m) up to which the matrix is stored; 256 MiB by hand. A larger one is generated anew in every call, some
        seconds for each gigabyte: where that is too slow, `SubsampledDCT` does the same job.

    Raises
    ------
    OperatorError
        If the number of measurements or the seed is out of range.
    """
    _check(measurements, seed)
    generated = GeneratedMatrix(in_shape, measurements, seed, entries)
    if 4 * measurements * size_of(in_shape) > stored:
        return generated
    return DenseMatrix(torch.cat(list(generated.blocks())), in_shape)


class GeneratedMatrix(ForwardOperator):
    """The matrix of `random_matrix`, which has the parameters; never stored, a block of rows at a time."""

    def __init__(self, in_shape: Shape, measurements: int, seed: int, entries: Entries):
        super().__init__(in_shape, (measurements,))
        self._seed, self._entries = seed, entries

    def blocks(self) -> Iterator[Tensor]:
        """Yield the matrix from the top, in blocks of rows, [b, n], float32, on the CPU."""
        (m,), n = self.out_shape, size_of(self.in_shape)
        rows = max(1, _BLOCK // n)
        for number, start in enumerate(range(0, m, rows)):
            rng = np.random.default_rng([self._seed, number])  # one for each block: both directions find it by its number
            shape = (min(rows, m - start), n)
            if self._entries is Entries.GAUSSIAN:
                block = rng.standard_normal(shape, np.float32)
            else:
                block = rng.integers(0, 2, shape, np.int8).astype(np.float32) * 2 - 1
            yield torch.from_numpy(block / np.float32(math.sqrt(m)))

    def _forward(self, x: Tensor) -> Tensor:
        return linear(self._multiply, self._multiply_adjoint, x)  # autograd would keep all blocks

    def _adjoint(self, y: Tensor) -> Tensor:
        return linear(self._multiply_adjoint, self._multiply, y)

    def _multiply(self, x: Tensor) -> Tensor:
        flat = x.flatten(-len(self.in_shape))
        return torch.cat([times(like(block.to(x.device), x), flat) for block in self.blocks()], -1)

    def _multiply_adjoint(self, y: Tensor) -> Tensor:
        total, start = y.new_zeros(*y.shape[:-1], size_of(self.in_shape)), 0
        for block in self.blocks():
            total += times(like(block.to(y.device), y).mH, y[..., start : start + len(block)])
            start += len(block)
        return total.reshape(*y.shape[:-1], *self.in_shape)


class SubsampledDCT(ForwardOperator):
    """Random signs, the cosine transform of each channel (`DCT`), and m of the coefficients chosen at random.

    The structured stand-in for a random matrix: an image of n values takes O(n) memory and O(n log n) products. Its rows are
    orthogonal, A A^H = (n / m) I, and so its norm is sqrt(n / m). (Do, Gan, Nguyen & Tran, "Fast and Efficient Compressive
    Sensing Using Structurally Random Matrices", IEEE Trans. Signal Processing, 2012, arXiv 1106.5037.)

    Parameters
    ----------
    in_shape : tuple of int
        (..., H, W), of n values in all and of any sizes.
    measurements : int
        m, 1 to n.
    seed : int
        Of the signs and of the choice, at least 0.

    Raises
    ------
    OperatorError
        If a parameter is out of range.
    """

    def __init__(self, in_shape: Shape, measurements: int, seed: int):
        size = size_of(in_shape)
        _check(measurements, seed)
        if len(in_shape) < 2 or measurements > size:
            raise OperatorError(
                f"{measurements} measurements of an image of shape {list(in_shape)}; expected (..., H, W) and at most {size}"
            )
        super().__init__(in_shape, (measurements,))
        rng = np.random.default_rng(seed)
        signs = rng.integers(0, 2, in_shape, np.int8).astype(np.float32) * 2 - 1
        self._signs = torch.from_numpy(signs) * math.sqrt(size / measurements)
        self._kept = torch.from_numpy(np.sort(rng.permutation(size)[:measurements]))
        self._transform = DCT(in_shape)

    def _forward(self, x: Tensor) -> Tensor:
        coefficients = self._transform(x * like(self._signs, x))
        return coefficients.flatten(-len(self.in_shape)).index_select(-1, self._kept)

    def _adjoint(self, y: Tensor) -> Tensor:
        empty = y.new_zeros(*y.shape[:-1], size_of(self.in_shape))
        coefficients = empty.index_copy(-1, self._kept, y).reshape(*y.shape[:-1], *self.in_shape)
        return self._transform.adjoint(coefficients) * like(self._signs, y)


def _check(measurements: int, seed: int) -> None:
    if measurements < 1 or seed < 0:
        raise OperatorError(f"{measurements} measurements with seed {seed}; expected at least 1 and a seed of at least 0")
