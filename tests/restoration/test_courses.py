"""One course of the groups, or the mean of two, by what was held out."""

import pytest
import torch

from cgdenoise.operators import ComplexFromChannels, Measurement, subsampled_fourier
from cgdenoise.restoration.competition import Trial
from cgdenoise.restoration.courses import contend, pixels_contending
from cgdenoise.restoration.plug_and_play import Mixing, plug_and_play

SIDE = 48
LINES = torch.rand(SIDE, generator=torch.Generator().manual_seed(3)) > 0.5
OPERATOR = subsampled_fourier(LINES[None], (SIDE, SIDE)) @ ComplexFromChannels((2, SIDE, SIDE))
TRUTH, PATTERN = torch.rand(2, 2, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def measured(sigma: float = 0.0) -> Measurement:
    return Measurement.complete(OPERATOR, OPERATOR(TRUTH), sigma)


def trial() -> Trial:
    held_out = torch.zeros(OPERATOR.out_shape, dtype=torch.bool)
    held_out[..., LINES.nonzero()[-3:, 0]] = True
    return Trial.of(measured(), held_out)


@pytest.mark.parametrize(
    ("plain", "whitened", "sigma", "expected", "made"),
    [
        (0.2, -0.2, 0.0, 0.0, [False, True, False, True]),  # errors that cancel
        (0.2, 0.6, 0.0, 0.2, [False, True, False]),
        (0.2, -0.2, 0.1, 0.2, [False, False]),  # noise: not tried
    ],
)
def test_a_second_course_counts_if_it_explains_what_was_held_out(plain, whitened, sigma, expected, made):
    asked = []

    def refine(measurement, start, *, passes=24, whitened=False):
        asked.append(whitened)
        return TRUTH + errors[whitened] * PATTERN

    errors = {False: plain, True: whitened}
    whole = measured(sigma)
    mixing = Mixing.of(whole)
    found = contend(trial(), whole, mixing, torch.zeros_like(TRUTH), refine)
    assert asked == made
    for image in (found.judged, found.image):
        torch.testing.assert_close(image, TRUTH + expected * PATTERN)


@pytest.mark.parametrize("sigma", [0.0, 0.1])
def test_the_work_of_all_courses_is_foreseen(sigma):
    told: list[float] = []
    whole = measured(sigma)
    mixing = Mixing.of(whole)

    def refine(measurement, start, **settings):
        return plug_and_play(measurement, start, iterations=1, tick=told.append, **settings)

    contend(trial(), whole, mixing, 0.5 * TRUTH, refine)
    most = pixels_contending(whole, mixing)
    assert 0.6 * most < sum(told) <= most * (1 + 1e-6)


def test_a_whitened_course_agrees_with_what_was_measured():
    whole = measured()
    restored = plug_and_play(whole, 0.5 * TRUTH, whitened=True)
    torch.testing.assert_close(OPERATOR(restored), whole.y, rtol=0, atol=1e-4)
    assert (restored - plug_and_play(whole, 0.5 * TRUTH)).abs().max() > 1e-3
