"""The pipeline: which stages run, what they are told, and how it ends."""

import pytest
import torch

from cgdenoise.fitting.members import FailedFitsError, Member
from cgdenoise.fitting.results import Evaluation, FitLabel, FitResult, StopReason
from cgdenoise.progress import Cancelled
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.pipeline import Context, Stage, run_stages


def context(seen=None, cancelled=lambda: False):
    return Context.of(torch.device("cpu"), 0, Hooks(progress=(seen if seen is not None else []).append, cancelled=cancelled), 100)


def append(letter):
    return lambda state, context: state + letter


def failure(state, context):
    label = FitLabel(0, 0, 3, 0, False, 1)
    stuck = Evaluation(1, 1.0, 1.0, 1.0)
    result = FitResult(torch.zeros(1, 1, 2, 2), stuck, StopReason.BUDGET, (stuck,), 0.0)
    raise FailedFitsError([Member(label, result, 1.0, torch.zeros(1, 1, 2, 2, dtype=torch.bool))])


def test_stages_run_in_order_and_those_that_do_not_apply_are_passed_over():
    stages = [
        Stage("a", append("a")),
        Stage("b", append("b"), applies=lambda state: "x" in state),
        Stage("c", append("c"), applies=lambda state: state == "a"),
    ]
    assert run_stages(stages, "", context()) == "ac"


def test_each_stage_is_told_with_its_work_and_that_of_those_ahead_as_they_are_known_then():
    seen = []
    stages = [
        Stage("first", append("a"), lambda state: 10.0),
        Stage("second", append("b"), lambda state: 5.0 if state else 7.0),
        Stage("never", append("c"), lambda state: 100.0, applies=lambda state: False),
    ]
    run_stages(stages, "", context(seen))
    assert [(now.stage, now.done, now.left) for now in seen] == [("first", 0, 17), ("second", 0, 5)]


def test_a_cancelled_stage_leaves_the_state_and_no_other_begins():
    def end(state, context):
        raise Cancelled

    run = context()
    assert run_stages([Stage("a", append("a")), Stage("b", end), Stage("c", append("c"))], "", run) == "a"
    assert run.interrupted


def test_a_stage_that_notes_the_interruption_keeps_what_it_has():
    def partly(state, context):
        context.interrupted = True
        return state + "b"

    assert run_stages([Stage("a", partly), Stage("c", append("c"))], "", context()) == "b"


def test_a_filter_hears_of_the_cancellation_at_its_next_tick():
    calls = iter([False, True])

    def filtering(state, context):
        for _ in range(5):
            context.meter.tick(10)
        return state + "b"

    run = context(cancelled=lambda: next(calls))
    assert run_stages([Stage("b", filtering)], "a", run) == "a"
    assert run.interrupted


def test_a_failed_fit_goes_to_the_fallback_or_to_the_caller():
    def without(state, error):
        return state + "f"

    assert run_stages([Stage("fits", failure, fallback=without), Stage("c", append("c"))], "", context()) == "fc"
    with pytest.raises(FailedFitsError, match="all 1 fits"):
        run_stages([Stage("fits", failure)], "", context())


def test_random_numbers_follow_the_seed():
    draws = [torch.rand(3, generator=Context.of(torch.device("cpu"), seed, Hooks(), 1).rng) for seed in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
