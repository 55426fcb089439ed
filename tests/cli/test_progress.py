"""Progress on stderr."""

import io
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from cgdenoise.cli import output
from cgdenoise.cli.output import FitProgress
from cgdenoise.ensemble import FitLabel
from cgdenoise.presets import PRESETS


class Terminal(io.StringIO):
    def isatty(self):
        return True


def snapshot(iteration, index=0, held_out=12.0, trial=False, group=None):
    label = FitLabel(index, index if group is None else group, 4, 0, trial, 250)
    return SimpleNamespace(label=label, iteration=iteration, held_out_rms=held_out, residual_rms=11.0)


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: now[0])
    return now


def test_plain_lines_come_every_so_often(capsys, clock):
    with FitProgress("a.png", 1, PRESETS["fast"], quiet=False) as progress:
        for tick in range(1, 25):
            clock[0] = 2.0 * tick
            progress.update(0, snapshot(10 * tick))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("cgdenoise: a.png: fit 1 at depth 4, iteration 80 of at most 250, held-out error 12, at most ")
    assert not any("\x1b" in line for line in lines)


def test_time_left_is_what_the_budget_needs_at_most(capsys, clock):
    # Two fits of 250 iterations; 100 of them in 20 s leave 400, which take 80 s.
    preset = replace(PRESETS["paper"], members=2, max_iterations=250)
    with FitProgress("a.png", 1, preset, quiet=False) as progress:
        clock[0] = 20.0
        progress.update(0, snapshot(100))
        assert "at most 80 s left" in capsys.readouterr().err
        # The first fit stopped there: what it left of its budget is not to come.
        clock[0] = 40.0
        progress.update(0, snapshot(100, index=1))
    assert "at most 30 s left" in capsys.readouterr().err


def test_fits_made_together_are_all_still_to_come(capsys, clock):
    # Two fits of 250 iterations at once; 100 and 50 of them in 15 s leave 350, which take 35 s.
    preset = replace(PRESETS["paper"], members=2, max_iterations=250)
    with FitProgress("a.png", 1, preset, quiet=False) as progress:
        for iteration in (50, 100):
            for index in (0, 1):
                clock[0] += 5.0
                progress.update(0, snapshot(iteration, index=index, group=0))
    assert "iteration 100 of at most 250, held-out error 12, at most 35 s left" in capsys.readouterr().err


def test_pages_and_trials_are_named_and_residual_stands_in(capsys, clock):
    with FitProgress("a.tif", 3, PRESETS["fast"], quiet=False) as progress:
        clock[0] = 20.0
        progress.update(1, snapshot(10, held_out=math.nan, trial=True))
    assert "page 2 of 3, trial 1 at depth 4, iteration 10 of at most 250, residual 11" in capsys.readouterr().err


def test_quiet_says_nothing(capsys, clock):
    with FitProgress("a.png", 1, PRESETS["fast"], quiet=True) as progress:
        clock[0] = 100.0
        progress.update(0, snapshot(10))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["plain.png", "a[/].png", "[red]a.png"])
def test_name_is_shown_as_it_is_on_a_terminal(monkeypatch, name):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERM", "xterm")
    with FitProgress(name, 1, PRESETS["fast"], quiet=False) as progress:
        progress.update(0, snapshot(10))
    assert name in terminal.getvalue()
