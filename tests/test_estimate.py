"""The time a restoration takes, by a clock that the work moves."""

from types import SimpleNamespace

import pytest

from cgdenoise import estimate
from cgdenoise.presets import PRESETS

ITERATION, FILTER = 0.25, 3.0


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    now = [0.0]

    def passes(seconds):
        now[0] += seconds

    monkeypatch.setattr(estimate, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(estimate, "fit", lambda *args, max_iterations, **others: passes(ITERATION * max_iterations))
    monkeypatch.setattr(estimate, "nonlocal_ridge", lambda noise, of: passes(FILTER * noise[0].numel()))
    monkeypatch.setattr(estimate, "equivalent_passes", lambda size: 10 * size[0] * size[1])


@pytest.mark.parametrize("preset", ["fast", "balanced", "best"])
def test_time_is_that_of_all_iterations_and_of_the_filters(preset):
    assert not PRESETS["fast"].guided
    filters = 10 * 120 * 100 * FILTER if PRESETS[preset].guided else 0
    assert estimate.seconds_at_most(preset, (120, 100), 3) == ITERATION * PRESETS[preset].most_iterations + filters


def test_a_single_pixel_takes_no_time():
    assert estimate.seconds_at_most("balanced", (1, 1), 3) == 0
