"""Groups of similar patches for a contest of priors: one course of passes, or the mean of two that err differently."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from cgdenoise.operators import Measurement
from cgdenoise.restoration.competition import Contender, Trial
from cgdenoise.restoration.mixture import BOTH
from cgdenoise.restoration.plug_and_play import Mixing, pixels_refined

_AGAIN = 12
"""Passes of the groups with all measurements, after all passes with those that do not judge. Against all passes anew, which take
half as long again: -0.16 to +0.5 dB with a quarter of the Fourier lines; with 8 -0.33 to +0.17 (`benchmarks/NOTES.md`, "Priors in
contest")."""


def contend(trial: Trial, whole: Measurement, mixing: Mixing, start: Tensor, refine: Callable[..., Tensor]) -> Contender:
    """Return what the groups make of a start [C, H, W] with the measurements that do not judge, and then with all of them.

    Where exact measurements mix up the whole image there is a second course, which filters what is whitened: its errors differ,
    and the mean of both counts if it explains more of what judges. `refine` is `plug_and_play` with all that the two share.
    """
    courses = {False: refine(trial.training, start)}
    judged = courses[False]
    if takes_two(whole, mixing):
        second = refine(trial.training, start, whitened=True)
        mean = (judged + second) / 2
        if trial.error(mean) < trial.error(judged):
            courses[True], judged = second, mean
    images = [refine(whole, image, passes=_AGAIN, whitened=whitened) for whitened, image in courses.items()]
    return Contender(BOTH, judged, sum(images[1:], images[0]) / len(images))


def takes_two(measurement: Measurement, mixing: Mixing) -> bool:
    """Tell whether a second course may pay: with noise, with neighbours alone mixed, or with single pixels it did not."""
    return not (measurement.variance or mixing.singly or mixing.near)


def pixels_contending(measurement: Measurement, mixing: Mixing) -> int:
    """Return how many pixels `contend` filters, at most."""
    courses = 2 if takes_two(measurement, mixing) else 1
    return courses * (pixels_refined(measurement, mixing) + pixels_refined(measurement, mixing, _AGAIN))
