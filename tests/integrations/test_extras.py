"""What an integration says where its library is missing."""

import importlib
import sys

import pytest


@pytest.mark.parametrize(("library", "extra"), [("deepinv", "deepinv")])
def test_a_missing_library_comes_with_the_command_that_installs_it(monkeypatch, library, extra):
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"cgdenoise.integrations.{extra}", raising=False)
    with pytest.raises(ImportError, match=rf"pip install 'cgdenoise\[{extra}\]'"):
        importlib.import_module(f"cgdenoise.integrations.{extra}")
