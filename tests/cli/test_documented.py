"""docs/log.md has every field that the commands write or print, and no others are needed to read them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cgdenoise
from cgdenoise.fitlog import story
from cgdenoise.fitlog.records import FORMAT
from cgdenoise.names import PARTS

DOCUMENT = (Path(cgdenoise.__file__).parents[1] / "docs" / "log.md").read_text()


def documented(section: str) -> set[str]:
    (text,) = re.findall(rf"^## [^\n]*`{section}[^\n]*\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`(\w+)`", text))


@pytest.fixture
def commands(cli, folder, noisy_png, clean, light):
    """Run a denoising and a reconstruction, each with a reference; return what they wrote and what they printed."""
    Image.fromarray(clean).save("clean.png")
    Image.fromarray((np.random.default_rng(0).random((24, 24)) < 0.6).astype(np.uint8) * 255).save("mask.png")
    shared = ("--preset", "fast", "--max-iterations", "20", "--reference", "clean.png", "--json")
    runs = [("denoise", "noisy.png"), ("inpaint", "noisy.png", "--mask", "mask.png")]
    printed = [json.loads(cli(*run, *shared).out) for run in runs]
    return [(cgdenoise.read_log(end["log"])[0], end) for end in printed]


def test_json_prints_the_end_of_the_log(commands):
    for log, end in commands:
        assert end == log.end
        assert end["format"] == log.header["format"] == FORMAT
        assert end["command"] == log.header["command"]


def test_all_commands_have_the_same_fields(commands):
    (first, _), (second, _) = commands
    assert [*first.end] == [*second.end]
    for one, other in zip((first.fits, first.evaluations), (second.fits, second.evaluations), strict=True):
        assert {*one[0]} == {*other[0]}


@pytest.mark.parametrize("kind", ["header", "evaluation", "fit", "end"])
def test_every_field_is_documented(commands, kind):
    for log, _ in commands:
        records = {"header": [log.header], "evaluation": log.evaluations, "fit": log.fits, "end": [log.end]}[kind]
        fields = {key for record in records for key in record}
        assert fields - documented(kind) == set()


def test_parts_of_fields_are_documented(commands):
    for log, _ in commands:
        assert {key for part in log.end["parts"] for key in part} - documented("end") == set()
        assert {*log.header["noise"]} - documented("header") == set()
        assert {*(log.end["evidence"] or {})} - documented("end") == set()
        assert {*log.header["input"]} - documented("header") - {"invert"} == set()


def test_reports_are_documented(cli, noisy_png):
    for command in ("info", "noise"):
        report = json.loads(cli(command, "noisy.png", "--json").out)
        inner = {key for value in report.values() if isinstance(value, dict) for key in value} - {"fast", "balanced"}
        assert ({*report} | inner) - documented("info") == set()
        assert report["format"] == FORMAT


def test_the_words_of_a_result_line_are_explained():
    rows = [line.split(" | ") for line in DOCUMENT.splitlines() if line.startswith("| ")]
    explained = {(row[0].removeprefix("| "), row[1].strip("`")) for row in rows if len(row) == 3}
    assert {(words, name) for name, words in (PARTS | story._BRIEFLY).items()} <= explained
    assert not [kind for kind in story._NOISE if f"\n| {kind} | " not in DOCUMENT]
