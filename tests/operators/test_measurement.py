"""What was not measured does not count, whatever stands there, for anything that is computed from measurements."""

import math

import pytest
import torch

from cgdenoise.errors import OperatorError
from cgdenoise.operators import ComplexFromChannels, DenseMatrix, Fourier, Measurement, PixelMask, Reshape, random_matrix
from cgdenoise.operators.least_squares import conjugate_gradients, pilot
from cgdenoise.restoration.plug_and_play import plug_and_play

SHAPE = (1, 24, 24)
PARTS = (2, 24, 24)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


OPERATORS = {
    "identity": PixelMask(torch.ones(SHAPE)),
    "matrix": random_matrix(SHAPE, 300, 1),
    "fourier": Fourier(PARTS[1:]) @ ComplexFromChannels(PARTS),
}


@pytest.fixture(params=OPERATORS)
def operator(request):
    return OPERATORS[request.param]


@pytest.fixture
def image(operator):
    row, column = torch.meshgrid(torch.linspace(0, 3, 24), torch.linspace(0, 2, 24), indexing="ij")
    smooth = 0.5 + 0.4 * torch.sin(row**2 + column) * torch.cos(2 * column)
    return torch.stack([smooth, smooth.flip(0)])[: operator.in_shape[0]].double()


@pytest.fixture
def valid(operator):
    return (torch.rand(operator.out_shape, generator=rng(1)) < 0.6).float()


def measured(operator, image, valid, elsewhere, sigma=0.0):
    """Measurements of the image, and a value where nothing was measured."""
    y = operator(image)
    return Measurement(operator, torch.where(valid > 0, y, torch.full_like(y, elsewhere)), valid, sigma)


STAGES = {
    "pilot": lambda m: pilot(m, 5),
    "least squares": lambda m: conjugate_gradients(m, torch.full(m.operator.in_shape, 0.5).double(), 8),
    "damped": lambda m: conjugate_gradients(m, torch.full(m.operator.in_shape, 0.5).double(), 8, 0.1),
    "plug-and-play": lambda m: plug_and_play(m, torch.full(m.operator.in_shape, 0.5).double()),
    "normalised": lambda m: m.normalised(0.3, 2.0).y,
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("sigma", [pytest.param(0.0, marks=pytest.mark.slow), 0.02])
def test_what_stands_where_nothing_was_measured_does_not_count(operator, image, valid, stage, sigma):
    found = STAGES[stage](measured(operator, image, valid, 0.0, sigma))
    for garbage in (1e30, -7.0, math.nan, math.inf):
        assert torch.equal(STAGES[stage](measured(operator, image, valid, garbage, sigma)), found)


@pytest.mark.parametrize("stage", list(STAGES)[:-1])
def test_missing_values_are_the_same_as_rows_that_are_not_there(stage):
    matrix = torch.randn(300, 576, generator=rng(), dtype=torch.float64) / 17
    image, valid = torch.rand(SHAPE, generator=rng(2), dtype=torch.float64), (torch.rand(300, generator=rng(1)) < 0.6).float()
    whole = measured(DenseMatrix(matrix, SHAPE), image, valid, 3.0, 0.02)
    rows = DenseMatrix(matrix[valid > 0], SHAPE)
    fewer = Measurement.complete(rows, rows(image), 0.02)
    assert whole.count == fewer.count == int(valid.sum())
    torch.testing.assert_close(STAGES[stage](whole), STAGES[stage](fewer), rtol=1e-6, atol=1e-6)


def test_adjoint_and_residual_are_those_of_the_masked_operator(operator, image, valid):
    masked = PixelMask(valid) @ operator
    found = measured(operator, image, valid, 5.0)
    values = torch.randn(operator.out_shape, generator=rng(3)).to(found.y)
    for x, y in (
        (found.forward(image), masked(image)),
        (found.adjoint(values), masked.adjoint(values)),
        (found.normal(image), masked.normal(image)),
        (found.residual(torch.zeros_like(image)), masked(image)),
    ):
        torch.testing.assert_close(x, y, rtol=0, atol=1e-12)


def test_normalised_measurements_are_those_of_the_normalised_image(operator, image, valid):
    found = measured(operator, image, valid, 9.0, 0.5).normalised(0.25, 4.0)
    torch.testing.assert_close(found.y, found.forward((image - 0.25) / 4))
    assert found.sigma == 0.125


def test_measurements_of_blocks_go_through_both_operators(image, operator, valid):
    inner = Reshape((operator.in_shape[0], 576), operator.in_shape)
    found = measured(operator, image, valid, 0.0).of(inner)
    torch.testing.assert_close(found.residual(image.flatten(1)), torch.zeros_like(found.y))


def test_each_part_of_a_complex_number_has_half_of_the_variance():
    y = torch.zeros(24, 24)
    assert Measurement.complete(Fourier((24, 24)), y.to(torch.complex64), 2.0).variance == 2
    assert Measurement.complete(PixelMask(torch.ones(24, 24)), y, 2.0).variance == 4


def test_precision_follows_what_is_asked(operator, image, valid):
    single = measured(operator, image, valid, 0.0).to("cpu", torch.float32)
    assert single.y.dtype.to_real() == torch.float32
    assert single.y.is_complex() == operator(image).is_complex()


@pytest.mark.parametrize(("y", "valid"), [((9,), (8,)), ((8,), (9,))])
def test_shapes_that_do_not_go_together_are_refused(y, valid):
    with pytest.raises(OperatorError, match=r"\[8\].*y of \[.\] and valid of \[.\]"):
        Measurement(DenseMatrix(torch.eye(16)[:8], (4, 4)), torch.ones(y), torch.ones(valid))
