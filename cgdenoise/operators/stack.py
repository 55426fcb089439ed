"""Several measurements of one image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cgdenoise.errors import OperatorError
from cgdenoise.operators.base import ForwardOperator, common_fields


def stack(operators: Sequence[ForwardOperator]) -> ForwardOperator:
    """Return what measures one image by several operators: [..., *in_shape] to [..., n, *out_shape], in their order.

    Coils and views are such: their results get a new first axis, on which operators of the whole stack (the Fourier transform
    of all coils, a mask) go on. Noise of different strengths is made the same by factors, `stack([A, 1 / s * B])`, with the
    measurements of B divided by s likewise.

    Parameters
    ----------
    operators : sequence of ForwardOperator
        One or more, of equal shapes; the fields as in a sum: one that takes either field takes that of the others.

    Raises
    ------
    OperatorError
        If there is none, or if their shapes or fields differ.
    """
    parts = tuple(operators)
    if not parts:
        raise OperatorError("a stack of no operators; expected one at least")
    if len({part.out_shape for part in parts}) > 1:
        raise OperatorError(f"a stack of {', '.join(map(str, parts))}; expected measurements of equal shapes")
    return Stack(parts)


class Stack(ForwardOperator):
    """Made by `stack`."""

    def __init__(self, parts: tuple[ForwardOperator, ...]):
        self._parts = parts
        super().__init__(parts[0].in_shape, (len(parts), *parts[0].out_shape), *common_fields(parts))

    def _forward(self, x: Tensor) -> Tensor:
        return torch.stack([part(x) for part in self._parts], -len(self.out_shape))

    def _adjoint(self, y: Tensor) -> Tensor:
        first, *others = (part.adjoint(values) for part, values in zip(self._parts, y.unbind(-len(self.out_shape)), strict=True))
        return sum(others, first)

    def __repr__(self) -> str:
        return f"stack([{', '.join(map(str, self._parts))}])"
