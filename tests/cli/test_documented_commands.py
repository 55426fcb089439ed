"""Every command of the pages in docs/ is one that the program knows, and works on the files that docs/tools/samples.py makes."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import cgdenoise
from cgdenoise.cli.app import app
from cgdenoise.cli.examples import EXAMPLES

DOCS = Path(cgdenoise.__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS / "tools"))

from commands import PAGES, blocks, commands, write_titled  # noqa: E402
from samples import make  # noqa: E402

TYPED = [(page, line) for page in PAGES for line in commands(page)]
ELSEWHERE = {"clusters.md", "integrations.md"}
"""Pages that ask for more than this program: their own tests have what they show."""
BUDGETS = {"CGDENOISE_MEMBERS": "1", "CGDENOISE_MAX_ITERATIONS": "40"}
"""Of commands that do not choose; commands are as they are typed."""
RESTORES = ("denoise", "inpaint", "deblur", "upscale", "cs", "mri", "ct")


def python(page):
    """Blocks of Python that need no result of another page."""
    return [text for language, title, text in blocks(page) if language == "python" and not title and "read_log" not in text]


@pytest.fixture
def samples(folder):
    """What the pages start from: the samples, a picture of one's own, and the examples that lie beside docs/."""
    make(folder, 32)
    shutil.copy("photo.png", "holiday.png")
    shutil.copytree(DOCS.parent / "examples", "examples", ignore=shutil.ignore_patterns("*_denoised*", "*.npy"))
    return folder


def test_the_pages_have_commands_of_each_kind():
    typed = " ".join(line for _, line in TYPED)
    for command in (*RESTORES, "noise", "info", "compare", "plot", "report", "status", "doctor", "reproduce"):
        assert f"cgdenoise {command} " in typed + " "


def test_commands_and_their_options_exist():
    program = typer.main.get_command(app)
    for page, line in TYPED:
        for part in re.split(r"&&|\|", line):
            if part.split()[0] == "cgdenoise":
                _, name, *arguments = shlex.split(part, comments=True)
                context = program.make_context("cgdenoise", [name, *arguments])
                program.get_command(context, name).make_context(f"{page}: {line}", arguments, parent=context)


def test_the_comparison_names_commands_and_options_that_exist():
    known = {name: {flag for option in command.params for flag in option.opts} for name, command in all_commands().items()}
    rows = [line.split("|") for line in (DOCS / "comparison.md").read_text().splitlines() if line.startswith("| ")]
    named = [shlex.split(text) for row in rows for text in re.findall(r"`([^`]+)`", row[2])]
    of_commands = [words for words in named if words[0] in known or words[0].startswith("--")]
    assert len(of_commands) > 20
    for first, *others in of_commands:
        flags = {word for word in (first, *others) if word.startswith("--")} - {"--help"}
        assert flags <= (known[first] if first in known else set().union(*known.values())), first


def all_commands():
    """The program's commands by their names, with their options."""
    return typer.main.get_command(app).commands


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page) and page not in ELSEWHERE])
def test_a_page_works_as_typed(page, samples):
    write_titled(page, samples)
    done = typed(commands(page), samples)
    assert done.returncode == 0, done.stderr


def typed(lines, folder):
    """Run lines as somebody would type them in a folder."""
    ours = [
        f'{name}() {{ "{sys.executable}" {module} "$@"; }}' for name, module in (("cgdenoise", "-m cgdenoise"), ("python", ""))
    ]
    script = "\n".join(["set -e", *ours, *lines])
    variables = (
        os.environ | BUDGETS | {"PYTHONPATH": os.pathsep.join(filter(None, [str(DOCS.parent), os.environ.get("PYTHONPATH")]))}
    )
    return subprocess.run(["bash", "-c", script], cwd=folder, env=variables, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in EXAMPLES if command not in ("man", "reproduce")])
def test_the_examples_of_help_work_as_typed(command, samples):
    prepared = {
        "denoise": ["mkdir frames && cp photo.png photo_clean.png frames"],
        "report": ["cgdenoise denoise photo.png -q", "cgdenoise denoise photo.png -o restored/ -q"],
        "plot": ["cgdenoise denoise photo.png -q"],
        "compare": ["cgdenoise denoise photo.png -q"],
        "status": ["cgdenoise denoise photo.png -q --journal night.jsonl"],
    }
    if command == "deblur":
        make(samples, 96)  # an unknown blur asks for 64 pixels
    done = typed([*prepared.get(command, []), *EXAMPLES[command]], samples)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if python(page) and page not in ELSEWHERE])
def test_the_python_of_a_page_works(page, samples):
    names = {}
    for text in python(page):
        exec(compile(text, page, "exec"), names)


def test_relative_links_of_the_pages_lead_to_files():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)", (DOCS / page).read_text()):
            assert link.startswith("http") or ((DOCS / page).parent / link).exists(), f"{page}: {link}"
