"""The steps, on gradients that are given."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from cgdenoise.fitting.optimiser import Optimiser, OptimiserSpec, orthogonalise
from cgdenoise.runtime import rng_for

SHAPES = [(2, 24, 10), (2, 10, 24), (2, 3, 16), (2, 24), (2, 3)]
MATRICES = slice(3)
STEPS = 6


def random(*shapes: tuple[int, ...], key: int = 0) -> list[Tensor]:
    rng = rng_for(key)
    return [torch.randn(shape, generator=rng) for shape in shapes]


def gradients_of(step: int) -> list[Tensor]:
    return random(*SHAPES, key=100 + step)


def moved(
    optimiser: Callable[[list[nn.Parameter]], object], change: Callable[[Tensor], Tensor] = lambda t: t
) -> Sequence[Tensor]:
    """Return where the parameters are after some steps; `change` is made to start and gradients."""
    parameters = [nn.Parameter(change(value)) for value in random(*SHAPES)]
    made = optimiser(parameters)
    for step in range(STEPS):
        for parameter, gradient in zip(parameters, gradients_of(step), strict=True):
            parameter.grad = change(gradient)
        made.step()
    return [parameter.detach() for parameter in parameters]


def ours(kind: str, **numbers: float) -> Callable[[list[nn.Parameter]], Optimiser]:
    return lambda parameters: Optimiser(OptimiserSpec(kind, **numbers), parameters)


def test_adam_is_the_one_of_torch():
    from torch.optim import Adam

    for found, expected in zip(moved(ours("adam", rate=0.03)), moved(lambda p: Adam(p, lr=0.03)), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_muon_leaves_what_is_no_matrix_to_adam_with_a_rate_of_its_own():
    from torch.optim import Adam

    found, expected = moved(ours("muon", rate=0.5, vector_rate=0.04)), moved(lambda p: Adam(p, lr=0.04))
    for one, other in zip(found[3:], expected[3:], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    assert not any(torch.allclose(one, other, atol=0.1) for one, other in zip(found[MATRICES], expected[MATRICES], strict=True))


def test_muon_steps_along_the_orthogonalised_average_of_the_gradients():
    (start,) = random((1, 24, 10))
    parameter = nn.Parameter(start.clone())
    optimiser = Optimiser(OptimiserSpec("muon", rate=0.01, momentum=0.8), [parameter])
    expected, average = start, torch.zeros_like(start)
    for gradient in random(*[(1, 24, 10)] * 4, key=1):
        parameter.grad = gradient.clone()
        optimiser.step()
        average = 0.8 * average + 0.2 * gradient
        expected = expected - 0.01 * 0.2 * 24**0.5 * orthogonalise(average)
        assert parameter.grad is None
        torch.testing.assert_close(parameter.detach(), expected, rtol=0, atol=1e-4)
    assert (expected - start).abs().max() > 5e-3


@pytest.mark.parametrize("shape", [(24, 10), (10, 24), (64, 64), (3, 200)])
def test_a_muon_step_is_as_long_as_one_of_adam(shape):
    (gradient,) = random((1, *shape))
    parameter = nn.Parameter(torch.zeros(1, *shape))
    parameter.grad = gradient
    Optimiser(OptimiserSpec("muon", rate=0.01), [parameter]).step()
    assert float(parameter.detach().square().mean().sqrt()) == pytest.approx(0.2 * 0.01, rel=0.25)


@pytest.mark.parametrize("shape", [(48, 16), (16, 48), (32, 32), (1, 20), (20, 1)])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_orthogonalised_matrices_keep_their_directions_at_one_length(shape, scale):
    rows, columns = shape
    rank = min(shape)
    u, v = (torch.linalg.qr(m)[0] for m in random((2, rows, rank), (2, columns, rank)))
    values = torch.linspace(0.3, 1.0, rank)
    result = orthogonalise(scale * (u * values) @ v.mT)
    assert result.dtype == torch.float32
    found = torch.linalg.svdvals(result)
    assert found.min() > 0.5
    assert found.max() < 1.3
    # In the basis of the matrix's own singular vectors it is diagonal, up to the rounding of bfloat16.
    inner = u.mT @ result @ v
    assert (inner - torch.diag_embed(inner.diagonal(dim1=1, dim2=2))).abs().max() < 0.05
    assert inner.diagonal(dim1=1, dim2=2).min() > 0.5


def test_a_gradient_of_zero_moves_nothing():
    assert torch.equal(orthogonalise(torch.zeros(2, 5, 3)), torch.zeros(2, 5, 3))


@pytest.mark.parametrize("kind", ["muon", "adam"])
@pytest.mark.parametrize("member", [0, 1])
def test_members_step_as_each_would_alone(kind, member):
    together, alone = moved(ours(kind)), moved(ours(kind), lambda t: t[member, None].clone())
    for several, one in zip(together, alone, strict=True):
        torch.testing.assert_close(several[member, None], one, rtol=0, atol=1e-6)


def test_an_overflow_stays_with_its_member():
    def spoil(t: Tensor) -> Tensor:
        t = t.clone()
        t[1].view(-1)[0] = torch.nan
        return t

    for found, expected in zip(moved(ours("muon"), spoil), moved(ours("muon")), strict=True):
        assert found[1].isnan().any()
        assert torch.equal(found[0], expected[0])


def test_scaling_the_gradients_does_not_change_the_steps_of_matrices():
    plain = random(*SHAPES[MATRICES])
    results = []
    for factor in (1, 1000):
        parameters = [nn.Parameter(value.clone()) for value in plain]
        optimiser = Optimiser(OptimiserSpec("muon"), parameters)
        for step in range(STEPS):
            for parameter, gradient in zip(parameters, gradients_of(step), strict=False):
                parameter.grad = factor * gradient
            optimiser.step()
        results.append([parameter.detach() - value for parameter, value in zip(parameters, plain, strict=True)])
    for one, other in zip(*results, strict=True):
        assert (one - other).norm() < 0.02 * one.norm()
