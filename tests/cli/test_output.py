"""What the user sees beside results."""

from dataclasses import replace
from functools import cache

import pytest

from cgdenoise.cli.report import sentence
from cgdenoise.generators.kernels import native


@pytest.mark.filterwarnings("default::RuntimeWarning")
def test_a_warning_is_one_line_without_a_place_in_the_source(denoise, folder, noisy_png, monkeypatch):
    damaged = replace(native.LAYER, folder=folder)
    damaged.path.touch()
    monkeypatch.setattr(native, "LAYER", damaged)
    monkeypatch.setattr(native, "library", cache(native.library.__wrapped__))
    outcome = denoise("noisy.png")
    assert outcome.code == 0
    (line,) = outcome.err.splitlines()
    assert line.startswith(
        f"cgdenoise: warning: the compiled kernels are not used, and a fit takes about 1.7 times as long: {folder}"
    )


def test_an_image_that_was_left_as_it_was_is_said_to_be_in_a_few_words():
    parts = [{"name": "both", "weight": 0.0}, {"name": "input", "weight": 1.0}]
    end = {
        "fits": 1,
        "averaged": 1,
        "depth": 4,
        "iteration": 40,
        "reason": "budget",
        "parts": parts,
        "made_of": "the input as it was",
    }
    end |= {"noise": "gaussian", "sigma": 3.0, "noise_given": [], "tiles": 0, "seconds": 2.0, "warnings": ["it is texture"]}
    end |= dict.fromkeys(("picture", "missing", "psnr", "start"))
    assert sentence(end) == "the input as it was, 2.0 s (with a warning)"
    noisy = end | {"parts": [{"name": "both", "weight": 1.0}], "made_of": "groups", "warnings": []}
    assert sentence(noisy) == "groups (1 fit, depth 4, iteration 40: budget spent), gaussian noise 3 (estimated), 2.0 s"
