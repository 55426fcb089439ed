import math
import re

import pytest
import torch

from cgdenoise.errors import OperatorError
from cgdenoise.operators import ComplexFromReal, Field, ForwardOperator
from cgdenoise.operators.checks import dot_test, gradient_test, linearity_test

CHECKS = [dot_test, linearity_test, gradient_test]


class Written(ForwardOperator):
    """What a user writes: any two functions on images [5, 7]."""

    def __init__(self, forward, adjoint, domain=Field.REAL, codomain=Field.REAL):
        super().__init__((5, 7), (5, 7), domain, codomain)
        self._forward, self._adjoint = forward, adjoint

    def _forward(self, x): ...

    def _adjoint(self, y): ...


WEIGHTS = torch.linspace(-1, 2, 35).view(5, 7)
SOUND = Written(lambda x: x * WEIGHTS.to(x.dtype), lambda y: y * WEIGHTS.to(y.dtype))


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sound_operator_passes_and_tells_its_rounding(check, dtype, rng):
    assert 0 <= check(SOUND, rng, dtype=dtype) < 10 * torch.finfo(dtype).eps


def test_dot_test_gives_both_inner_products(rng):
    with pytest.raises(OperatorError) as caught:
        dot_test(Written(lambda x: x * WEIGHTS, lambda y: y), rng)
    again = torch.Generator().manual_seed(0)
    x, y = torch.randn(5, 7, generator=again), torch.randn(5, 7, generator=again)
    left, right = re.search(r"<A x, y> = (\S+) but <x, A\^H y> = (\S+) for", str(caught.value)).groups()
    assert float(left) == pytest.approx(float((x * WEIGHTS * y).sum()), rel=1e-5)
    assert float(right) == pytest.approx(float((x * y).sum()), rel=1e-5)


def shifted(x: torch.Tensor, by: int) -> torch.Tensor:
    return x.roll(by, -1)


@pytest.mark.parametrize(
    ("forward", "adjoint"),
    [
        (lambda x: shifted(x, 1), lambda y: shifted(y, 1)),
        (lambda x: x, lambda y: -y),
        (lambda x: x, lambda y: y * 1.001),
        (lambda x: x, lambda y: y * math.nan),
        (lambda x: x * math.inf, lambda y: y),
        (lambda x: x, torch.zeros_like),
    ],
    ids=["not undone", "sign", "scale", "nan", "infinite", "zero"],
)
def test_dot_test_finds_a_wrong_adjoint(forward, adjoint, rng):
    with pytest.raises(OperatorError, match="its adjoint is not the adjoint"):
        dot_test(Written(forward, adjoint), rng)


def test_dot_test_finds_a_transpose_without_conjugation(rng):
    wrong = Written(lambda x: x * 1j, lambda y: y * 1j, Field.COMPLEX, Field.COMPLEX)
    with pytest.raises(OperatorError, match="not the adjoint"):
        dot_test(wrong, rng)


def test_dot_test_tries_both_fields(rng):
    real_only = Written(lambda x: x, lambda y: y.conj(), Field.EITHER, Field.EITHER)
    with pytest.raises(OperatorError, match=r"<A x, y> = .*j but"):
        dot_test(real_only, rng)


def test_dot_test_between_fields_is_that_of_the_real_parts(rng):
    dot_test(ComplexFromReal((5, 7)), rng)


@pytest.mark.parametrize(("forward", "adjoint"), [(lambda x: x[..., 1:], lambda y: y), (lambda x: x, lambda y: y[None])])
def test_dot_test_holds_the_shapes(forward, adjoint, rng):
    with pytest.raises(OperatorError, match=r"returned the shape .*; expected \[5, 7\]"):
        dot_test(Written(forward, adjoint), rng)


def test_tolerance_is_the_callers(rng):
    nearly = Written(lambda x: x, lambda y: y * 1.001)
    assert 1e-5 < dot_test(nearly, rng, 1e-2) < 1e-2


@pytest.mark.parametrize(
    ("forward", "adjoint", "name"),
    [
        (lambda x: x + 1, lambda y: y, "operator"),
        (torch.relu, lambda y: y, "operator"),
        (lambda x: x, lambda y: y.square(), "adjoint"),
        (lambda x: x * math.nan, lambda y: y, "operator"),
    ],
)
def test_linearity_test_names_what_is_not_linear(forward, adjoint, name, rng):
    with pytest.raises(OperatorError, match=rf"its {name} is not linear: A\(a x \+ z\) has the norm"):
        linearity_test(Written(forward, adjoint), rng)


def test_linearity_test_is_over_the_complex_numbers_if_both_sides_are(rng):
    conjugation = Written(torch.conj, torch.conj, Field.COMPLEX, Field.COMPLEX)
    with pytest.raises(OperatorError, match="not linear"):
        linearity_test(conjugation, rng)


def test_gradient_test_finds_what_autograd_does_not_see(rng):
    with pytest.raises(OperatorError, match="no gradient through its operator"):
        gradient_test(Written(lambda x: x.detach(), lambda y: y), rng)
    with pytest.raises(OperatorError, match="the gradient through its operator has the norm"):
        gradient_test(Written(lambda x: x + x.detach(), lambda y: 2 * y), rng)
    with pytest.raises(OperatorError, match="the gradient through its adjoint has the norm"):
        gradient_test(Written(lambda x: 2 * x, lambda y: y + y.detach()), rng)
