from dataclasses import replace

import pytest

from cgdenoise.errors import OptionError
from cgdenoise.generators.spec import HourglassSpec
from cgdenoise.names import GeneratorName
from cgdenoise.restoration.presets import DD_O, PRESETS, with_generator, within


@pytest.mark.parametrize("name", PRESETS)
def test_the_generator_of_its_own_changes_nothing(name):
    assert with_generator(PRESETS[name], "decoder") is PRESETS[name]


@pytest.mark.parametrize(("generator", "spec"), [(GeneratorName.DD_O, DD_O), (GeneratorName.HOURGLASS, HourglassSpec())])
@pytest.mark.parametrize("name", PRESETS)
def test_another_generator_has_the_time_it_needs_with_its_optimiser(name, generator, spec):
    before, after = PRESETS[name], with_generator(PRESETS[name], generator)
    assert after.generators == (spec,)
    assert after.optimiser == PRESETS["paper"].optimiser
    assert after.max_iterations == before.max_iterations * (1 if name == "paper" else 5)
    assert (after.guided, after.stop, after.hold_out) == (before.guided, before.stop, before.hold_out)
    assert with_generator(after, generator) == after or before.probe_iterations  # nothing is multiplied twice


def test_an_unknown_generator_is_refused():
    with pytest.raises(OptionError, match="transformer"):
        with_generator(PRESETS["fast"], "transformer")


def test_a_budget_changes_that_alone():
    assert within("fast", None, None) == PRESETS["fast"]
    assert within(PRESETS["best"], 3, 20) == replace(PRESETS["best"], members=3, max_iterations=20)
    with pytest.raises(OptionError, match="max_iterations 0; expected 1 or above"):
        within("fast", None, 0)
