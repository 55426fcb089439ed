"""Forward operators: linear maps from an image to measurements, each with its exact adjoint; composed with @."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Self

import torch
from torch import Tensor

from cgdenoise.errors import OperatorError

Shape = tuple[int, ...]
Linear = Callable[[Tensor], Tensor]


class Field(StrEnum):
    """The numbers that the arrays on one side of an operator consist of."""

    REAL = "real"
    COMPLEX = "complex"
    EITHER = "real or complex"  # complex-linear with real coefficients: both sides are what the input is


class ForwardOperator(ABC):
    """A linear map A between arrays of two fixed shapes, and its adjoint A^H.

    The adjoint is that of the inner product <u, v> = sum conj(u) v. Where one side is real and the other complex, A is linear
    over the reals only, and the product is Re <u, v>. Both maps are differentiable, and the gradient that autograd gives
    through one is, in PyTorch's convention, the other: the fit needs no more.

    Subclasses hold their tensors as attributes (`to` finds them there) and implement `_forward` and `_adjoint`, which may
    rely on the shape and the field of their input. Results have the precision of the input.

    Parameters
    ----------
    in_shape, out_shape : tuple of int
        Shapes of x and of A x, without batch dimensions; sides of at least 1.
    domain, codomain : Field
        What x and A x consist of; both EITHER or neither.

    Raises
    ------
    OperatorError
        If a shape is empty or has a side below 1.
    """

    def __init__(self, in_shape: Shape, out_shape: Shape, domain: Field = Field.EITHER, codomain: Field | None = None):
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        self.domain, self.codomain = domain, domain if codomain is None else codomain
        if not (self.in_shape and self.out_shape and min(self.in_shape + self.out_shape) >= 1):
            raise OperatorError(f"{self}: expected shapes with all sides at least 1")

    @abstractmethod
    def _forward(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def _adjoint(self, y: Tensor) -> Tensor: ...

    def __call__(self, x: Tensor) -> Tensor:
        """Return A x.

        Parameters
        ----------
        x : Tensor
            [..., *in_shape]; float32, float64, complex64 or complex128, as `domain` says.

        Returns
        -------
        Tensor
            [..., *out_shape], in the precision of `x`.

        Raises
        ------
        OperatorError
            If `x` has another shape or is of the wrong field, or if what a subclass computed has not the shape that it should.
        """
        self._check(x, self.in_shape, self.domain, "takes images")
        result = self._forward(x)
        self._check_result("_forward", result, (*x.shape[: x.ndim - len(self.in_shape)], *self.out_shape))
        return result

    def adjoint(self, y: Tensor) -> Tensor:
        """Return A^H y, [..., *in_shape], for measurements [..., *out_shape]; the rest as in a call."""
        self._check(y, self.out_shape, self.codomain, "gives measurements")
        result = self._adjoint(y)
        self._check_result("_adjoint", result, (*y.shape[: y.ndim - len(self.out_shape)], *self.in_shape))
        return result

    def normal(self, x: Tensor) -> Tensor:
        """Return A^H A x."""
        return self.adjoint(self(x))

    def __matmul__(self, inner: ForwardOperator) -> ForwardOperator:
        """Return the composition: first `inner`, then this operator."""
        return Composition(self, inner)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """Return this operator with the tensors it holds on a device and in a precision.

        Any precision of input is served whatever they are in, but at a conversion in every call if it is another.

        Parameters
        ----------
        device : torch.device, str or None
            None leaves them where they are.
        dtype : torch.dtype or None
            float32 or float64; complex tensors take the complex type of that precision, integers and masks stay.
        """
        moved = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, ForwardOperator):
                setattr(moved, name, value.to(device, dtype))
            elif isinstance(value, Tensor):
                target = value.dtype
                if dtype is not None and (value.is_floating_point() or value.is_complex()):
                    target = dtype.to_complex() if value.is_complex() else dtype.to_real()
                setattr(moved, name, value.to(device or value.device, target))
        return moved

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self.in_shape)} -> {list(self.out_shape)})"

    def _check(self, array: Tensor, shape: Shape, field: Field, does: str) -> None:
        sides = len(shape)
        if array.ndim < sides or tuple(array.shape[array.ndim - sides :]) != shape:
            expected = ", ".join(["...", *map(str, shape)])
            raise OperatorError(f"{self} {does} of shape [{expected}]; found {list(array.shape)}")
        if not (array.is_floating_point() or array.is_complex()):
            raise OperatorError(f"{self} {does} of {field} numbers in floating point; found {array.dtype}")
        if field is not Field.EITHER and array.is_complex() != (field is Field.COMPLEX):
            raise OperatorError(f"{self} {does} of {field} numbers; found {array.dtype}")

    def _check_result(self, method: str, result: Tensor, shape: Shape) -> None:
        if result.shape != shape:
            raise OperatorError(f"{self}: {method} returned the shape {list(result.shape)}; expected {list(shape)}")


class Composition(ForwardOperator):
    """outer @ inner: the first to act is the last written."""

    def __init__(self, outer: ForwardOperator, inner: ForwardOperator):
        if outer.in_shape != inner.out_shape:
            raise OperatorError(
                f"{outer} @ {inner}: the left takes {list(outer.in_shape)}, the right gives {list(inner.out_shape)}"
            )
        if Field.EITHER not in (outer.domain, inner.codomain) and outer.domain is not inner.codomain:
            raise OperatorError(f"{outer} @ {inner}: the left takes {outer.domain} numbers, the right gives {inner.codomain}")
        self._outer, self._inner = outer, inner
        super().__init__(
            inner.in_shape,
            outer.out_shape,
            outer.domain if inner.domain is Field.EITHER else inner.domain,
            inner.codomain if outer.codomain is Field.EITHER else outer.codomain,
        )

    def _forward(self, x: Tensor) -> Tensor:
        return self._outer(self._inner(x))

    def _adjoint(self, y: Tensor) -> Tensor:
        return self._inner.adjoint(self._outer.adjoint(y))

    def __repr__(self) -> str:
        return f"{self._outer} @ {self._inner}"


class Adjoint(ForwardOperator):
    """The adjoint of an operator as one by itself."""

    def __init__(self, operator: ForwardOperator):
        super().__init__(operator.out_shape, operator.in_shape, operator.codomain, operator.domain)
        self._operator = operator

    def _forward(self, x: Tensor) -> Tensor:
        return self._operator.adjoint(x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return self._operator(y)


def linear(forward: Linear, adjoint: Linear, x: Tensor) -> Tensor:
    """Return forward(x), with the adjoint as its gradient.

    For maps that autograd cannot see through, or for which it would keep more than it needs: a linear map's gradient takes
    none of its input.
    """
    result: Tensor = _Linear.apply(forward, adjoint, x)  # type: ignore[no-untyped-call]
    return result


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, forward: Linear, adjoint: Linear, x: Tensor) -> Tensor:
        ctx.maps = forward, adjoint
        return forward(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        forward, adjoint = ctx.maps
        return None, None, linear(adjoint, forward, gradients[0])


def on_parts(real_map: Linear, x: Tensor) -> Tensor:
    """Apply a real-linear map that treats leading dimensions alike to a real array, or to both parts of a complex one."""
    if not x.is_complex():
        return real_map(x)
    real, imaginary = real_map(torch.stack([x.real, x.imag]))
    return torch.complex(real, imaginary)


def like(held: Tensor, x: Tensor) -> Tensor:
    """Return a held tensor in the precision of the input."""
    return held.to(x.dtype.to_complex() if held.is_complex() else x.dtype.to_real())


def size_of(shape: Shape) -> int:
    """Return how many numbers an array of that shape holds."""
    return math.prod(shape)
