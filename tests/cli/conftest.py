"""The command line, called in this process or in one of its own."""

import math
import os
import re
import subprocess
import sys
from typing import NamedTuple

import pytest
from PIL import Image

from cgdenoise.cli.app import main

QUICK = ("--preset", "fast", "--max-iterations", "20", "--members", "1", "--threads", "1", "--device", "cpu")
# Without the light preset, which no other process has: no probe fits.
QUICK_PROCESS = ("--preset", "balanced", *QUICK[2:])


class Outcome(NamedTuple):
    """What a run of the command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working folder of every command; all names are relative to it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def noisy_png(folder, noisy):
    path = folder / "noisy.png"
    Image.fromarray(noisy).save(path)
    return path


@pytest.fixture
def cli(monkeypatch, capfd):
    """Run the command in this process, without the lines on stderr that a slow machine would have."""
    # On a busy machine a fit may last until a line is due.
    monkeypatch.setattr("cgdenoise.cli.progress._PLAIN_INTERVAL", math.inf)

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["cgdenoise", *map(str, args)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        return Outcome(end.value.code or 0, out, err)

    return run


@pytest.fixture
def denoise(cli, light):
    """Run `denoise` in this process with a light preset."""

    def run(*args):
        return cli("denoise", *QUICK, *args)

    return run


@pytest.fixture
def restored(denoise):
    """Run `denoise`, which must succeed."""

    def run(*args):
        outcome = denoise(*args)
        assert outcome.code == 0, outcome.err
        assert outcome.err == ""
        return outcome

    return run


def contents(folder):
    """Every file and link below a folder, with its bytes."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def refused(folder, light, cli):
    """Run a command that must fail with one line that names the culprit, and must leave the folder as it was."""

    def run(*args, names, code=1):
        before = contents(folder)
        outcome = cli(*args)
        assert re.fullmatch(r"cgdenoise: error: [^\n]+\n", outcome.err), outcome.err
        assert str(names) in outcome.err
        assert outcome.out == ""
        assert outcome.code == code
        assert contents(folder) == before
        return outcome.err

    return run


@pytest.fixture
def refused_denoise(refused):
    def run(*args, **expected):
        return refused("denoise", *QUICK, *args, **expected)

    return run


@pytest.fixture
def start(folder):
    """Start the command as a process; `denoise` gets options that make it quick."""
    started = []

    def run(command, *args, environment=(), **options):
        quick = QUICK_PROCESS if command == "denoise" else ()
        variables = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "GITHUB_ACTIONS")}
        variables |= {"OMP_NUM_THREADS": "1"} | dict(environment)
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        line = [sys.executable, "-m", "cgdenoise", command, *quick, *args]
        process = subprocess.Popen(line, env=variables, cwd=folder, **options)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()
