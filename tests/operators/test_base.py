import re

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


def test_moving_leaves_the_original_as_it_is():
    operator = PixelMask(torch.ones(3)) @ DenseMatrix(torch.ones(3, 5, dtype=torch.float64), (5,))
    moved = operator.to("meta", torch.float32)
    assert moved(torch.ones(5, device="meta")).device.type == "meta"
    assert operator(torch.ones(5)).tolist() == [5.0, 5.0, 5.0]
