"""Receive coils: one complex image seen with several sensitivities."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import Field, ForwardOperator
from cgdenoise.operators.tensors import like


class Coils(ForwardOperator):
    """The image as each coil sees it: its product with each map. A parallel scan is `subsampled_fourier(...) @ Coils(maps)`.

    Parameters
    ----------
    maps : Tensor or array
        Sensitivities, [coils, H, W], complex and finite. With sum |maps|² = 1 at a pixel the operator is orthonormal there.

    Raises
    ------
    OperatorError
        If the maps are of another shape or dtype, or not finite.
    """

    def __init__(self, maps: Tensor | NDArray[Any]):
        self._maps = torch.as_tensor(maps)
        if self._maps.ndim != 3 or not self._maps.is_complex():
            raise OperatorError(f"maps of shape {list(self._maps.shape)} and {self._maps.dtype}; expected [coils, H, W], complex")
        if not self._maps.isfinite().all():
            raise OperatorError("sensitivity maps with values that are NaN or infinite")
        super().__init__(tuple(self._maps.shape[1:]), tuple(self._maps.shape), Field.COMPLEX)

    def _forward(self, x: Tensor) -> Tensor:
        return like(self._maps, x) * x[..., None, :, :]

    def _adjoint(self, y: Tensor) -> Tensor:
        return (like(self._maps, y).conj() * y).sum(-3)
