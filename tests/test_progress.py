"""The meter: work done and work left, over all stages."""

import pytest

from cgdenoise.progress import FILTER, Cancelled, Meter, filtered_at_a_time


@pytest.fixture
def seen():
    return []


def meter(seen, cancelled=lambda: False):
    return Meter(1000, lambda now: seen.append((now.stage, now.done, now.left)), cancelled)


def test_a_stage_counts_what_it_does_and_what_is_ahead(seen):
    work = meter(seen)
    work.begin("fits", 500, 60)
    work.advance(100)
    assert seen == [("fits", 0, 560), ("fits", 100, 460)]


def test_a_stage_may_know_better_what_is_left(seen):
    work = meter(seen)
    work.begin("fits", 500, 60)
    work.advance(100, left=150, name="fit 2 at depth 4")
    assert seen[-1] == ("fit 2 at depth 4", 100, 210)


def test_what_a_stage_left_undone_is_not_to_come(seen):
    work = meter(seen)
    work.begin("fits", 500, 60)
    work.advance(100)
    work.begin("patches", 60, 0)
    assert seen[-1] == ("patches", 100, 60)


def test_filtered_pixels_are_work_and_never_leave_less_than_none(seen):
    work = meter(seen)
    work.begin("patches", 2 * FILTER, 0)
    for pixels in (500, 1500, 1000):  # of 1000 that the image has
        work.tick(pixels)
    assert seen[1:] == [("patches", FILTER / 2, 1.5 * FILTER), ("patches", 2 * FILTER, 0), ("patches", 3 * FILTER, 0)]


def test_a_stage_that_is_cancelled_ends_before_it_reports(seen):
    asked = iter([False, True])
    work = meter(seen, cancelled=lambda: next(asked))
    work.begin("patches", 30, 0)
    work.tick(10)
    with pytest.raises(Cancelled):
        work.tick(10)
    assert len(seen) == 2


def test_a_filter_of_a_volume_is_little_beside_an_iteration_in_three_dimensions():
    assert filtered_at_a_time((3, 8, 8)) == 64
    assert filtered_at_a_time((1, 8, 8)) == 2 * 64  # of fewer channels to filter
    assert filtered_at_a_time((3, 2, 8, 8)) > 5 * 2 * 64
