"""`doctor`: what is installed and used."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import cgdenoise
from cgdenoise.generators.kernels import native


def test_it_says_what_is_used(cli, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    outcome = cli("doctor", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    found = json.loads(outcome.out)
    assert found["cgdenoise"] == cgdenoise.__version__
    assert set(found["kernels"]) == {"fits", "groups"}
    assert all(found["packages"].values())
    assert found["environment"]["OMP_NUM_THREADS"] == "1"
    assert found["problems"] == []
    text = cli("doctor").out
    assert text.endswith("no problem found\n")
    assert max(len(line) for line in text.splitlines()) <= 80
    assert len(text.splitlines()) <= 24  # one screen
    project = tomllib.loads((Path(cgdenoise.__file__).parents[1] / "pyproject.toml").read_text())["project"]
    groups = {"formats", "docs", "test", "dev"}  # made of others, or for those who work on it
    assert set(found["extras"]) == set(project["optional-dependencies"]) - groups


def test_kernels_of_other_sources_are_a_problem(cli, monkeypatch, tmp_path):
    stale = replace(native.LAYER, folder=tmp_path)
    stale.path.write_bytes(b"no library")
    monkeypatch.setattr(native, "LAYER", stale)
    native.library.cache_clear()
    try:
        outcome = cli("doctor")
    finally:
        native.library.cache_clear()
    assert outcome.code == 1
    assert "problem      the compiled kernels are not used" in outcome.out
    assert "fits torch's, slower" in outcome.out
