"""The names that the command line offers are those that the library knows."""

import contextlib

import pytest

from cgdenoise.errors import OptionError
from cgdenoise.names import DeviceName, PresetName
from cgdenoise.restoration.presets import PRESETS, RECONSTRUCTION
from cgdenoise.runtime import choose_device


def test_every_preset_has_a_name_and_every_name_a_preset():
    assert list(PresetName) == list(PRESETS) == list(RECONSTRUCTION)


@pytest.mark.parametrize("name", list(DeviceName))
def test_every_device_is_known_there_or_not(name):
    with contextlib.suppress(OptionError):  # not on this machine
        assert choose_device(name).type in ("cpu", "cuda", "mps")
