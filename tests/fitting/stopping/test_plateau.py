"""The rule for exact measurements, on made-up curves."""

import math

import pytest

from cgdenoise.fitting.results import Evaluation, StopReason
from cgdenoise.fitting.stopping import Plateau


def watch(held_out, patience=20):
    """Return the iteration kept, and where and why it stopped; evaluations are 5 iterations apart."""
    monitor, kept = Plateau(patience).monitor(), 0
    for number, error in enumerate(held_out, start=1):
        verdict = monitor.observe(Evaluation(5 * number, 1.0, 1.0, error))
        kept = 5 * number if verdict.keep else kept
        if verdict.stop:
            return kept, 5 * number, verdict.stop
    return kept, None, None


@pytest.mark.parametrize(
    ("held_out", "expected"),
    [
        ([3.0, 2.0, 1.0, 1.1, 1.29], (25, None, None)),  # a little above the least is no reason
        ([3.0, 1.0, *[1.4] * 10], (10, 30, StopReason.HELD_OUT)),
        ([1.0, 1.4, 1.4, 1.05, *[1.4] * 10], (20, 40, StopReason.HELD_OUT)),  # the patience begins anew
        ([math.nan] * 10, (50, None, None)),  # nothing is held out
    ],
)
def test_keeps_the_latest_near_the_least(held_out, expected):
    assert watch(held_out) == expected
