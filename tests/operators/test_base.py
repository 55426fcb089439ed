import math
import re

import numpy as np
import pytest
import torch

from cgdenoise.errors import OperatorError
from cgdenoise.operators import ComplexFromReal, DenseMatrix, Field, ForwardOperator, Fourier, PixelMask


def test_composition_runs_from_right_to_left():
    first, then = torch.tensor([[1.0, 2], [3, 4], [5, 6]]), torch.tensor([[1.0, -1, 2]])
    both = DenseMatrix(then, (3,)) @ DenseMatrix(first, (2,))
    torch.testing.assert_close(both(torch.eye(2)), (then @ first).mT)
    assert (both.in_shape, both.out_shape) == ((2,), (1,))
    assert repr(both) == "DenseMatrix([3] -> [1]) @ DenseMatrix([2] -> [3])"


def test_composition_takes_the_fields_of_its_parts():
    mask, fourier, real = PixelMask(torch.ones(3, 5)), Fourier((3, 5)), ComplexFromReal((3, 5))
    fields = [(part.domain, part.codomain) for part in (mask @ mask, mask @ fourier, fourier @ mask, mask @ real, real @ mask)]
    either, complexes = (Field.EITHER, Field.EITHER), (Field.COMPLEX, Field.COMPLEX)
    assert fields == [either, complexes, complexes, (Field.REAL, Field.COMPLEX), (Field.REAL, Field.COMPLEX)]


def test_composition_names_both_operators_and_whole_shapes():
    with pytest.raises(OperatorError, match=r"PixelMask\(\[3, 5\] .* @ Fourier.*takes \[3, 5\], the right gives \[2, 3, 5\]"):
        PixelMask(torch.ones(3, 5)) @ Fourier((2, 3, 5))


def test_composition_of_different_fields_is_refused():
    with pytest.raises(OperatorError, match="takes real numbers, the right gives complex"):
        ComplexFromReal((3, 5)) @ Fourier((3, 5))


def test_error_names_the_operator_and_whole_shapes():
    with pytest.raises(OperatorError, match=r"PixelMask\(\[3, 5\] -> \[3, 5\]\) takes .* \[..., 3, 5\]; found \[2, 3, 6\]"):
        PixelMask(torch.ones(3, 5))(torch.ones(2, 3, 6))


class Written(ForwardOperator):
    """What a user writes: any two functions, said to take images [5, 7] to measurements [2, 3]."""

    def __init__(self, forward, adjoint):
        super().__init__((5, 7), (2, 3))
        self._forward, self._adjoint = forward, adjoint

    def _forward(self, x): ...

    def _adjoint(self, y): ...


@pytest.mark.parametrize("leading", [(), (4, 1)])
@pytest.mark.parametrize("shape", [(2, 4), (3,), (6, 1, 2, 3)])
def test_result_of_another_shape_than_was_said_is_refused(leading, shape):
    wrong = Written(lambda x: x.new_zeros(shape), lambda y: y.new_zeros(shape))
    images, measurements = ([*leading, *sides] for sides in ((5, 7), (2, 3)))
    told = r"Written([5, 7] -> [2, 3]): {} returned the shape {}; expected {}"
    with pytest.raises(OperatorError, match=re.escape(told.format("_forward", list(shape), measurements))):
        wrong(torch.ones(images))
    with pytest.raises(OperatorError, match=re.escape(told.format("_adjoint", list(shape), images))):
        wrong.adjoint(torch.ones(measurements))


def test_part_of_a_composition_that_is_wrong_is_named():
    wrong = Written(lambda x: x, lambda y: y)
    with pytest.raises(OperatorError, match=r"^Written\(\[5, 7\] -> \[2, 3\]\): _forward"):
        (PixelMask(torch.ones(2, 3)) @ wrong)(torch.ones(5, 7))


@pytest.mark.parametrize("shape", [(), (0, 3), (3, -1)])
def test_empty_shapes_are_refused(shape):
    class Identity(ForwardOperator):
        def _forward(self, x):
            return x

        def _adjoint(self, y):
            return y

    with pytest.raises(OperatorError, match="at least 1"):
        Identity(shape, shape)


MATRICES = torch.tensor([[[1.0, 2, 3], [4, 5, 6]], [[0, 1, 0], [2, 0, -1]]])
A, B = (DenseMatrix(matrix, (3,)) for matrix in MATRICES)


def matrix_of(operator: ForwardOperator) -> torch.Tensor:
    return operator(torch.eye(operator.in_shape[0])).mT


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (A + B, MATRICES[0] + MATRICES[1]),
        (A - B, MATRICES[0] - MATRICES[1]),
        (-A, -MATRICES[0]),
        (2 * A, 2 * MATRICES[0]),
        (A * 0.5, MATRICES[0] / 2),
        (np.float32(2) * A, 2 * MATRICES[0]),
        (np.float64(2) * A, 2 * MATRICES[0]),
        (A.H, MATRICES[0].mT),
        (A.normal, MATRICES[0].mT @ MATRICES[0]),
        (A.H.normal, MATRICES[0] @ MATRICES[0].mT),
        (2 * A + B @ A.normal - A, MATRICES[0] + MATRICES[1] @ MATRICES[0].mT @ MATRICES[0]),
    ],
    ids=str,
)
def test_arithmetic_is_that_of_the_matrices(operator, expected):
    torch.testing.assert_close(matrix_of(operator), expected)
    torch.testing.assert_close(matrix_of(operator.H), expected.mT)


def test_adjoint_of_the_adjoint_is_the_operator():
    assert A.H.H is A
    assert repr((A + B).H) == "((DenseMatrix([3] -> [2]) + DenseMatrix([3] -> [2]))).H"


@pytest.mark.parametrize("factor", [2j, np.complex64(2j)])
def test_complex_multiple_has_complex_measurements(factor):
    real, complexes = ComplexFromReal((3,)).normal, Fourier((1, 3))
    fields = [((factor * part).domain, (factor * part).codomain) for part in (A, real, real.H, ComplexFromReal((3,)), complexes)]
    both, measured = (Field.COMPLEX, Field.COMPLEX), (Field.REAL, Field.COMPLEX)
    assert fields == [both, measured, measured, measured, both]
    assert (factor * real)(torch.tensor([1.0, 2, 3])).tolist() == [2j, 4j, 6j]
    assert (factor * real).adjoint(torch.tensor([1j, 2, 3j])).tolist() == [2, 0, 6]


def test_linear_over_the_complex_numbers_or_the_reals():
    real = ComplexFromReal((3, 5))
    over_complex = [A, Fourier((3, 5)), 2j * A, Fourier((3, 5)).normal]
    over_reals = [real, real.H, real @ real.H, real.H.normal, real @ real.H + Fourier((3, 5)), 2j * real.H]
    assert [operator.complex_linear for operator in over_complex] == [True] * 4
    assert [operator.complex_linear for operator in over_reals] == [False] * 6


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: A + A.H, "DenseMatrix([3] -> [2]) + (DenseMatrix([3] -> [2])).H; expected operators of equal shapes"),
        (lambda: A - DenseMatrix(torch.ones(2, 5), (5,)), "take images of different shapes"),
        (lambda: Fourier((3, 5)) + ComplexFromReal((3, 5)), "complex to complex, real to complex; expected the same numbers"),
        (lambda: math.nan * A, "nan * DenseMatrix([3] -> [2]); expected a finite number"),
        (lambda: complex(0, math.inf) * A, "infj * DenseMatrix"),
    ],
)
def test_what_does_not_add_or_multiply(make, told):
    with pytest.raises(OperatorError, match=re.escape(told)):
        make()


@pytest.mark.parametrize("other", [3, "A", np.ones(3), torch.ones(3)])
def test_other_things_are_no_operators(other):
    for act in (lambda: A + other, lambda: A - other, lambda: A @ other):
        with pytest.raises(TypeError, match=r"unsupported operand|does not support"):
            act()


@pytest.mark.parametrize("other", ["A", np.ones(3), torch.ones(3), A])
def test_what_is_no_factor(other):
    with pytest.raises(TypeError, match=r"unsupported operand|can't multiply sequence|does not support"):
        A * other


def test_moving_leaves_the_original_as_it_is():
    operator = PixelMask(torch.ones(3)) @ DenseMatrix(torch.ones(3, 5, dtype=torch.float64), (5,))
    moved = operator.to("meta", torch.float32)
    assert moved(torch.ones(5, device="meta")).device.type == "meta"
    assert operator(torch.ones(5)).tolist() == [5.0, 5.0, 5.0]


def test_moving_finds_the_parts_of_what_is_composed():
    moved = (2 * (A + B).H).to("cpu", torch.float64)
    assert moved(torch.ones(2)).dtype is torch.float32
    assert {part._matrix.dtype for part in moved._parts[0]._parts[0]._parts} == {torch.float64}
    assert A._matrix.dtype is torch.float32
