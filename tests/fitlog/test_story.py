"""What a log says, in words."""

import pytest

from cgdenoise import names
from cgdenoise.fitlog import story

FIT = {
    "fit": 3,
    "depth": 4,
    "probe": False,
    "weight": 1.0,
    "iteration": 40,
    "last_iteration": 40,
    "max_iterations": 40,
    "reason": "budget",
}


@pytest.mark.parametrize(
    ("fits", "words"),
    [
        ([FIT], "iteration 40 of fit 3, at depth 4: its last, for the budget was spent"),
        ([FIT | {"iteration": 35}], "iteration 35 of fit 3, at depth 4: the best of the 40 that it had"),
        (
            [FIT | {"reason": "held-out", "last_iteration": 60}, FIT | {"fit": 4, "weight": 0.5}],
            "iteration 40 of fit 3, at depth 4, averaged with 1 more: "
            "after it the error on values that it was not shown fell no more, up to iteration 60",
        ),
        ([FIT | {"probe": True, "weight": 0.0}], "nothing was fitted"),
        ([FIT | {"probe": True}], "iteration 40 of fit 3, at depth 4: its last, for the budget was spent"),
        ([FIT | {"weight": 0.0}], "the fit did not come near the image"),
        ([FIT | {"weight": 0.0}] * 2, "none of 2 fits came near the image"),
    ],
)
def test_which_iteration_was_kept_and_why(fits, words):
    assert story.kept(fits) == words


def test_parts_that_round_to_nothing_are_not_named():
    parts = [("generator", 0.004), ("total variation", 0.19), ("both", 0.806), ("input", 0.0)]
    assert names.made_of(parts) == "81% groups of similar patches, guided by the generator, 19% total variation"
    assert names.made_of([("generator", 0.004), ("both", 0.996)]) == "groups of similar patches, guided by the generator"


def test_counts_of_a_line_are_those_of_the_record():
    end = {"averaged": 1, "fits": 3, "depth": 5, "iteration": 70, "reason": "held-out"}
    assert story.briefly(end) == "1 of 3 fits, depth 5, iteration 70: held-out error fell no more"
    assert story.briefly(end | {"averaged": 3}).startswith("3 fits, ")
    assert story.briefly(end | {"averaged": 0}) == "no fit"


def test_what_was_given_of_the_noise_is_not_called_estimated():
    given = story.told({"noise": "poisson", "gain": 11.0, "sigma": None, "offset": None}, True)
    assert story.known_by(given) == "given: kind, gain"
    assert story.known_by(story.told({"noise": "auto", "sigma": 3.0}, False)) == "given: level"
    assert story.known_by(story.told({"noise": "auto", "sigma": 3.0}, True)) == "estimated"  # of an inverse problem
