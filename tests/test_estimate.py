"""The time of a restoration, told from that of smaller images."""

import math

import pytest

from cgdenoise import estimate

SIZES = [(24, 24), (256, 900), (768, 768), (769, 30), (3000, 4000)]


@pytest.mark.parametrize("size", SIZES)
def test_large_images_are_never_made(monkeypatch, size):
    made = []

    def fit(generator, problem, **_):
        made.append(tuple(problem.y.shape[2:]))

    monkeypatch.setattr(estimate, "fit", fit)
    estimate.seconds_at_most("fast", size, 1)
    assert set(made) == {tuple(min(side, 768) for side in size)} | (
        {tuple(min(side, 256) for side in size)} if max(size) > 768 else set()
    )


@pytest.mark.parametrize("size", SIZES)
def test_time_grows_linearly_with_the_pixels(monkeypatch, size):
    monkeypatch.setattr(estimate, "_fit_seconds", lambda chosen, part, channels: 80 + 1e-4 * math.prod(part))
    monkeypatch.setattr(estimate, "_guide_seconds", lambda whole, channels: 7.0)
    assert estimate.seconds_at_most("balanced", size, 3) == pytest.approx(87 + 1e-4 * math.prod(size))


def test_noise_of_the_clock_never_makes_a_larger_image_quicker(monkeypatch):
    monkeypatch.setattr(estimate, "_fit_seconds", lambda chosen, part, channels: 1 / math.prod(part))
    monkeypatch.setattr(estimate, "_guide_seconds", lambda whole, channels: 0.0)
    assert estimate.seconds_at_most("balanced", (3000, 4000), 3) == 1 / 768**2
