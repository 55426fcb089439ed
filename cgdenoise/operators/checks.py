"""Checks for people who write operators: each returns how well it went, or raises with both numbers.

An operator is sound if it passes `dot_test`, `linearity_test` and `gradient_test` in the precision it is used in.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import Field, ForwardOperator, Shape


def dot_test(
    operator: ForwardOperator, rng: torch.Generator, rtol: float | None = None, *, dtype: torch.dtype = torch.float32
) -> float:
    """Hold <A x, y> against <x, A^H y> for random x and y (Claerbout's dot-product test).

    Parameters
    ----------
    operator : ForwardOperator
        It takes tensors of the generator's device.
    rng : torch.Generator
        For x and y, whose entries are standard normal. An operator of either field is tested in both.
    rtol : float or None
        Largest difference allowed, as a part of ||A x|| ||y|| or ||x|| ||A^H y||, whichever is more. None allows 100 times
        the rounding of `dtype` (by hand). An adjoint that is wrong everywhere is out by about 1 / sqrt(m) for m measurements.
    dtype : torch.dtype
        float32, in which the fits run, or float64; complex vectors have the same precision.

    Returns
    -------
    float
        The largest difference found, as a part of the same.

    Raises
    ------
    OperatorError
        If the difference is larger or not finite; the message has both inner products.
    """
    worst = 0.0
    for domain, codomain in _fields(operator):
        x, y = _normal(operator.in_shape, domain, rng, dtype), _normal(operator.out_shape, codomain, rng, dtype)
        ahead, back = operator(x), operator.adjoint(y)
        left, right = _inner(ahead, y), _inner(x, back)
        if not operator.complex_linear:
            left, right = complex(left.real), complex(right.real)
        scale = max(_norm(ahead) * _norm(y), _norm(x) * _norm(back))
        error = _relative(abs(left - right), scale)
        if not error <= _tolerance(rtol, dtype):
            raise OperatorError(
                f"{operator}: its adjoint is not the adjoint: <A x, y> = {_number(left)} but <x, A^H y> = {_number(right)} "
                f"for random x and y, {error:.2g} apart relative to the norms; expected at most {_tolerance(rtol, dtype):.2g}"
            )
        worst = max(worst, error)
    return worst


def linearity_test(
    operator: ForwardOperator, rng: torch.Generator, rtol: float | None = None, *, dtype: torch.dtype = torch.float32
) -> float:
    """Hold A(a x + z) against a A x + A z for random a, x and z, and the adjoint likewise. Parameters as in `dot_test`.

    Raises
    ------
    OperatorError
        If the two differ by more than `rtol` of their norms; the message has these.
    """
    worst = 0.0
    for domain, codomain in _fields(operator):
        factors = Field.COMPLEX if domain is Field.COMPLEX and operator.complex_linear else Field.REAL
        for name, act, shape, field in (
            ("operator", operator, operator.in_shape, domain),
            ("adjoint", operator.adjoint, operator.out_shape, codomain),
        ):
            x, z = (_normal(shape, field, rng, dtype) for _ in range(2))
            a = _normal((1,), factors, rng, dtype)[0]
            left, x_mapped, z_mapped = act(a * x + z), act(x), act(z)
            right = a * x_mapped + z_mapped
            scale = max(_norm(left), abs(a.item()) * _norm(x_mapped) + _norm(z_mapped))
            error = _relative(_norm(left - right), scale)
            if not error <= _tolerance(rtol, dtype):
                raise OperatorError(
                    f"{operator}: its {name} is not linear: A(a x + z) has the norm {_norm(left):.6g}, a A x + A z has "
                    f"{_norm(right):.6g}, and their difference {_norm(left - right):.2g}"
                )
            worst = max(worst, error)
    return worst


def gradient_test(
    operator: ForwardOperator, rng: torch.Generator, rtol: float | None = None, *, dtype: torch.dtype = torch.float32
) -> float:
    """Hold the gradient that autograd gives through the operator against its adjoint, and the other way round.

    Parameters as in `dot_test`.

    Raises
    ------
    OperatorError
        If the two differ by more than `rtol` of their norms, or there is no gradient.
    """
    worst = 0.0
    for domain, codomain in _fields(operator):
        for name, act, transposed, shapes, fields in (
            ("operator", operator, operator.adjoint, (operator.in_shape, operator.out_shape), (domain, codomain)),
            ("adjoint", operator.adjoint, operator, (operator.out_shape, operator.in_shape), (codomain, domain)),
        ):
            x, y = (_normal(shape, field, rng, dtype) for shape, field in zip(shapes, fields, strict=True))
            result = act(x.requires_grad_())
            if not result.requires_grad:
                raise OperatorError(f"{operator}: autograd gives no gradient through its {name}")
            (gradient,) = torch.autograd.grad(result, x, y)
            expected = transposed(y)
            error = _relative(_norm(gradient - expected), max(_norm(gradient), _norm(expected)))
            if not error <= _tolerance(rtol, dtype):
                raise OperatorError(
                    f"{operator}: the gradient through its {name} has the norm {_norm(gradient):.6g}, what it should be "
                    f"{_norm(expected):.6g}, and their difference {_norm(gradient - expected):.2g}"
                )
            worst = max(worst, error)
    return worst


def _fields(operator: ForwardOperator) -> list[tuple[Field, Field]]:
    if operator.domain is Field.EITHER:
        return [(Field.REAL, Field.REAL), (Field.COMPLEX, Field.COMPLEX)]
    return [(operator.domain, operator.codomain)]


def _normal(shape: Shape, field: Field, rng: torch.Generator, dtype: torch.dtype) -> Tensor:
    of = dtype.to_complex() if field is Field.COMPLEX else dtype
    return torch.randn(shape, generator=rng, dtype=of, device=rng.device)


def _inner(u: Tensor, v: Tensor) -> complex:
    """Return sum conj(u) v, summed in double precision."""
    double = torch.complex128 if u.is_complex() or v.is_complex() else torch.float64
    return complex(torch.vdot(u.detach().flatten().to(double), v.detach().flatten().to(double)).item())


def _norm(x: Tensor) -> float:
    return float(x.detach().norm())


def _relative(difference: float, scale: float) -> float:
    """Return the quotient; 0 for the zero operator, which is right in all."""
    return difference / scale if scale else difference


def _tolerance(rtol: float | None, dtype: torch.dtype) -> float:
    return 100 * torch.finfo(dtype).eps if rtol is None else rtol


def _number(value: complex) -> str:
    return f"{value.real:.8g}" if value.imag == 0 else f"{value:.8g}"
