"""Depth, members, failed fits and restarts, with the fits replaced by scripted ones or kept tiny."""

import math
from dataclasses import replace

import pytest
import torch

from cgdenoise.fitting import ensemble as module
from cgdenoise.fitting.ensemble import Ensemble
from cgdenoise.fitting.members import FailedFitsError, has_failed
from cgdenoise.fitting.results import Evaluation, FitResult, StopReason
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.operators import Identity, Measurement
from cgdenoise.restoration.presets import PRESETS

SPECS = tuple(DecoderSpec((4,) * depth) for depth in (3, 4, 5))
PRESET = replace(PRESETS["balanced"], generators=SPECS, members=5, max_iterations=5)


def script(monkeypatch: pytest.MonkeyPatch, errors: dict[int, list[float]]) -> list[int]:
    """Replace the fits: depth -> the errors of its fits, the last one for all further ones. Return the depths, as they run."""
    ran: list[int] = []

    def scripted(generator, problem, **options):
        return tuple(one(generator.spec.depth) for _ in problem.training)

    def one(depth):
        queue = errors[depth]
        error = queue.pop(0) if len(queue) > 1 else queue[0]
        ran.append(depth)
        chosen = Evaluation(100, error, error, error)
        return FitResult(torch.full((1, 1, 64, 64), float(depth)), chosen, StopReason.HELD_OUT, (chosen,), 0.0)

    monkeypatch.setattr(module, "fit", scripted)
    return ran


def ensemble(preset=PRESET, size=64, sigma=0.01, **options):
    y = torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(0))
    return Ensemble(Measurement.complete(Identity((1, size, size)), y[0], sigma), preset, seed=0, **options)


def run(preset=PRESET, **options):
    return ensemble(preset, **options).run()


def test_search_ends_at_the_first_depth_that_is_no_better(monkeypatch):
    ran = script(monkeypatch, {3: [0.010], 4: [0.020], 5: [0.001]})
    assert run().depth == 3
    assert ran == [3, 4, 3, 3, 3]


def test_search_goes_on_while_depth_pays(monkeypatch):
    ran = script(monkeypatch, {3: [0.020], 4: [0.015], 5: [0.010]})
    assert run().depth == 5
    assert ran == [3, 4, 5, 5, 5]


def test_equal_depths_share_the_members(monkeypatch):
    ran = script(monkeypatch, {3: [0.0100], 4: [0.0098], 5: [0.02]})
    assert run().depth == 4
    assert ran == [3, 4, 5, 4, 3]


def test_a_much_worse_fit_hardly_counts_and_weights_add_up(monkeypatch):
    script(monkeypatch, {3: [0.010], 4: [0.020], 5: [0.02]})
    result = run()
    assert sum(member.weight for member in result.members) == pytest.approx(1)
    assert float(result.image.mean()) == pytest.approx(3, abs=1e-4)


def test_probe_fits_choose_but_do_not_count(monkeypatch):
    ran = script(monkeypatch, {3: [0.020], 4: [0.010], 5: [0.015]})
    result = run(replace(PRESET, probe_iterations=2, members=2))
    assert ran == [3, 4, 5, 4, 4]
    assert [member.weight for member in result.members] == [0, 0, 0, 0.5, 0.5]


def test_failed_fit_is_restarted_and_left_out(monkeypatch):
    ran = script(monkeypatch, {3: [0.08, 0.010]})  # the variance of uniform values is 1/12
    result = run(replace(PRESET, generators=SPECS[:1], members=1))
    assert ran == [3, 3]
    assert [member.failed for member in result.members] == [True, False]
    assert [member.weight for member in result.members] == [0, 1]
    assert [member.label.attempt for member in result.members] == [0, 1]


def test_failure_for_good_is_an_error_that_holds_the_least_bad_fit(monkeypatch):
    ran = script(monkeypatch, {3: [0.081, 0.079, 0.080]})
    with pytest.raises(FailedFitsError, match="all 3 fits") as caught:
        run(replace(PRESET, generators=SPECS[:1], members=1))
    assert ran == [3, 3, 3]
    assert caught.value.best.result.chosen.residual == 0.079


def test_a_failed_fit_at_one_depth_leaves_the_choice_to_the_others(monkeypatch):
    script(monkeypatch, {3: [math.nan], 4: [0.010], 5: [0.02]})
    assert run().depth == 4


def result_of(residual: float, iteration: int = 100, reason: StopReason = StopReason.BUDGET) -> FitResult:
    chosen = Evaluation(iteration, residual, residual, residual)
    return FitResult(torch.zeros(1), chosen, reason, (chosen,), 0.0)


@pytest.mark.parametrize(
    ("residual", "sigma", "expected"),
    [(0.6, 0.1, True), (0.4, 0.1, False), (0.9, 0.9, False), (math.nan, 0.1, True), (math.inf, 0.1, True)],
)
def test_a_failed_fit_is_an_error_near_the_variance_that_noise_does_not_explain(residual, sigma, expected):
    assert has_failed(result_of(residual), variance=1.0, sigma=sigma) is expected


def test_a_fit_that_was_cut_short_has_not_failed():
    assert not has_failed(result_of(0.9, iteration=90), variance=1.0, sigma=0.1)


def test_an_overflow_is_a_failed_fit_however_early_and_however_good_the_last_finite_image():
    assert has_failed(result_of(0.1, iteration=10, reason=StopReason.NOT_FINITE), variance=1.0, sigma=0.1)


def test_candidates_share_their_held_out_pixels_and_members_do_not(monkeypatch):
    seen = []
    real = module.fit

    def spy(generator, problem, **options):
        seen.append(problem.held_out)
        return real(generator, problem, **options)

    monkeypatch.setattr(module, "fit", spy)
    run(replace(PRESET, generators=SPECS[:2], members=4))
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[2], seen[3])


def test_interruption_ends_the_ensemble_with_the_fits_that_are_done():
    asked = iter(range(1000))
    # 5 iterations a fit: the seventh question falls into the second fit.
    result = run(size=32, sigma=0.5, cancelled=lambda: next(asked) == 6)
    assert result.interrupted
    assert [member.weight for member in result.members] == [1, 0]


ONE_DEPTH = replace(PRESET, generators=SPECS[:1], members=4, stop="none")


def sizes_of(monkeypatch: pytest.MonkeyPatch, most: int = 100) -> list[int]:
    """Let fits of more than `most` members run out of memory. Return how many members each call has, as they come."""
    calls, inner = [], module.fit

    def limited(generator, problem, **options):
        calls.append(len(problem.training))
        if calls[-1] > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        return inner(generator, problem, **options)

    monkeypatch.setattr(module, "fit", limited)
    return calls


def assert_same(result, reference):
    """Expect the same fits from the same seeds, on the same held-out pixels, with the same weights."""
    alone = [replace(member.label, group=0) for member in reference.members]
    assert [replace(member.label, group=0) for member in result.members] == alone
    for member, expected in zip(result.members, reference.members, strict=True):
        assert member.weight == pytest.approx(expected.weight, rel=1e-4)
        assert member.score == pytest.approx(expected.score, rel=1e-4)
        assert torch.allclose(member.result.image, expected.result.image, atol=1e-4)
    assert torch.allclose(result.image, reference.image, atol=1e-4)


@pytest.mark.parametrize(("together", "sizes"), [(2, [1, 2, 1]), (3, [1, 3]), (9, [1, 3])])
def test_members_fitted_together_are_those_fitted_one_by_one(monkeypatch, together, sizes):
    reference = run(ONE_DEPTH, size=20, sigma=0.2)
    assert len({member.score for member in reference.members}) == 4
    calls, seen = sizes_of(monkeypatch), []
    assert_same(run(ONE_DEPTH, size=20, sigma=0.2, together=together, on_step=lambda *step: seen.append(step)), reference)
    assert calls == sizes
    for member in reference.members:
        steps = [step for label, step in seen if label.index == member.label.index]
        assert [step.evaluation.iteration for step in steps] == [1, 5]
        assert torch.allclose(steps[-1].image, member.result.image, atol=1e-4)


def test_only_members_of_one_depth_are_fitted_together(monkeypatch):
    ran = script(monkeypatch, {3: [0.0100], 4: [0.0098], 5: [0.02]})
    calls = sizes_of(monkeypatch)
    result = run(replace(PRESET, members=7), together=2)
    assert calls == [1, 1, 1, 2, 2]
    assert ran == [3, 4, 5, 4, 4, 3, 3]
    assert [member.label.index for member in result.members] == list(range(7))


@pytest.mark.parametrize(
    ("most", "sizes", "left"),
    [(1, [1, 5, 2, 1, 1, 3, 1, 2, 1, 1], 1), (2, [1, 5, 2, 3, 1, 2], 1), (3, [1, 5, 2, 3], 2)],
)
def test_members_that_do_not_fit_into_memory_are_fitted_in_halves(monkeypatch, most, sizes, left):
    preset = replace(ONE_DEPTH, members=6)
    reference = run(preset, size=20, sigma=0.2)
    calls, limited = sizes_of(monkeypatch, most), ensemble(preset, size=20, sigma=0.2, together=5)
    assert_same(limited.run(), reference)
    assert calls == sizes
    assert limited.together == left


def test_memory_too_small_for_one_member_is_an_error(monkeypatch):
    calls = sizes_of(monkeypatch, most=0)
    with pytest.raises(torch.OutOfMemoryError):
        run(ONE_DEPTH, together=4)
    assert calls == [1]


def test_of_members_fitted_together_only_the_failed_are_restarted(monkeypatch):
    script(monkeypatch, {3: [0.010, 0.010, 0.08, 0.011, 0.08, 0.010]})
    calls = sizes_of(monkeypatch)
    result = run(ONE_DEPTH, together=3)
    assert calls == [1, 3, 1, 1]
    assert [member.failed for member in result.members] == [False, False, True, False, True, False]
    assert [member.label.attempt for member in result.members] == [0, 0, 0, 0, 1, 2]
    assert [member.label.index for member in result.members] == list(range(6))
    assert sum(member.weight for member in result.members) == pytest.approx(1)


@pytest.mark.parametrize("early", [1, 3])
def test_interruption_ends_the_ensemble_whichever_member_had_ended_before(monkeypatch, early):
    """Fits of three members, of which one has stopped by itself when the user asks for an end."""
    script(monkeypatch, {3: [0.010]})
    inner, calls = module.fit, []

    def interrupted(generator, problem, **options):
        calls.append(len(problem.training))
        results = inner(generator, problem, **options)
        if len(calls) == 1:
            return results
        return tuple(replace(r, reason=StopReason.INTERRUPTED) if n != early else r for n, r in enumerate(results, start=1))

    monkeypatch.setattr(module, "fit", interrupted)
    result = run(replace(ONE_DEPTH, members=7), together=3)
    assert calls == [1, 3]
    assert result.interrupted
