"""The meter: work done and work left, over all stages."""

import pytest

from cgdenoise.fitting.results import FitLabel
from cgdenoise.progress import Cancelled, Meter


def label(index, group=None, budget=250, trial=False):
    return FitLabel(index, index if group is None else group, 4, 0, trial, budget)


@pytest.fixture
def seen():
    return []


def meter(seen, iterations=500, cancelled=lambda: False, **stages):
    return Meter(iterations, stages, 1000, lambda now: seen.append((now.stage, now.done, now.left)), cancelled)


def test_fits_are_the_first_stage_of_several(seen):
    meter(seen, patches=2000).fitted(label(0), 100)
    # A filter of the image's 1000 pixels counts as 30 iterations.
    assert seen == [("fit 1 at depth 4", 100, 400 + 60)]


def test_what_a_fit_left_of_its_budget_is_not_to_come(seen):
    fits = meter(seen)
    fits.fitted(label(0), 100)
    fits.fitted(label(1), 100)
    assert seen[1] == ("fit 2 at depth 4", 200, 150)


def test_fits_made_together_are_all_still_to_come(seen):
    fits = meter(seen)
    for iteration in (50, 100):
        for index in (0, 1):
            fits.fitted(label(index, group=0), iteration)
    assert seen[-1] == ("fit 1 at depth 4", 200, 300)
    assert {stage for stage, _, _ in seen} == {"fit 1 at depth 4"}


def test_trials_are_named(seen):
    meter(seen).fitted(label(0, trial=True), 5)
    assert seen[0][0] == "trial 1 at depth 4"


def test_a_restarted_fit_adds_to_the_work_and_never_leaves_less_than_none(seen):
    fits = meter(seen, iterations=250)
    fits.fitted(label(0), 250)
    fits.fitted(label(1), 250)
    assert [(done, left) for _, done, left in seen] == [(250, 0), (500, 0)]


def test_stages_follow_the_fits_and_leave_out_what_was_not_needed(seen):
    work = meter(seen, gaps=1000, patches=2000)
    work.fitted(label(0), 100)
    tick = work.tick("patches")
    tick(500)
    tick(1500)
    assert seen[1:] == [("patches", 115, 45), ("patches", 160, 0)]


def test_a_stage_that_is_cancelled_ends_before_it_reports(seen):
    asked = iter([False, True])
    tick = meter(seen, cancelled=lambda: next(asked), patches=1000).tick("patches")
    tick(10)
    with pytest.raises(Cancelled):
        tick(10)
    assert len(seen) == 1
