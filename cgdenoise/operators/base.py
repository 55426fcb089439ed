"""Forward operators: linear maps from an image to measurements, each with its exact adjoint; and what is composed of them."""

from __future__ import annotations

import cmath
import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from numbers import Number, Real
from typing import Any, Self

import torch
from torch import Tensor

from cgdenoise.errors import OperatorError

Shape = tuple[int, ...]


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

    Operators compose: `A @ B` (first B), `A + B`, `A - B`, `-A`, `2 * A`, `A.H` (the adjoint), `A.normal` (A^H A), and `stack`.
    A complex number times an operator takes complex images, as a complex matrix does, unless the operator takes real ones only.

    Subclasses hold their tensors as attributes (`to` finds them there, also in tuples) and implement `_forward` and `_adjoint`,
    which may rely on the shape and the field of their input. Results have the precision of the input.

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

    _parts: tuple[ForwardOperator, ...] = ()
    __array_ufunc__ = None  # leaves the product with a number of NumPy to `__rmul__`

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

    @property
    def H(self) -> ForwardOperator:  # noqa: N802, as SciPy, PyLops and SigPy have it
        """The adjoint as an operator by itself."""
        return Adjoint(self)

    @property
    def normal(self) -> ForwardOperator:
        """The normal operator A^H A, which is its own adjoint."""
        return self.H @ self

    @property
    def complex_linear(self) -> bool:
        """Whether A (a x) = a A x for complex a wherever x may be complex; else the product is Re <u, v>."""
        return Field.REAL not in (self.domain, self.codomain) and all(part.complex_linear for part in self._parts)

    def __matmul__(self, inner: ForwardOperator) -> ForwardOperator:
        """Return the composition: first `inner`, then this operator."""
        return Composition(self, inner) if isinstance(inner, ForwardOperator) else NotImplemented

    def __add__(self, other: ForwardOperator) -> ForwardOperator:
        return Sum(self, other) if isinstance(other, ForwardOperator) else NotImplemented

    def __sub__(self, other: ForwardOperator) -> ForwardOperator:
        return Sum(self, -other) if isinstance(other, ForwardOperator) else NotImplemented

    def __neg__(self) -> ForwardOperator:
        return -1 * self

    def __mul__(self, factor: complex) -> ForwardOperator:
        """Return the multiple of this operator by a real or a complex number."""
        return Multiple(factor, self) if isinstance(factor, Number) else NotImplemented

    __rmul__ = __mul__

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
            setattr(moved, name, _moved(value, device, dtype))
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
        self._parts = outer, inner
        super().__init__(
            inner.in_shape,
            outer.out_shape,
            outer.domain if inner.domain is Field.EITHER else inner.domain,
            inner.codomain if outer.codomain is Field.EITHER else outer.codomain,
        )

    def _forward(self, x: Tensor) -> Tensor:
        outer, inner = self._parts
        return outer(inner(x))

    def _adjoint(self, y: Tensor) -> Tensor:
        outer, inner = self._parts
        return inner.adjoint(outer.adjoint(y))

    def __repr__(self) -> str:
        return " @ ".join(map(str, self._parts))


class Adjoint(ForwardOperator):
    """The adjoint of an operator as one by itself."""

    def __init__(self, operator: ForwardOperator):
        super().__init__(operator.out_shape, operator.in_shape, operator.codomain, operator.domain)
        self._parts = (operator,)

    @property
    def H(self) -> ForwardOperator:  # noqa: N802
        """The operator itself."""
        return self._parts[0]

    def _forward(self, x: Tensor) -> Tensor:
        return self._parts[0].adjoint(x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return self._parts[0](y)

    def __repr__(self) -> str:
        return f"({self._parts[0]}).H"


class Sum(ForwardOperator):
    """left + right, of the same shapes and fields; one that takes either field takes that of the other."""

    def __init__(self, left: ForwardOperator, right: ForwardOperator):
        if left.out_shape != right.out_shape:
            raise OperatorError(f"{left} + {right}; expected operators of equal shapes")
        self._parts = left, right
        super().__init__(left.in_shape, left.out_shape, *common_fields(self._parts))

    def _forward(self, x: Tensor) -> Tensor:
        left, right = self._parts
        return left(x) + right(x)

    def _adjoint(self, y: Tensor) -> Tensor:
        left, right = self._parts
        return left.adjoint(y) + right.adjoint(y)

    def __repr__(self) -> str:
        return f"({' + '.join(map(str, self._parts))})"


class Multiple(ForwardOperator):
    """factor * operator, for a finite real or complex number. With a complex one the measurements are complex."""

    def __init__(self, factor: complex, operator: ForwardOperator):
        self._factor = float(factor) if isinstance(factor, Real) else complex(factor)
        if not cmath.isfinite(self._factor):
            raise OperatorError(f"{self._factor} * {operator}; expected a finite number")
        domain, codomain = operator.domain, operator.codomain
        if isinstance(self._factor, complex):
            domain, codomain = Field.COMPLEX if domain is Field.EITHER else domain, Field.COMPLEX
        self._parts = (operator,)
        super().__init__(operator.in_shape, operator.out_shape, domain, codomain)

    def _forward(self, x: Tensor) -> Tensor:
        return self._factor * self._parts[0](x)

    def _adjoint(self, y: Tensor) -> Tensor:
        (operator,) = self._parts
        scaled = self._factor.conjugate() * y
        return operator.adjoint(scaled.real if operator.codomain is Field.REAL else scaled)

    def __repr__(self) -> str:
        return f"{self._factor} * {self._parts[0]}"


def common_fields(operators: Sequence[ForwardOperator]) -> tuple[Field, Field]:
    """Return the fields of what acts on one image by all operators; raise OperatorError if their shapes or fields differ."""
    names = ", ".join(map(str, operators))
    if len({operator.in_shape for operator in operators}) > 1:
        raise OperatorError(f"{names}: take images of different shapes; expected equal ones")
    domain, *other_domains = {operator.domain for operator in operators} - {Field.EITHER} or {Field.EITHER}
    codomain, *others = {domain if operator.codomain is Field.EITHER else operator.codomain for operator in operators}
    if other_domains or others:
        fields = ", ".join(f"{operator.domain} to {operator.codomain}" for operator in operators)
        raise OperatorError(f"{names}: are of different fields, {fields}; expected the same numbers on each side")
    return domain, codomain


def _moved(value: Any, device: torch.device | str | None, dtype: torch.dtype | None) -> Any:
    """Return a tensor or an operator, or those of a tuple, as `ForwardOperator.to` does; and anything else as it is."""
    if isinstance(value, ForwardOperator):
        return value.to(device, dtype)
    if isinstance(value, tuple):
        return tuple(_moved(item, device, dtype) for item in value)
    if not isinstance(value, Tensor):
        return value
    target = value.dtype
    if dtype is not None and (value.is_floating_point() or value.is_complex()):
        target = dtype.to_complex() if value.is_complex() else dtype.to_real()
    return value.to(device or value.device, target)


def size_of(shape: Shape) -> int:
    """Return how many numbers an array of that shape holds."""
    return math.prod(shape)
