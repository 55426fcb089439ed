"""An explicit matrix, dense or sparse, that acts on the image as a vector in row-major order."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import Field, ForwardOperator, Shape, size_of
from cgdenoise.operators.tensors import like, linear, on_parts

if TYPE_CHECKING:
    from scipy.sparse import sparray, spmatrix


class DenseMatrix(ForwardOperator):
    """y = A x for a stored matrix.

    Parameters
    ----------
    matrix : Tensor or array
        [m, n] for m measurements; floating point or complex. A complex one takes complex images only.
    in_shape : tuple of int
        Of the image, of n values in all. It becomes a vector in row-major order: the last axis runs fastest.

    Raises
    ------
    OperatorError
        If the matrix is of another shape or dtype, or not finite.
    """

    def __init__(self, matrix: Tensor | NDArray[Any], in_shape: Shape):
        self._matrix = torch.as_tensor(matrix)
        _check(self._matrix.shape, in_shape)
        super().__init__(in_shape, (self._matrix.shape[0],), Field.COMPLEX if self._matrix.is_complex() else Field.EITHER)
        if not (self._matrix.is_floating_point() or self._matrix.is_complex()):
            raise OperatorError(f"a matrix of {self._matrix.dtype}; expected floating point or complex numbers")
        if not self._matrix.isfinite().all():
            raise OperatorError(f"a matrix of shape {list(self._matrix.shape)} with values that are NaN or infinite")

    def _forward(self, x: Tensor) -> Tensor:
        return times(like(self._matrix, x), x.flatten(-len(self.in_shape)))

    def _adjoint(self, y: Tensor) -> Tensor:
        return times(like(self._matrix, y).mH, y).reshape(*y.shape[:-1], *self.in_shape)


class SparseMatrix(ForwardOperator):
    """y = A x for a sparse matrix, as a projector of tomography is. It is held twice, by rows and by columns, for speed.

    Parameters
    ----------
    matrix : SciPy sparse matrix or array
        [m, n], of any format; floating point or complex. A complex one takes complex images only.
    in_shape : tuple of int
        Of the image, of n values in all, in row-major order.

    Raises
    ------
    OperatorError
        If it is not such a matrix, or is of another shape, or not finite.
    """

    def __init__(self, matrix: spmatrix | sparray, in_shape: Shape):
        from scipy import sparse

        if not sparse.issparse(matrix):
            raise OperatorError(f"{type(matrix).__name__} instead of a sparse matrix of SciPy")
        _check(matrix.shape, in_shape)
        rows = sparse.csr_array(matrix)
        rows.sum_duplicates()
        if rows.dtype.kind not in "fc" or rows.dtype.itemsize not in (4, 8, 16):
            raise OperatorError(f"a sparse matrix of {rows.dtype}; expected floating point or complex numbers")
        if not np.isfinite(rows.data).all():
            raise OperatorError(f"a sparse matrix of shape {list(rows.shape)} with values that are NaN or infinite")
        super().__init__(in_shape, (rows.shape[0],), Field.COMPLEX if rows.dtype.kind == "c" else Field.EITHER)
        self._rows = _csr(rows)
        self._columns = _csr(sparse.csr_array(rows.conj().T))

    def _forward(self, x: Tensor) -> Tensor:
        return linear(self._multiply, self._multiply_adjoint, x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return linear(self._multiply_adjoint, self._multiply, y)

    def _multiply(self, x: Tensor) -> Tensor:
        return _times_sparse(like(self._rows, x), x.flatten(-len(self.in_shape)))

    def _multiply_adjoint(self, y: Tensor) -> Tensor:
        return _times_sparse(like(self._columns, y), y).reshape(*y.shape[:-1], *self.in_shape)


def _check(shape: tuple[int, ...], in_shape: Shape) -> None:
    if len(shape) != 2 or shape[1] != size_of(in_shape):
        raise OperatorError(
            f"a matrix of shape {list(shape)} for an image of {list(in_shape)}; expected [m, {size_of(in_shape)}]"
        )


def times(matrix: Tensor, x: Tensor) -> Tensor:
    """Return the products of [m, n] with each vector of [..., n]. A real matrix multiplies both parts of a complex one."""
    if matrix.is_complex():
        return x @ matrix.mT
    return on_parts(lambda part: part @ matrix.mT, x)


def _times_sparse(matrix: Tensor, x: Tensor) -> Tensor:
    def columns(part: Tensor) -> Tensor:
        return (matrix @ part.reshape(-1, part.shape[-1]).mT).mT.reshape(*part.shape[:-1], matrix.shape[0])

    return columns(x) if matrix.is_complex() else on_parts(columns, x)


def _csr(matrix: Any) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")  # several times as fast as COO
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int64)),
            torch.from_numpy(matrix.indices.astype(np.int64)),
            torch.from_numpy(matrix.data.astype(matrix.dtype.newbyteorder("="))),
            matrix.shape,
            check_invariants=False,  # SciPy has
        )
