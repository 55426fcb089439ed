"""Iterations made and left, over the fits of an image."""

from cgdenoise.fitting.results import FitLabel
from cgdenoise.fitting.spending import Spending


def label(index, group=None, budget=250):
    return FitLabel(index, index if group is None else group, 4, 0, False, budget)


def test_what_a_fit_left_of_its_budget_is_not_to_come():
    fits = Spending(500)
    assert fits.spend(label(0), 100) == (100, 400)
    assert fits.spend(label(1), 100) == (100, 150)


def test_fits_made_together_are_all_still_to_come():
    fits = Spending(500)
    for iteration, left in ((50, (450, 400)), (100, (350, 300))):
        for index in (0, 1):
            assert fits.spend(label(index, group=0), iteration) == (50, left[index])


def test_a_restarted_fit_adds_to_the_work_and_never_leaves_less_than_none():
    fits = Spending(250)
    assert fits.spend(label(0), 250) == (250, 0)
    assert fits.spend(label(1), 250) == (250, 0)
