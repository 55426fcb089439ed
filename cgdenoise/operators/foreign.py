"""Operators that somebody else has written, recognised by their methods.

One of these, each with NumPy arrays or PyTorch tensors inside:

- a `ForwardOperator`, which is taken as it is;
- `A(x)` and `A_adjoint(y)`, on batches [B, *in_shape] (deepinv's physics);
- `matvec(v)` and `rmatvec(v)`, on vectors in row-major order (SciPy's LinearOperator, PyLops);
- `op * x` and `op.H * y`, on single images (SigPy's linear operators).

Nothing is assumed of autograd inside: the gradient of a wrapped operator is its adjoint. Whether that is one is for
`cgdenoise.operators.checks.dot_test` to say, before a fit.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import Field, ForwardOperator, Shape, size_of
from cgdenoise.operators.tensors import Linear, linear

_EXPECTED = "expected a ForwardOperator, A and A_adjoint, matvec and rmatvec, or op * x and op.H"

_Map = Callable[[Any], Any]


def load_operator(reference: str, in_shape: Shape, device: torch.device | str = "cpu") -> ForwardOperator:
    """Return the operator that a user's function makes.

    Parameters
    ----------
    reference : str
        `package.module:factory`. The module is imported, from wherever `sys.path` finds it, and the factory is called with
        `in_shape`; it returns any of the objects that `wrap` takes.
    in_shape : tuple of int
        Of the images.
    device : torch.device or str
        As in `wrap`.

    Raises
    ------
    OperatorError
        If there is no such factory, if it fails, or if `wrap` refuses what it returns.
    """
    module_name, _, name = reference.partition(":")
    if not module_name or not name:
        raise OperatorError(f"operator {reference!r}; expected package.module:factory")
    try:
        factory = getattr(importlib.import_module(module_name), name)
    except Exception as error:  # also whatever the user's module raises
        raise OperatorError(f"operator {reference!r} cannot be imported: {_told(error)}") from error
    if not callable(factory):
        raise OperatorError(f"operator {reference!r} is a {type(factory).__name__}; expected a function of the images' shape")
    try:
        operator = factory(tuple(in_shape))
    except Exception as error:
        raise OperatorError(f"operator {reference!r} failed for images of shape {list(in_shape)}: {_told(error)}") from error
    return wrap(operator, in_shape, device)


def wrap(obj: Any, in_shape: Shape, device: torch.device | str = "cpu") -> ForwardOperator:
    """Return a forward operator that calls a user's object.

    It is tried on images of zeros, which tells the shape and the field of the measurements, whether the object works on NumPy
    arrays or on tensors, and if it insists on a precision, in which it is then always called. After that it is tried on a
    complex image and complex measurements: an operator that treats both parts alike takes either field.

    Parameters
    ----------
    obj
        An object as described above.
    in_shape : tuple of int
        Of the images.
    device : torch.device or str
        Where an object that works on tensors wants them. Those it is called with may be anywhere.

    Raises
    ------
    OperatorError
        If it is no such object, fails when it is tried, or gives results of other shapes than it should.
    """
    in_shape = tuple(in_shape)
    if isinstance(obj, ForwardOperator):
        if obj.in_shape != in_shape:
            raise OperatorError(f"{obj} is for images of shape {list(obj.in_shape)}; expected {list(in_shape)}")
        return obj
    maps = _methods(obj, in_shape)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of arrays of the wrong library, which is being found out
        return _try(type(obj).__name__, maps, in_shape, device)


class Foreign(ForwardOperator):
    """A pair of maps on batches of arrays, [B, *in_shape] to [B, *out_shape] and back. Made by `wrap`."""

    def __init__(self, name: str, maps: tuple[Linear, Linear], found: _Found, in_shape: Shape):
        self._name, self._maps, self._precision = name, maps, found.precision
        super().__init__(in_shape, found.out_shape, found.domain, found.codomain)

    def _forward(self, x: Tensor) -> Tensor:
        return linear(self._run_forward, self._run_adjoint, x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return linear(self._run_adjoint, self._run_forward, y)

    def _run_forward(self, x: Tensor) -> Tensor:
        return self._run(self._maps[0], x, self.in_shape, self.out_shape, self.codomain)

    def _run_adjoint(self, y: Tensor) -> Tensor:
        return self._run(self._maps[1], y, self.out_shape, self.in_shape, self.domain)

    def _run(self, of_batch: Linear, x: Tensor, shape: Shape, result_shape: Shape, field: Field) -> Tensor:
        leading = x.shape[: x.ndim - len(shape)]
        batch = x.detach().reshape(-1, *shape)
        result = of_batch(batch if self._precision is None else batch.to(_of(self._precision, x.is_complex())))
        if result.shape[1:] != result_shape:
            raise OperatorError(f"{self} gave {list(result.shape[1:])}; expected {list(result_shape)}")
        is_complex = x.is_complex() if field is Field.EITHER else field is Field.COMPLEX
        result = result if is_complex or not result.is_complex() else result.real
        return result.to(x.device, _of(x.dtype, is_complex)).reshape(*leading, *result_shape)

    def __repr__(self) -> str:
        return f"{self._name}({list(self.in_shape)} -> {list(self.out_shape)})"


@dataclass(frozen=True)
class _Found:
    """What trying an object has shown. It is called in `precision`, or in that of the input if that is None."""

    out_shape: Shape
    domain: Field
    codomain: Field
    precision: torch.dtype | None


def _try(name: str, maps: tuple[_Map, _Map], in_shape: Shape, device: torch.device | str) -> ForwardOperator:
    failures = []
    for library, convert in _LIBRARIES.items():
        ahead, back = (_on_tensors(of_batch, convert, device) for of_batch in maps)
        try:
            return Foreign(name, (ahead, back), _found(name, ahead, back, in_shape), in_shape)
        except OperatorError:
            raise
        except Exception as error:  # whatever a user's code raises
            failures.append(f"with {library}, {_told(error)}")
    raise OperatorError(f"{name} failed on images of shape {list(in_shape)}: {'; '.join(failures)}")


def _found(name: str, ahead: Linear, back: Linear, in_shape: Shape) -> _Found:
    """Try real zeros first, then those for which less is known: only complex matrices of PyTorch refuse real vectors."""
    first = None
    for dtype in (torch.float32, torch.complex64, torch.float64, torch.complex128):
        try:
            y = ahead(torch.zeros(1, *in_shape, dtype=dtype))
            x = back(y)
        except Exception as error:
            first = first or error
            continue
        if x.shape[1:] != in_shape or y.shape[0] != 1:
            raise OperatorError(f"{name} took {list(in_shape)} to {list(y.shape[1:])} and back to {list(x.shape[1:])}")
        domain, codomain = (Field.COMPLEX if array.is_complex() else Field.REAL for array in (x, y))
        out_shape = tuple(y.shape[1:])
        if domain is codomain is Field.REAL and all(
            _is_complex_linear(of_batch, shape, dtype) for of_batch, shape in ((ahead, in_shape), (back, out_shape))
        ):
            domain = codomain = Field.EITHER
        return _Found(out_shape, domain, codomain, None if _takes_double(ahead, in_shape, dtype) else dtype.to_real())
    assert first is not None
    raise first


def _is_complex_linear(of_batch: Linear, shape: Shape, dtype: torch.dtype) -> bool:
    rng = np.random.default_rng(0)
    real, imaginary = (torch.from_numpy(rng.standard_normal((1, *shape))).to(dtype) for _ in range(2))
    try:
        together = of_batch(torch.complex(real, imaginary))
        expected = torch.complex(of_batch(real), of_batch(imaginary))
    except Exception:  # it does not take complex images
        return False
    # By hand: well above the rounding of float32, and far below what an operator that is not linear so makes.
    return together.is_complex() and bool((together - expected).norm() <= 1e-4 * expected.norm())


def _takes_double(forward: Linear, in_shape: Shape, dtype: torch.dtype) -> bool:
    try:
        forward(torch.zeros(1, *in_shape, dtype=_of(torch.float64, dtype.is_complex)))
    except Exception:
        return False
    return dtype.to_real() is torch.float32


def _methods(obj: Any, in_shape: Shape) -> tuple[_Map, _Map]:
    """Return the object's two maps on batches, of arrays or of tensors as they come."""
    if callable(getattr(obj, "A", None)) and callable(getattr(obj, "A_adjoint", None)):
        return obj.A, obj.A_adjoint
    if callable(getattr(obj, "matvec", None)) and callable(getattr(obj, "rmatvec", None)):
        size = size_of(in_shape)
        if getattr(obj, "shape", (0, size))[1] != size:
            raise OperatorError(f"{type(obj).__name__} of shape {list(obj.shape)}; expected {size} columns for {list(in_shape)}")
        return _each(lambda x: obj.matvec(x.reshape(-1))), _each(lambda y: obj.rmatvec(y).reshape(in_shape))
    if hasattr(obj, "H") and hasattr(obj, "__mul__") and not isinstance(obj, np.ndarray | Tensor):
        return _each(lambda x: obj * x), _each(lambda y: obj.H * y)
    raise OperatorError(f"a {type(obj).__name__} is no operator; {_EXPECTED}")


def _each(single: _Map) -> _Map:
    """Return the map on batches that works on one at a time."""

    def on_batch(batch: Any) -> Any:
        results = [single(item) for item in batch]
        return torch.stack(results) if all(isinstance(result, Tensor) for result in results) else np.stack(results)

    return on_batch


def _on_tensors(of_batch: _Map, convert: _Map, device: torch.device | str) -> Linear:
    """Return the map on tensors of one that works on a library's arrays and is to return the same."""

    def on_tensors(batch: Tensor) -> Tensor:
        argument = convert(batch.to(device))
        result = of_batch(argument)
        if not isinstance(result, type(argument)):
            raise TypeError(f"got {type(result).__name__} instead of {type(argument).__name__}")
        return torch.as_tensor(result)

    return on_tensors


def _of(precision: torch.dtype, is_complex: bool) -> torch.dtype:
    return precision.to_complex() if is_complex else precision.to_real()


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".split("\n", 1)[0]


_LIBRARIES: dict[str, _Map] = {"NumPy arrays": lambda x: x.numpy(force=True), "tensors": lambda x: x}
