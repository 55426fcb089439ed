"""What the user sees beside results."""

from dataclasses import replace
from functools import cache

import pytest

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
