"""Exact indices on synthetic curves, and on re-use: a rule is configuration, a monitor one run."""

import math

import pytest

from cgdenoise.fitting.results import Evaluation, StopReason
from cgdenoise.fitting.stopping import Budget, HoldOut, NoiseLevel, leverage, predicted_error
from cgdenoise.fitting.stopping.base import StoppingRule


def run(rule: StoppingRule, held_out: list[float], residual: list[float] | None = None) -> tuple[int, int, StopReason | None]:
    """Feed a curve, one value every 10 iterations; return the kept iteration, the last one, and the reason."""
    monitor, kept, number = rule.monitor(), 0, 0
    for number, error in enumerate(held_out, start=1):
        trained = held_out[number - 1] if residual is None else residual[number - 1]
        verdict = monitor.observe(Evaluation(10 * number, trained, trained, error))
        if verdict.keep:
            kept = 10 * number
        if verdict.stop:
            return kept, 10 * number, verdict.stop
    return kept, 10 * number, None


V_CURVE = [9.0, 7.0, 5.0, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0]


def test_hold_out_keeps_the_minimum_and_stops_after_patience():
    assert run(HoldOut(patience=30), V_CURVE) == (40, 70, StopReason.HELD_OUT)


@pytest.mark.parametrize(("patience", "last"), [(10, 50), (20, 60), (50, 90)])
def test_patience_is_counted_in_iterations_from_the_minimum(patience, last):
    assert run(HoldOut(patience=patience), V_CURVE)[:2] == (40, last)


def test_a_bump_shorter_than_patience_is_ridden_out():
    assert run(HoldOut(patience=30), [5, 4, 4.5, 4.6, 3, 3.5, 3.6, 3.7]) == (50, 80, StopReason.HELD_OUT)


def test_a_falling_curve_does_not_stop():
    assert run(HoldOut(patience=20), [10.0 - k for k in range(9)]) == (90, 90, None)


def test_a_flat_curve_keeps_its_first_point():
    assert run(HoldOut(patience=30), [1.0] * 9) == (10, 40, StopReason.HELD_OUT)


def test_a_rule_serves_two_runs_without_memory_of_the_first():
    rule = HoldOut(patience=30)
    assert run(rule, [0.1, 0.2, 0.3, 0.4, 0.5]) == (10, 40, StopReason.HELD_OUT)
    assert run(rule, V_CURVE) == (40, 70, StopReason.HELD_OUT)


def test_known_noise_lets_the_fit_run_past_the_held_out_minimum():
    held_out = [1.50, 1.30, 1.20, 1.203, 1.206, 1.3, 1.4, 1.5, 1.6]
    residual = [1.48, 1.27, 1.15, 1.12, 1.10, 1.0, 0.9, 0.8, 0.7]
    assert run(HoldOut(patience=30), held_out, residual)[0] == 30
    assert run(HoldOut(patience=30, sigma=math.sqrt(0.9)), held_out, residual)[0] > 30


def test_slack_bounds_how_far_a_wrong_sigma_can_lead():
    # σ far too small: the estimate would follow the residual down to the last point.
    held_out = [1.5, 1.2, 1.22, 1.4, 1.6, 1.8]
    residual = [1.4, 1.1, 1.0, 0.8, 0.6, 0.4]
    rule = HoldOut(patience=1000, sigma=0.01, slack=0.03)
    assert run(rule, held_out, residual)[0] == 30


def test_predicted_error_of_a_linear_smoother_is_mallows_cp():
    # Residual and leave-one-out error of a smoother with constant leverage: (1 - h)² v and v.
    leverage, loo, sigma = 0.25, 2.0, 1.1
    evaluation = Evaluation(1, 0.0, (1 - leverage) ** 2 * loo, loo)
    assert predicted_error(evaluation, sigma) == pytest.approx(evaluation.residual + 2 * leverage * sigma**2)


def test_predicted_error_without_leverage_is_the_held_out_error():
    assert predicted_error(Evaluation(1, 0.0, 2.0, 1.9), sigma=1.0) == 1.9


def test_predicted_error_caps_sigma_by_the_held_out_error():
    evaluation = Evaluation(1, 0.0, 1.0, 1.44)
    assert predicted_error(evaluation, sigma=50.0) == predicted_error(evaluation, sigma=1.2)


def test_noise_level_stops_at_the_first_residual_at_or_below_the_variance():
    rule = NoiseLevel(sigma=2.0)
    assert run(rule, [9.0] * 5, [9.0, 5.0, 4.0, 3.0, 2.0]) == (30, 30, StopReason.NOISE_LEVEL)
    assert run(rule, [9.0] * 2, [9.0, 4.1]) == (20, 20, None)


def test_budget_keeps_the_last_and_never_stops():
    assert run(Budget(), V_CURVE) == (100, 100, None)


@pytest.mark.parametrize(
    ("residual", "held_out", "share"), [(0.25, 1.0, 0.5), (1.0, 1.0, 0.0), (2.0, 1.0, 0.0), (1.0, math.nan, 0.0)]
)
def test_leverage_ties_the_residual_to_the_held_out_error(residual, held_out, share):
    assert leverage(Evaluation(1, residual, residual, held_out)) == share
