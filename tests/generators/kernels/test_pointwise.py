"""The pointwise convolution of several pictures against a batched product and its own gradients."""

import pytest
import torch
from torch import Tensor

from cgdenoise.generators.kernels import pointwise as module
from cgdenoise.generators.kernels.pointwise import pointwise_convolution
from cgdenoise.runtime import rng_for

SMALL, LAST_SMALL, FIRST_LARGE, LARGE = (3, 16), (32, 64), (33, 64), (96, 40)


def batched(x: Tensor, matrix: Tensor) -> Tensor:
    return torch.bmm(x.flatten(1, 2), matrix.mT).view(*x.shape[:3], -1)


def given(members: int, shape: tuple[int, int], dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """Return a picture, matrices, and the weights of the sum whose gradients are taken."""
    rng, (outputs, inputs) = rng_for(members, *shape), shape
    x = torch.randn(members, 5, 7, inputs, generator=rng).to(dtype)
    weights = torch.randn(members, 5, 7, outputs, generator=rng).to(dtype)
    return x, torch.randn(members, outputs, inputs, generator=rng), weights


def with_gradients(function, x: Tensor, matrix: Tensor, weights: Tensor) -> tuple[Tensor, ...]:
    x, matrix = x.detach().requires_grad_(), matrix.detach().requires_grad_()
    out = function(x, matrix)
    out.backward(weights)
    return out.detach(), x.grad, matrix.grad


def test_the_shapes_lie_on_both_sides_of_the_border():
    assert [out * inputs <= module._SMALL for out, inputs in (SMALL, LAST_SMALL, FIRST_LARGE, LARGE)] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("shape", [SMALL, LAST_SMALL, FIRST_LARGE, LARGE])
@pytest.mark.parametrize("layout", ["channels last", "channels first"])
def test_convolution_is_the_batched_product(members, shape, layout):
    x, matrix, weights = given(members, shape)
    if layout == "channels first":
        x, weights = (t.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1) for t in (x, weights))
    for found, expected in zip(
        with_gradients(pointwise_convolution, x, matrix, weights), with_gradients(batched, x, matrix, weights), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("shape", [SMALL, LARGE])
def test_bfloat16_pictures_keep_a_float32_gradient_of_the_matrix(members, shape):
    x, matrix, weights = given(members, shape, torch.bfloat16)
    found = with_gradients(pointwise_convolution, x, matrix, weights)
    assert [t.dtype for t in found] == [torch.bfloat16, torch.bfloat16, torch.float32]
    for one, other in zip(found, with_gradients(batched, x.float(), matrix, weights.float()), strict=True):
        assert (one.float() - other).norm() < 0.01 * other.norm()
    # A small matrix's is summed in float32, not only handed over in it.
    assert torch.equal(found[2], found[2].to(torch.bfloat16).float()) == (shape == LARGE)


@pytest.mark.parametrize("shape", [SMALL, LARGE])
def test_a_picture_that_needs_no_gradient_gets_none(shape):
    x, matrix, weights = given(2, shape)
    matrix.requires_grad_()
    pointwise_convolution(x, matrix).backward(weights)
    assert x.grad is None
    torch.testing.assert_close(matrix.grad, with_gradients(batched, x, matrix, weights)[2], rtol=1e-5, atol=2e-5)
