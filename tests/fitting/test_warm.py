"""Fits that start from the weights of the frame before."""

from dataclasses import replace

import pytest
import torch

from cgdenoise.fitting.ensemble import Ensemble
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.operators import Identity, Measurement
from cgdenoise.restoration.presets import PRESETS

PRESET = replace(PRESETS["fast"], generators=(DecoderSpec((16, 16, 8)), DecoderSpec((16, 16, 16, 8))), probe_iterations=5)
SCENE = torch.linspace(0, 1, 24).expand(1, 24, 24)
OTHER = (SCENE.mT > 0.5).float()


def fitted(scene, noise, start=None, preset=PRESET):
    y = scene + 0.1 * torch.randn(scene.shape, generator=torch.Generator().manual_seed(noise))
    ensemble = Ensemble(Measurement(Identity(tuple(y.shape)), y, torch.ones_like(y), 0.1), preset, 0, start=start)
    return ensemble.run()


def errors(result):
    return [evaluation.held_out for evaluation in result.members[-1].result.history]


def test_the_next_frame_starts_where_the_last_one_was_and_holds_out_the_same_pixels():
    first = fitted(SCENE, 1)
    assert [member.label.warm for member in first.members] == [False] * 3
    second = fitted(SCENE, 2, first.start)
    (member,) = second.members  # the depth is known: there are no probe fits
    assert member.label.warm
    assert torch.equal(member.held_out, first.members[-1].held_out)
    assert member.result.history[0].held_out < errors(first)[0] / 2
    # The weights are those of the picture that was kept: the iterate's own error there is what the next fit begins with.
    again = fitted(SCENE, 1, first.start)
    kept = first.members[-1].result.chosen.iteration
    (loss,) = (now.loss for now in first.members[-1].result.history if now.iteration == kept)
    assert again.members[0].result.history[0].loss == pytest.approx(loss)


def test_after_a_cut_and_where_nothing_is_held_out_a_fit_starts_anew():
    start = fitted(SCENE, 1).start
    cold, warm = fitted(OTHER, 2), fitted(OTHER, 2, start)
    assert torch.equal(cold.image, warm.image)
    assert not any(member.label.warm for member in warm.members)
    nothing_held_out = replace(PRESET, hold_out=0.0, stop="none", max_iterations=5)
    assert not any(member.label.warm for member in fitted(SCENE, 2, start, nothing_held_out).members)


def test_an_image_of_another_size_that_has_no_such_generator_starts_anew():
    start = fitted(SCENE, 1).start
    other = replace(PRESET, generators=(DecoderSpec((8, 8)),))
    assert not any(member.label.warm for member in fitted(SCENE, 2, start, other).members)
