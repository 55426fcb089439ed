"""The loop, on generators whose behaviour is known."""

import math
from dataclasses import astuple

import pytest
import torch
from torch import Tensor, nn

from cgdenoise.fitting.holdout import hold_out
from cgdenoise.fitting.loop import Problem, Schedule, fit
from cgdenoise.fitting.optimiser import OptimiserSpec
from cgdenoise.fitting.results import Evaluation, FitResult, Step, StopReason
from cgdenoise.fitting.stopping import Budget, HoldOut, NoiseLevel
from cgdenoise.generators.build import build
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.runtime import rng_for

ADAM = OptimiserSpec("adam", 0.1)


class Table(nn.Module):
    """The simplest generator: the images are the weight. The last member's becomes NaN at a given call."""

    def __init__(self, start: Tensor, poison_at: int = 0) -> None:
        super().__init__()
        self.image = nn.Parameter(start.clone())
        self.calls, self.poison_at = 0, poison_at

    def forward(self) -> Tensor:
        self.calls += 1
        factor = torch.ones(len(self.image), 1, 1, 1)
        factor[-1] = math.nan if self.calls == self.poison_at else 1.0
        return self.image * factor


def problem(y: Tensor, fraction: float = 0.25) -> Problem:
    """Hold out a share of the pixels, and less for each further member."""
    splits = [hold_out(torch.ones_like(y[:1]), fraction / (1 + member), rng_for(1, member)) for member in range(len(y))]
    return Problem(y, *(torch.cat(weights) for weights in zip(*splits, strict=True)))


def fit_one(*args, **options) -> FitResult:
    (result,) = fit(*args, **options)
    return result


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


def test_squares_are_held_out_whole():
    valid = torch.ones(1, 1, 20, 23)
    valid[..., :4, :4] = 0
    training, held_out = hold_out(valid, 0.2, rng_for(0), block=4)
    assert torch.equal(training + held_out, valid)
    cells = torch.nn.functional.avg_pool2d(held_out[..., :20], 4)
    assert set(cells.unique().tolist()) == {0.0, 1.0}
    assert 0.1 < held_out.mean() < 0.3


def test_held_out_pixels_do_not_reach_the_weights():
    y = torch.rand(1, 1, 8, 8, generator=rng_for(0))
    task = problem(y)
    generator = Table(torch.zeros_like(y))
    fit(generator, task, optimiser=ADAM, stop=Budget(), schedule=Schedule(50))
    assert torch.equal(generator.image * task.held_out, torch.zeros_like(y))
    assert ((generator.image - y) * task.training).abs().max() < 0.1


def test_step_pairs_the_loss_with_the_image_it_was_taken_on():
    y = torch.rand(1, 1, 8, 8, generator=rng_for(0))
    task, steps = problem(y), []
    fit(
        Table(torch.zeros_like(y)),
        task,
        optimiser=ADAM,
        stop=Budget(),
        schedule=Schedule(7, every=1),
        observers=[lambda _, step: steps.append(step)],
    )
    assert len(steps) == 7
    for step in steps:
        residual = ((step.image - y).square() * task.training).sum() / task.training.sum()
        assert step.evaluation.loss == pytest.approx(float(residual), rel=1e-5)  # without averaging they are the same
        assert step.evaluation.residual == pytest.approx(float(residual), rel=1e-5)


@pytest.mark.parametrize(
    ("averaging", "weights"),
    # The recursion in closed form: for 1/4, iterate i weighs as much as i (i + 1) (i + 2).
    [(0.0, [0, 0, 0, 0, 0, 1]), (0.25, [6, 24, 60, 120, 210, 336]), (1.0, [1, 1, 1, 1, 1, 1])],
)
def test_averaged_output_weighs_iterates_by_polynomial_decay(averaging, weights):
    y = torch.rand(1, 1, 4, 4, generator=rng_for(0))
    outputs: list[Tensor] = []

    class Recorded(Table):
        def forward(self) -> Tensor:
            outputs.append(self.image.detach().clone())
            return super().forward()

    result = fit_one(
        Recorded(torch.zeros_like(y)), problem(y), optimiser=ADAM, stop=Budget(), schedule=Schedule(6, averaging=averaging)
    )
    expected = sum(weight * output for weight, output in zip(weights, outputs, strict=True)) / sum(weights)
    torch.testing.assert_close(result.image, expected, rtol=0, atol=1e-6)


def test_evaluations_come_at_the_first_every_fifth_and_the_last_iteration():
    y = torch.rand(1, 1, 4, 4)
    result = fit_one(Table(y), problem(y), optimiser=ADAM, stop=Budget(), schedule=Schedule(12))
    assert [evaluation.iteration for evaluation in result.history] == [1, 5, 10, 12]
    assert result.reason is StopReason.BUDGET
    assert result.chosen == result.history[-1]


def test_kept_image_is_the_one_of_the_chosen_iteration():
    rng = rng_for(2)
    clean = torch.linspace(0, 1, 24)[None, None, :, None].expand(1, 1, 24, 24)
    y = clean + 0.2 * torch.randn(1, 1, 24, 24, generator=rng)
    steps: dict[int, Step] = {}
    result = fit_one(
        build(DecoderSpec((32, 32, 32)), 1, (24, 24), [rng]),
        problem(y, 0.1),
        optimiser=OptimiserSpec(),
        stop=HoldOut(patience=100),
        schedule=Schedule(400, averaging=0.9),
        observers=[lambda _, step: steps.__setitem__(step.evaluation.iteration, step)],
    )
    assert result.reason is StopReason.HELD_OUT
    assert result.history[-1].iteration == result.chosen.iteration + 100
    assert torch.equal(result.image, steps[result.chosen.iteration].image)
    assert result.chosen.held_out == min(evaluation.held_out for evaluation in result.history)
    assert (result.image - clean).square().mean() < 0.2 * (y - clean).square().mean()


def test_noise_level_stops_where_the_residual_crosses_it():
    y = torch.rand(1, 1, 8, 8, generator=rng_for(0))
    result = fit_one(
        Table(torch.zeros_like(y)),
        problem(y),
        optimiser=ADAM,
        stop=NoiseLevel(0.2),
        schedule=Schedule(200, every=1, averaging=0.5),
    )
    assert result.reason is StopReason.NOISE_LEVEL
    assert result.chosen.residual <= 0.04 < result.history[-2].residual


def test_overflow_ends_the_fit_with_the_last_finite_image():
    y = torch.rand(1, 1, 8, 8, generator=rng_for(0))
    result = fit_one(Table(torch.zeros_like(y), poison_at=31), problem(y), optimiser=ADAM, stop=Budget(), schedule=Schedule(90))
    assert result.reason is StopReason.NOT_FINITE
    assert result.chosen.iteration == 30
    assert torch.isfinite(result.image).all()


def test_overflow_at_once_is_reported_and_gives_no_nan_image():
    y = torch.rand(1, 1, 8, 8)
    result = fit_one(Table(torch.zeros_like(y), poison_at=1), problem(y), optimiser=ADAM, stop=Budget(), schedule=Schedule(9))
    assert result.reason is StopReason.NOT_FINITE
    assert math.isnan(result.chosen.residual)
    assert torch.isfinite(result.image).all()


def test_cancelling_keeps_the_best_so_far():
    y = torch.rand(1, 1, 8, 8, generator=rng_for(0))
    calls = iter(range(100))
    result = fit_one(
        Table(torch.zeros_like(y)),
        problem(y),
        optimiser=ADAM,
        stop=Budget(),
        schedule=Schedule(90),
        cancelled=lambda: next(calls) == 14,
    )
    assert result.reason is StopReason.INTERRUPTED
    assert result.history[-1].iteration == 15
    assert result.chosen.iteration == 15


def test_without_held_out_pixels_the_held_out_error_is_nan():
    y = torch.rand(1, 1, 4, 4)
    result = fit_one(Table(y), problem(y, 0.0), optimiser=ADAM, stop=Budget(), schedule=Schedule(1))
    assert math.isnan(result.chosen.held_out)
    assert result.chosen.residual == 0


def test_forward_operator_is_what_is_compared_with_the_data():
    image = torch.rand(1, 1, 6, 6, generator=rng_for(0))
    rows = image.sum(dim=3, keepdim=True)
    task = Problem(rows, torch.ones_like(rows), torch.zeros_like(rows), forward=lambda x: x.sum(dim=3, keepdim=True))
    result = fit_one(
        Table(torch.zeros_like(image)), task, optimiser=OptimiserSpec("adam", 0.05), stop=Budget(), schedule=Schedule(300)
    )
    assert (result.image.sum(dim=3, keepdim=True) - rows).abs().max() < 0.02


def test_stopping_rules_see_numbers_only():
    seen = []

    class Recorder(Budget):
        def observe(self, *given):
            seen.append(given)
            return super().observe(*given)

    y = torch.rand(1, 1, 4, 4, generator=rng_for(0))
    fit(Table(torch.zeros_like(y)), problem(y), optimiser=ADAM, stop=Recorder(), schedule=Schedule(7))
    assert [[type(argument) for argument in given] for given in seen] == [[Evaluation]] * 3
    assert [[type(number) for number in astuple(evaluation)] for (evaluation,) in seen] == [[int, float, float, float]] * 3


MEMBERS = torch.rand(2, 1, 8, 8, generator=rng_for(0))


def alone(task: Problem, member: int) -> Problem:
    return Problem(task.y[member, None], task.training[member, None], task.held_out[member, None])


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_members_are_fitted_as_each_would_be_alone(kernel_size):
    spec = DecoderSpec((12, 8, 6), kernel_size=kernel_size)
    y = torch.rand(1, 3, 13, 10, generator=rng_for(0)).expand(2, -1, -1, -1)
    task = problem(y, 0.1)
    options = {"optimiser": OptimiserSpec(), "stop": Budget(), "schedule": Schedule(4, averaging=0.25)}

    def generator(*members: int) -> nn.Module:
        return build(spec, 3, (13, 10), [rng_for(7, member) for member in members])

    together = fit(generator(0, 1), Problem(y[:1], task.training, task.held_out), **options)
    assert not torch.allclose(together[0].image, together[1].image, atol=0.05)
    for member, result in enumerate(together):
        single = fit_one(generator(member), alone(task, member), **options)
        # Almost: a convolution of several pictures may add up in another order, and later steps enlarge what that changes.
        assert torch.allclose(result.image, single.image, atol=1e-4)
        for one, other in zip(result.history, single.history, strict=True):
            assert astuple(one) == pytest.approx(astuple(other), rel=1e-3)


def test_each_member_ends_by_itself_and_is_seen_no_longer():
    task, seen = problem(MEMBERS), []
    start = torch.stack([MEMBERS[0] + 1.0, torch.full_like(MEMBERS[1], 9.0)])
    options = {"optimiser": ADAM, "stop": NoiseLevel(0.1), "schedule": Schedule(60, averaging=0.5)}
    results = fit(Table(start), task, **options, observers=[lambda member, step: seen.append((member, step.evaluation))])
    assert [result.reason for result in results] == [StopReason.NOISE_LEVEL, StopReason.BUDGET]
    assert results[0].history[-1].iteration < 30
    assert results[0].seconds < results[1].seconds
    for member, result in enumerate(results):
        single = fit_one(Table(start[member, None]), alone(task, member), **options)
        assert torch.equal(result.image, single.image)
        assert (result.chosen, result.reason, result.history) == (single.chosen, single.reason, single.history)
        assert tuple(evaluation for of, evaluation in seen if of == member) == result.history


def test_overflow_of_a_member_leaves_the_others_alone():
    task = problem(MEMBERS)
    options = {"optimiser": ADAM, "stop": Budget(), "schedule": Schedule(40, averaging=0.25)}
    sound, poisoned = fit(Table(torch.zeros_like(MEMBERS), poison_at=18), task, **options)
    assert poisoned.reason is StopReason.NOT_FINITE
    assert poisoned.chosen.iteration == 15
    assert torch.isfinite(poisoned.image).all()
    single = fit_one(Table(torch.zeros_like(MEMBERS[:1])), alone(task, 0), **options)
    assert torch.equal(sound.image, single.image)
    assert (sound.reason, sound.history) == (StopReason.BUDGET, single.history)


def test_overflow_inside_a_generator_stays_with_its_member():
    """The same through all that members share: products, levels and the optimiser's matrices."""
    y = torch.rand(1, 1, 12, 12, generator=rng_for(0))
    task = problem(y.expand(2, -1, -1, -1))
    options = {"optimiser": OptimiserSpec(), "stop": Budget(), "schedule": Schedule(5)}
    generator = build(DecoderSpec((8, 8, 4)), 1, (12, 12), [rng_for(1), rng_for(2)])
    with torch.no_grad():
        generator.matrices[0][1, 0, 0] = math.nan
    sound, poisoned = fit(generator, task, **options)
    assert poisoned.reason is StopReason.NOT_FINITE
    single = fit_one(build(DecoderSpec((8, 8, 4)), 1, (12, 12), [rng_for(1)]), alone(task, 0), **options)
    assert torch.allclose(sound.image, single.image, atol=1e-4)


@pytest.mark.parametrize("call", [0, 7])
def test_an_interruption_ends_all_members_that_are_still_running(call):
    start = torch.stack([MEMBERS[0], torch.full_like(MEMBERS[1], 9.0)])
    calls = iter(range(100))
    results = fit(
        Table(start),
        problem(MEMBERS),
        optimiser=ADAM,
        stop=NoiseLevel(0.2),
        schedule=Schedule(90),
        cancelled=lambda: next(calls) == call,
    )
    assert [result.reason for result in results] == [StopReason.NOISE_LEVEL, StopReason.INTERRUPTED]
    assert [result.history[-1].iteration for result in results] == [1, call + 1]
