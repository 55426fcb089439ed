"""Help and manual pages, which are made of the same texts."""

import re
import shlex
import shutil
import subprocess

import pytest
import typer

from cgdenoise.cli import app
from cgdenoise.cli.examples import EXAMPLES, PROGRAM
from cgdenoise.names import GeneratorName, NoiseKind, OnExists, PresetName

COMMANDS = [command.__name__ for command in app.COMMANDS]


def test_help_in_80_columns_breaks_no_word_and_names_no_type(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    told = cli("denoise", "--help").out
    assert max(map(len, told.splitlines())) <= 80
    words = set(re.findall(r"[\w-]+", told))
    assert {str(name) for names in (PresetName, NoiseKind, GeneratorName, OnExists) for name in names} <= words
    for command in ("denoise", "cs", "reproduce"):
        assert not re.search(r"<[a-wyz]", cli(command, "--help").out)
    assert not re.search(r"<[a-z]", cli("--help").out)


def test_help_and_manual_end_with_examples_that_the_command_takes(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    program = typer.main.get_command(app.app)
    assert set(EXAMPLES) == set(program.commands)
    for name, lines in EXAMPLES.items():
        told, page = cli(name, "--help").out, cli("man", name).out.replace("\\-", "-")
        for line in lines:
            assert line in told  # on a line of its own
            assert line in page
            first, found, *arguments = shlex.split(line.split("|")[0], comments=True)
            assert (first, found) == ("cgdenoise", name)
            context = program.make_context("cgdenoise", [name, *arguments])
            program.get_command(context, name).make_context(line, arguments, parent=context)
    assert PROGRAM[0] in cli("--help").out


def test_paragraphs_of_help_fill_their_lines(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    assert "A batch that was ended early goes on where it was with --on-exists skip." in cli("denoise", "--help").out


def test_manual_has_a_page_for_each_command_and_each_option_of_it(cli, folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    assert cli("man", "-o", "pages").out.startswith("pages: ")
    pages = {path.stem: path.read_text().replace("\\-", "-") for path in (folder / "pages").iterdir()}
    assert {"cgdenoise", *(f"cgdenoise-{name}" for name in COMMANDS)} <= set(pages)
    for name in COMMANDS:
        assert f"cgdenoise-{name} (1)" in pages["cgdenoise"]
    flags = {flag for flag in re.findall(r"--[a-z-]+", cli("denoise", "--help").out) if flag != "--help"}
    assert not {flag for flag in flags if flag not in pages["cgdenoise-denoise"]}
    assert pages["cgdenoise-denoise"] == cli("man", "denoise").out.replace("\\-", "-")
    assert "exists" in cli("man", "-o", "pages").err


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff")
def test_manual_pages_are_without_warnings(cli, folder):
    cli("man", "-o", "pages")
    for path in (folder / "pages").iterdir():
        run = subprocess.run(["groff", "-man", "-ww", "-Tutf8", path], capture_output=True, check=True)
        assert run.stderr == b""
