"""Depth, members, collapse and restart, with the fits replaced by scripted ones or kept tiny."""

import math
from dataclasses import replace

import pytest
import torch

from cgdenoise import ensemble as module
from cgdenoise.ensemble import CollapsedError, Ensemble, has_collapsed
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.presets import PRESETS
from cgdenoise.types import Evaluation, FitResult, StopReason

SPECS = tuple(DecoderSpec((4,) * depth) for depth in (3, 4, 5))
PRESET = replace(PRESETS["balanced"], decoders=SPECS, members=5, max_iterations=5)


def script(monkeypatch: pytest.MonkeyPatch, errors: dict[int, list[float]]) -> list[int]:
    """Replace the fits: depth -> the errors of its fits, the last one for all further ones. Return the depths, as they run."""
    ran: list[int] = []

    def scripted(generator, problem, **options):
        depth = generator.spec.depth
        queue = errors[depth]
        error = queue.pop(0) if len(queue) > 1 else queue[0]
        ran.append(depth)
        chosen = Evaluation(100, error, error, error)
        return FitResult(torch.full((1, 1, 64, 64), float(depth)), chosen, StopReason.HELD_OUT, (chosen,), 0.0)

    monkeypatch.setattr(module, "fit", scripted)
    return ran


def run(preset=PRESET, y=None):
    y = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)) if y is None else y
    return Ensemble(y, torch.ones_like(y), preset, sigma=0.01, seed=0).run()


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


def test_trials_choose_but_do_not_count(monkeypatch):
    ran = script(monkeypatch, {3: [0.020], 4: [0.010], 5: [0.015]})
    result = run(replace(PRESET, trial_iterations=2, members=2))
    assert ran == [3, 4, 5, 4, 4]
    assert [member.weight for member in result.members] == [0, 0, 0, 0.5, 0.5]


def test_collapsed_fit_is_restarted_and_left_out(monkeypatch):
    ran = script(monkeypatch, {3: [0.08, 0.010]})  # the variance of uniform values is 1/12
    result = run(replace(PRESET, decoders=SPECS[:1], members=1))
    assert ran == [3, 3]
    assert [member.collapsed for member in result.members] == [True, False]
    assert [member.weight for member in result.members] == [0, 1]
    assert [member.label.attempt for member in result.members] == [0, 1]


def test_collapse_for_good_is_an_error_that_holds_the_least_bad_fit(monkeypatch):
    ran = script(monkeypatch, {3: [0.081, 0.079, 0.080]})
    with pytest.raises(CollapsedError, match="all 3 fits") as caught:
        run(replace(PRESET, decoders=SPECS[:1], members=1))
    assert ran == [3, 3, 3]
    assert caught.value.best.result.chosen.residual == 0.079


def test_a_collapse_at_one_depth_leaves_the_choice_to_the_others(monkeypatch):
    script(monkeypatch, {3: [math.nan], 4: [0.010], 5: [0.02]})
    assert run().depth == 4


def result_of(residual: float, iteration: int = 100, reason: StopReason = StopReason.BUDGET) -> FitResult:
    chosen = Evaluation(iteration, residual, residual, residual)
    return FitResult(torch.zeros(1), chosen, reason, (chosen,), 0.0)


@pytest.mark.parametrize(
    ("residual", "sigma", "expected"),
    [(0.6, 0.1, True), (0.4, 0.1, False), (0.9, 0.9, False), (math.nan, 0.1, True), (math.inf, 0.1, True)],
)
def test_collapse_is_an_error_near_the_variance_that_noise_does_not_explain(residual, sigma, expected):
    assert has_collapsed(result_of(residual), variance=1.0, sigma=sigma) is expected


def test_a_fit_that_was_cut_short_has_not_collapsed():
    assert not has_collapsed(result_of(0.9, iteration=90), variance=1.0, sigma=0.1)


def test_an_overflow_is_a_collapse_however_early_and_however_good_the_last_finite_image():
    assert has_collapsed(result_of(0.1, iteration=10, reason=StopReason.NOT_FINITE), variance=1.0, sigma=0.1)


def test_candidates_share_their_held_out_pixels_and_members_do_not(monkeypatch):
    seen = []
    real = module.fit

    def spy(generator, problem, **options):
        seen.append(problem.held_out)
        return real(generator, problem, **options)

    monkeypatch.setattr(module, "fit", spy)
    run(replace(PRESET, decoders=SPECS[:2], members=4))
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[2], seen[3])


def test_interruption_ends_the_ensemble_with_the_fits_that_are_done():
    y = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    asked = iter(range(1000))
    # 5 iterations a fit: the seventh question falls into the second fit.
    result = Ensemble(y, torch.ones_like(y), PRESET, sigma=0.5, seed=0, cancelled=lambda: next(asked) == 6).run()
    assert result.interrupted
    assert [member.weight for member in result.members] == [1, 0]
