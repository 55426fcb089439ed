"""The time of a restoration: told from that of smaller images, by a clock that the work moves."""

import math
from types import SimpleNamespace

import pytest

from cgdenoise.restoration import duration
from cgdenoise.restoration.presets import PRESETS

SIZES = [(24, 24), (256, 900), (512, 512), (769, 30), (3000, 4000)]
ITERATION, FILTER = 0.25, 3.0


@pytest.mark.parametrize("size", SIZES)
def test_large_images_are_never_made(monkeypatch, size):
    made = []

    def fit(generator, problem, **_):
        made.append(tuple(problem.y.shape[2:]))

    monkeypatch.setattr(duration, "fit", fit)
    duration.seconds_at_most(["fast"], size, 1)
    assert set(made) == {tuple(min(side, 512) for side in size)} | (
        {tuple(min(side, 256) for side in size)} if max(size) > 512 else set()
    )


@pytest.mark.parametrize("size", SIZES)
def test_time_grows_linearly_with_the_pixels(monkeypatch, size):
    monkeypatch.setattr(duration, "_measured_iteration", lambda chosen, part, channels: 8 + 1e-5 * math.prod(part))
    monkeypatch.setattr(duration, "_guide_seconds", lambda chosen, whole, channels: 7.0)
    expected = 7 + PRESETS["balanced"].most_iterations * (8 + 1e-5 * math.prod(size))
    assert duration.seconds_at_most(["balanced"], size, 3) == {"balanced": pytest.approx(expected)}


def test_noise_of_the_clock_never_makes_a_larger_image_quicker(monkeypatch):
    monkeypatch.setattr(duration, "_measured_iteration", lambda chosen, part, channels: 1 / math.prod(part))
    monkeypatch.setattr(duration, "_guide_seconds", lambda chosen, whole, channels: 0.0)
    found = duration.seconds_at_most(["balanced"], (3000, 4000), 3)
    assert found == {"balanced": PRESETS["balanced"].most_iterations / 512**2}


def test_presets_that_step_alike_are_measured_once(monkeypatch):
    measured = []
    monkeypatch.setattr(duration, "_measured_iteration", lambda chosen, part, channels: measured.append(part) or 2.0)
    monkeypatch.setattr(duration, "_guide_seconds", lambda chosen, whole, channels: 5.0)
    found = duration.seconds_at_most(["fast", "balanced"], (3000, 4000), 3)
    assert measured == [(512, 512), (256, 256)]
    assert found == {"fast": 2.0 * PRESETS["fast"].most_iterations, "balanced": 2.0 * PRESETS["balanced"].most_iterations + 5}


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]

    def passes(seconds):
        now[0] += seconds

    monkeypatch.setattr(duration, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(duration, "fit", lambda *args, schedule, **others: passes(ITERATION * schedule.max_iterations))
    monkeypatch.setattr(
        duration, "filter_patches", lambda y, noise, generated, estimates: passes(estimates * FILTER * y[0].numel())
    )


@pytest.mark.parametrize("preset", ["fast", "balanced", "best"])
def test_time_is_that_of_all_iterations_and_of_the_filters(clock, preset):
    assert not PRESETS["fast"].guided
    filters = PRESETS[preset].estimates * 120 * 100 * FILTER if PRESETS[preset].guided else 0
    found = duration.seconds_at_most([preset], (120, 100), 3)
    assert found == {preset: ITERATION * PRESETS[preset].most_iterations + filters}


def test_a_single_pixel_takes_no_time(clock):
    assert duration.seconds_at_most(["balanced"], (1, 1), 3) == {"balanced": 0}
