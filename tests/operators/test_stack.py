import re

import numpy as np
import pytest
import torch

from cgdenoise.errors import OperatorError
from cgdenoise.operators import Coils, ComplexFromReal, DenseMatrix, Field, Fourier, PixelMask, Reshape, stack

MAPS = np.random.default_rng(0).standard_normal((3, 4, 5)) + 1j * np.random.default_rng(1).standard_normal((3, 4, 5))


def test_views_get_a_first_axis_in_their_order():
    views = stack([DenseMatrix(torch.eye(2), (2,)), DenseMatrix(3 * torch.eye(2), (2,))])
    assert (views.in_shape, views.out_shape) == ((2,), (2, 2))
    assert views(torch.tensor([[1.0, 2], [5, 6]])).tolist() == [[[1, 2], [3, 6]], [[5, 6], [15, 18]]]
    assert views.adjoint(torch.tensor([[1.0, 2], [3, 4]])).tolist() == [10, 14]
    assert repr(views) == "stack([DenseMatrix([2] -> [2]), DenseMatrix([2] -> [2])])"


def test_coils_are_a_stack_on_which_operators_go_on():
    x = torch.from_numpy(MAPS[0])
    products = [DenseMatrix(np.diag(one.ravel()), (4, 5)) for one in MAPS]
    scan = Fourier((3, 4, 5)) @ Reshape((3, 20), (3, 4, 5)) @ stack(products)
    torch.testing.assert_close(scan(x), (Fourier((3, 4, 5)) @ Coils(MAPS))(x))


def test_fields_are_those_of_a_sum():
    mask = PixelMask(torch.ones(4, 5))
    assert stack([mask, mask]).domain is Field.EITHER
    assert stack([mask, Fourier((4, 5))]).domain is Field.COMPLEX
    with pytest.raises(OperatorError, match="real or complex to real or complex, real to complex; expected the same numbers"):
        stack([mask, ComplexFromReal((4, 5))])


@pytest.mark.parametrize(
    ("operators", "told"),
    [
        ([], "a stack of no operators"),
        ([Fourier((4, 5)), Coils(MAPS)], "Fourier([4, 5] -> [4, 5]), Coils([4, 5] -> [3, 4, 5]); expected measurements of equal"),
        (
            [DenseMatrix(np.ones((3, 2)), (2,)), DenseMatrix(np.ones((3, 4)), (4,))],
            "DenseMatrix([2] -> [3]), DenseMatrix([4] -> [3]): take images of different shapes",
        ),
    ],
)
def test_what_does_not_stack(operators, told):
    with pytest.raises(OperatorError, match=re.escape(told)):
        stack(operators)
