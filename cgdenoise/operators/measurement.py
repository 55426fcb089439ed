"""What was measured of an image, and how: the one description that fits, least squares and plug-and-play share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import ForwardOperator


@dataclass(frozen=True)
class Measurement:
    """Measurements y = A x + noise, some of which may not have been made.

    With V, which keeps what was measured and sets the rest to 0, the methods are those of V y = V A x + noise: what `y` holds
    elsewhere does not count, not even as 0, and may be NaN.

    Attributes
    ----------
    operator : ForwardOperator
        A.
    y : Tensor
        [*out_shape], real or complex.
    valid : Tensor
        1 where a value was measured and 0 where not, real, [*out_shape].
    sigma : float
        Standard deviation of the noise in the unit of `y` (of a complex number: the root of E |noise|²); 0 for none.

    Raises
    ------
    OperatorError
        If `y` or `valid` is of another shape than the operator's measurements.
    """

    operator: ForwardOperator
    y: Tensor
    valid: Tensor
    sigma: float = 0.0

    def __post_init__(self) -> None:
        shape = self.operator.out_shape
        if tuple(self.y.shape) != shape or tuple(self.valid.shape) != shape:
            found = f"y of {list(self.y.shape)} and valid of {list(self.valid.shape)}"
            raise OperatorError(f"{self.operator} gives measurements of {list(shape)}; found {found}")

    @staticmethod
    def complete(operator: ForwardOperator, y: Tensor, sigma: float = 0.0) -> Measurement:
        """Return measurements of which none is missing."""
        return Measurement(operator, y, torch.ones(y.shape, device=y.device), sigma)

    @property
    def variance(self) -> float:
        """Variance of the noise of each real number."""
        return self.sigma**2 / (2 if self.y.is_complex() else 1)

    @property
    def count(self) -> int:
        """How many values were measured."""
        return int(torch.count_nonzero(self.valid))

    def forward(self, x: Tensor) -> Tensor:
        """Return V A x, [*out_shape], for an image [*in_shape]."""
        return self._measured(self.operator(x))

    def adjoint(self, values: Tensor) -> Tensor:
        """Return A^H V values, [*in_shape], for values [*out_shape]."""
        return self.operator.adjoint(self._measured(values))

    def normal(self, x: Tensor) -> Tensor:
        """Return A^H V A x."""
        return self.adjoint(self.operator(x))

    def residual(self, x: Tensor) -> Tensor:
        """Return V (y - A x), [*out_shape]."""
        return self._measured(self.y - self.operator(x))

    def of(self, inner: ForwardOperator) -> Measurement:
        """Return the same as measurements of z, where the image is x = B z."""
        return replace(self, operator=self.operator @ inner)

    def normalised(self, offset: float, factor: float) -> Measurement:
        """Return the measurements of the image (x - offset) / factor; 0 where there is none."""
        constant = torch.full(self.operator.in_shape, offset, dtype=self.y.dtype.to_real(), device=self.y.device)
        return replace(self, y=self.residual(constant) / factor, sigma=self.sigma / factor)

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        """Return this on a device and in a real precision; complex numbers take the complex type of it."""
        precision = dtype.to_complex() if self.y.is_complex() else dtype
        return replace(
            self,
            operator=self.operator.to(device, dtype),
            y=self.y.to(device, precision),
            valid=self.valid.to(device),
        )

    def _measured(self, values: Tensor) -> Tensor:
        return torch.where(self.valid > 0, values, 0)  # not a product, which would let NaN through
