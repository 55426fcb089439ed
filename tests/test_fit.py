"""The loop, on generators whose behaviour is known."""

import math

import pytest
import torch
from torch import Tensor, nn

from cgdenoise.fit import Problem, fit, hold_out
from cgdenoise.generators.decoder import build
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.optimise import OptimiserSpec
from cgdenoise.runtime import rng_for
from cgdenoise.stopping import Budget, HoldOut, NoiseLevel
from cgdenoise.types import Evaluation, Step, StopReason

ADAM = OptimiserSpec("adam", 0.1)


class Table(nn.Module):
    """The simplest generator: the image is the weight."""

    def __init__(self, start: Tensor, poison_at: int = 0) -> None:
        super().__init__()
        self.image = nn.Parameter(start.clone())
        self.calls, self.poison_at = 0, poison_at

    def forward(self) -> Tensor:
        self.calls += 1
        return self.image * (math.nan if self.calls == self.poison_at else 1.0)


def problem(y: Tensor, fraction: float = 0.25) -> Problem:
    return Problem(y, *hold_out(torch.ones_like(y), fraction, rng_for(1)))


def test_split_is_a_partition_of_whole_pixels():
    valid = (torch.rand(1, 3, 20, 30, generator=rng_for(0)) > 0.2).float()
    training, held_out = hold_out(valid, 0.1, rng_for(1))
    assert torch.equal(training + held_out, valid)
    mask = held_out.amax(dim=1, keepdim=True)
    assert torch.equal(held_out, mask * valid)  # all channels of a held-out pixel, as far as they were measured
    assert mask.sum() == pytest.approx(0.1 * valid.amax(dim=1).sum(), abs=1)


@pytest.mark.parametrize(("pixels", "fraction", "count"), [(100, 0.05, 5), (10, 0.01, 1), (2, 0.9, 1), (1, 0.5, 0), (50, 0.0, 0)])
def test_split_sizes(pixels, fraction, count):
    assert hold_out(torch.ones(1, 2, 1, pixels), fraction, rng_for(0))[1][0, 0].sum() == count


def test_held_out_pixels_do_not_reach_the_weights():
    y = torch.rand(1, 1, 8, 8, generator=rng_for(0))
    task = problem(y)
    generator = Table(torch.zeros_like(y))
    fit(generator, task, optimiser=ADAM, stop=Budget(), max_iterations=50)
    assert torch.equal(generator.image * task.held_out, torch.zeros_like(y))
    assert ((generator.image - y) * task.training).abs().max() < 0.1


def test_step_pairs_the_loss_with_the_image_it_was_taken_on():
    y = torch.rand(1, 1, 8, 8, generator=rng_for(0))
    task, steps = problem(y), []
    fit(Table(torch.zeros_like(y)), task, optimiser=ADAM, stop=Budget(), max_iterations=7, every=1, observers=[steps.append])
    for step in steps:
        residual = ((step.image - y).square() * task.training).sum() / task.training.sum()
        assert step.evaluation.loss == pytest.approx(float(residual), rel=1e-5)  # without averaging they are the same
        assert step.evaluation.residual == pytest.approx(float(residual), rel=1e-5)


def test_averaged_output_is_the_unbiased_moving_average():
    y = torch.rand(1, 1, 4, 4, generator=rng_for(0))
    outputs: list[Tensor] = []

    class Recorded(Table):
        def forward(self) -> Tensor:
            outputs.append(self.image.detach().clone())
            return super().forward()

    result = fit(Recorded(torch.zeros_like(y)), problem(y), optimiser=ADAM, stop=Budget(), max_iterations=5, averaging=0.8)
    weights = [0.8 ** (4 - k) for k in range(5)]
    expected = sum(w * o for w, o in zip(weights, outputs, strict=True)) / sum(weights)
    assert torch.allclose(result.image, expected, atol=1e-6)


def test_evaluations_come_at_the_first_every_tenth_and_the_last_iteration():
    y = torch.rand(1, 1, 4, 4)
    result = fit(Table(y), problem(y), optimiser=ADAM, stop=Budget(), max_iterations=25)
    assert [evaluation.iteration for evaluation in result.history] == [1, 10, 20, 25]
    assert result.reason is StopReason.BUDGET
    assert result.chosen == result.history[-1]


def test_kept_image_is_the_one_of_the_chosen_iteration():
    rng = rng_for(2)
    clean = torch.linspace(0, 1, 24)[None, None, :, None].expand(1, 1, 24, 24)
    y = clean + 0.2 * torch.randn(1, 1, 24, 24, generator=rng)
    steps: dict[int, Step] = {}
    result = fit(
        build(DecoderSpec((32, 32, 32)), 1, (24, 24), rng),
        problem(y, 0.1),
        optimiser=OptimiserSpec(),
        stop=HoldOut(patience=100),
        max_iterations=400,
        averaging=0.9,
        observers=[lambda step: steps.__setitem__(step.evaluation.iteration, step)],
    )
    assert result.reason is StopReason.HELD_OUT
    assert result.history[-1].iteration == result.chosen.iteration + 100
    assert torch.equal(result.image, steps[result.chosen.iteration].image)
    assert result.chosen.held_out == min(evaluation.held_out for evaluation in result.history)
    assert (result.image - clean).square().mean() < 0.2 * (y - clean).square().mean()


def test_noise_level_stops_where_the_residual_crosses_it():
    y = torch.rand(1, 1, 8, 8, generator=rng_for(0))
    result = fit(
        Table(torch.zeros_like(y)), problem(y), optimiser=ADAM, stop=NoiseLevel(0.2), max_iterations=200, every=1, averaging=0.5
    )
    assert result.reason is StopReason.NOISE_LEVEL
    assert result.chosen.residual <= 0.04 < result.history[-2].residual


def test_overflow_ends_the_fit_with_the_last_finite_image():
    y = torch.rand(1, 1, 8, 8, generator=rng_for(0))
    result = fit(Table(torch.zeros_like(y), poison_at=31), problem(y), optimiser=ADAM, stop=Budget(), max_iterations=90)
    assert result.reason is StopReason.NOT_FINITE
    assert result.chosen.iteration == 30
    assert torch.isfinite(result.image).all()


def test_overflow_at_once_is_reported_and_gives_no_nan_image():
    y = torch.rand(1, 1, 8, 8)
    result = fit(Table(torch.zeros_like(y), poison_at=1), problem(y), optimiser=ADAM, stop=Budget(), max_iterations=9)
    assert result.reason is StopReason.NOT_FINITE
    assert math.isnan(result.chosen.residual)
    assert torch.isfinite(result.image).all()


def test_cancelling_keeps_the_best_so_far():
    y = torch.rand(1, 1, 8, 8, generator=rng_for(0))
    calls = iter(range(100))
    result = fit(
        Table(torch.zeros_like(y)),
        problem(y),
        optimiser=ADAM,
        stop=Budget(),
        max_iterations=90,
        cancelled=lambda: next(calls) == 14,
    )
    assert result.reason is StopReason.INTERRUPTED
    assert result.history[-1].iteration == 15
    assert result.chosen.iteration == 15


def test_without_held_out_pixels_the_held_out_error_is_nan():
    y = torch.rand(1, 1, 4, 4)
    result = fit(Table(y), problem(y, 0.0), optimiser=ADAM, stop=Budget(), max_iterations=1)
    assert math.isnan(result.chosen.held_out)
    assert result.chosen.residual == 0


def test_forward_operator_is_what_is_compared_with_the_data():
    image = torch.rand(1, 1, 6, 6, generator=rng_for(0))
    rows = image.sum(dim=3, keepdim=True)
    task = Problem(rows, torch.ones_like(rows), torch.zeros_like(rows), forward=lambda x: x.sum(dim=3, keepdim=True))
    result = fit(Table(torch.zeros_like(image)), task, optimiser=OptimiserSpec("adam", 0.05), stop=Budget(), max_iterations=300)
    assert (result.image.sum(dim=3, keepdim=True) - rows).abs().max() < 0.02


def test_stopping_rules_see_numbers_only():
    assert set(Evaluation.__dataclass_fields__) == {"iteration", "loss", "residual", "held_out"}
