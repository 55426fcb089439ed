"""How a call is watched: a bar, a callable, or everything."""

from dataclasses import replace

import numpy as np
import pytest

from cgdenoise import PRESETS, Hooks, OptionError, Progress, denoise
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.noise.known import KnownNoise
from cgdenoise.restoration.hooks import watching

TINY = replace(PRESETS["fast"], generators=(DecoderSpec((8, 8)),), probe_iterations=0, max_iterations=10)
IMAGE = np.random.default_rng(0).normal(100, 10, (16, 16))


def test_true_draws_a_bar_that_ends_full(capsys):
    denoise(IMAGE, 10.0, preset=TINY, progress=True)
    shown = capsys.readouterr()
    assert "100%" in shown.err
    assert "fits" in shown.err
    assert shown.out == ""


def test_nothing_is_shown_unasked(capsys):
    denoise(IMAGE, 10.0, preset=TINY)
    assert capsys.readouterr() == ("", "")


def test_a_callable_sees_the_progress():
    seen = []
    denoise(IMAGE, 10.0, preset=TINY, progress=seen.append)
    assert all(isinstance(now, Progress) for now in seen)
    assert seen[-1].left == 0


def test_hooks_are_taken_as_they_are():
    hooks = Hooks(cancelled=lambda: True)
    with watching(hooks) as found:
        assert found is hooks


def test_the_noise_may_be_told_in_one_piece_but_not_twice():
    told = denoise(IMAGE, noise=KnownNoise("gaussian", sigma=12.0), preset=TINY)
    assert (told.sigma, told.sigma_estimated) == (12.0, False)
    assert np.array_equal(told.image, denoise(IMAGE, 12.0, noise="gaussian", preset=TINY).image)
    with pytest.raises(OptionError, match="sigma 3 beside"):
        denoise(IMAGE, 3, noise=KnownNoise("gaussian"), preset=TINY)


def test_a_result_says_what_it_is_in_a_few_lines():
    text = repr(denoise(IMAGE, 10.0, preset=TINY))
    assert text.count("\n") == 4
    assert "image (16, 16), float64" in text
    assert "array(" not in text
    assert "made of the generator (1 fit, depth " in text
