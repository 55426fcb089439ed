"""When a reconstruction counts as one: by what it predicts, by what it misses, and when nobody can tell."""

import math
from dataclasses import replace

import pytest
import torch

from cgdenoise.fitting.ensemble import FitLabel, Member
from cgdenoise.fitting.results import Evaluation, FitResult, StopReason
from cgdenoise.operators import DenseMatrix, Measurement
from cgdenoise.restoration.evidence import SMOOTH, Evidence, Misfit, gather_evidence

RIGHT = Evidence(Misfit(10.0, 50.0, 100), Misfit(0.1, 50.0, 2000), 0.0, True)
PREDICTS_NOTHING = replace(RIGHT, held_out=Misfit(51.0, 50.0, 100))


@pytest.mark.parametrize(
    ("rms", "sigma", "share"),
    [
        (25.0, 0.0, 0.5),
        (14.0, 10.0, 0.0),  # may be noise
        (20.0, 10.0, math.sqrt(300 / 2400)),
        (50.0, 10.0, 1.0),
        (90.0, 55.0, math.inf),  # there was nothing but noise, and yet the error is larger
    ],
)
def test_share_is_of_what_is_no_noise(rms, sigma, share):
    assert Misfit(rms, 50.0, 100).share(sigma) == pytest.approx(share)


def test_what_predicts_no_better_than_a_constant_explains_nothing():
    assert not RIGHT.explains_nothing
    assert PREDICTS_NOTHING.explains_nothing
    assert "held-out error 51, that of a constant image 50" in PREDICTS_NOTHING.summary()


@pytest.mark.parametrize("change", [{"held_out": Misfit(51.0, 50.0, 10)}, {"sampled_fairly": False}], ids=["few", "unfair"])
def test_held_out_values_that_do_not_speak_for_all_do_not_count(change):
    unsure = replace(PREDICTS_NOTHING, **change)
    assert not unsure.explains_nothing
    assert unsure.doubt(SMOOTH) is None
    missed = replace(unsure, result=Misfit(49.0, 50.0, 2000))
    assert missed.explains_nothing
    assert "error of the result 49" in missed.summary()


def test_noise_that_accounts_for_everything_explains_nothing():
    noisy = replace(RIGHT, result=Misfit(40.0, 50.0, 2000))
    assert not replace(noisy, sigma=60.0).explains_nothing  # a level that may be 20 % too high
    assert replace(noisy, sigma=90.0).explains_nothing
    assert "noise 90 is more than" in replace(noisy, sigma=90.0).summary()


@pytest.mark.parametrize(
    ("change", "bound", "words"),
    [
        ({}, 0.5, None),
        ({}, 0.15, "held-out error 10, that of a constant image 50, with no noise"),
        ({"sigma": 9.0}, 0.15, None),
        ({"sigma": 6.0}, 0.15, "with noise 6"),
        ({"result": Misfit(12.0, 50.0, 2000)}, 0.5, "error of the result 12"),
        ({"result": Misfit(12.0, 50.0, 2000), "sigma": 9.0}, 0.5, None),
    ],
)
def test_doubt_is_about_more_than_the_noise(change, bound, words):
    doubt = replace(RIGHT, **change).doubt(bound)
    assert doubt is None if words is None else words in doubt


def member(held_out, error, weight=1.0, reason=StopReason.HELD_OUT, iterations=200):
    chosen = Evaluation(iterations, error, error, error)
    result = FitResult(torch.zeros(1, 1, 2, 2), chosen, reason, (chosen,), 1.0)
    return Member(FitLabel(0, 0, 4, 0, False, 400), result, error, torch.tensor(held_out), weight=weight)


MATRIX = DenseMatrix(torch.eye(4, dtype=torch.float64), (1, 2, 2))
Y = torch.tensor([1.0, 3.0, 2.0, math.nan], dtype=torch.float64)
MEASUREMENT = Measurement(MATRIX, Y, torch.tensor([1.0, 1.0, 1.0, 0.0]), 0.5)
FIRST, SECOND = [True, False, False, False], [False, False, True, False]


def gathered(*members):
    image = torch.tensor([[[1.0, 3.0], [5.0, 100.0]]], dtype=torch.float64)
    return gather_evidence(MEASUREMENT, image, members, 10.0, True)


def test_evidence_is_gathered_from_what_was_measured_in_its_unit():
    found = gathered(member(FIRST, 0.25, 0.75), member(SECOND, 0.64, 0.25), member(FIRST, 9.0, 0.0))
    # The best constant is 2: it misses the first value by 1, the third by nothing.
    assert found.held_out == Misfit(
        pytest.approx(10 * math.sqrt(0.75 * 0.25 + 0.25 * 0.64)), pytest.approx(10 * math.sqrt(0.75)), 2
    )
    assert found.result == Misfit(pytest.approx(10 * math.sqrt(3)), pytest.approx(10 * math.sqrt(2 / 3)), 3)
    assert (found.sigma, found.sampled_fairly) == (5.0, True)


def test_fits_that_were_cut_short_are_no_evidence():
    short = member(FIRST, 9.0, reason=StopReason.BUDGET, iterations=50)
    assert gathered(short) is None
    assert gathered(short, member(FIRST, 0.25)).held_out.rms == pytest.approx(5)


def test_nothing_held_out_leaves_the_result_to_judge():
    found = gathered(member([False] * 4, math.nan))
    assert found.held_out.count == 0
    assert found.explains_nothing  # the result misses by more than the constant does
