"""Progress on stderr."""

import io
import re

import pytest

from cgdenoise.cli import progress
from cgdenoise.cli.progress import ProgressDisplay, Row, Screen, _Pace
from cgdenoise.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_plain_lines_come_every_so_often(capsys, clock):
    with Screen(False) as screen, ProgressDisplay("a.png", 1, screen) as display:
        for tick in range(1, 25):
            clock[0] = 2.0 * tick
            display.update(0, Progress("fit 1 at depth 4", 10.0 * tick, 300.0 - 10 * tick, f"iteration {10 * tick}"))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "cgdenoise: a.png: fit 1 at depth 4, iteration 80, 27% done, at most 44 s left"
    assert len(lines) == 3
    assert not any("\x1b" in line for line in lines)


def test_time_left_counts_the_stages_to_come(capsys, clock):
    with Screen(False) as screen, ProgressDisplay("a.png", 1, screen) as display:
        for second in range(0, 41, 20):
            clock[0] = second
            display.update(0, Progress("fit 1 at depth 4", 5.0 * second, 50 + 200 - 5 * second))
    assert "80% done, at most 10 s left" in capsys.readouterr().err


def test_a_slower_stage_soon_tells_its_own_time():
    # Ten times as long for a unit of work as in the stage before: 400 units that take 400 s rather than 40 s.
    pace = _Pace()
    for done in range(0, 101, 10):
        pace.seconds_left(done / 10, "fits", done, 500 - done)
    shown = [pace.seconds_left(done - 90, "patches", done, 500 - done) for done in range(100, 500, 20)]
    assert shown[0] == pytest.approx(40)
    assert shown[5:] == pytest.approx([400 - 20 * step for step in range(5, 20)], rel=0.16)
    assert shown[15:] == pytest.approx([400 - 20 * step for step in range(15, 20)], rel=0.06)


def test_pages_to_come_are_taken_to_be_like_this_one(capsys, clock):
    with Screen(False) as screen, ProgressDisplay("a.tif", 3, screen) as display:
        for page, done, second in [(0, 0, 0), (0, 100, 10), (1, 0, 10), (1, 50, 25)]:
            clock[0] = second
            display.update(page, Progress("fit 1 at depth 4", done, 100.0 - done))
    # 150 of 300 are done, in 25 s.
    assert capsys.readouterr().err.splitlines() == ["cgdenoise: a.tif: page 2/3, fit 1 at depth 4, 50% done, at most 25 s left"]


def test_quiet_says_nothing(capsys, clock):
    with Screen(True) as screen, ProgressDisplay("a.png", 1, screen) as display:
        for clock[0] in (0.0, 100.0):
            display.update(0, Progress("similar patches", 10 + clock[0], 1.0))
    assert capsys.readouterr().err == ""


@pytest.fixture
def terminal(monkeypatch):
    """Show progress on a terminal of so many columns; return its lines, without the codes that move the cursor."""

    def show(columns, name, pages, updates):
        screen = Terminal()
        monkeypatch.setattr("sys.stderr", screen)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("NO_COLOR", "1")
        with Screen(False) as shown:
            display = ProgressDisplay(name, pages, shown)
            for page, now in updates:
                display.update(page, now)
        lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "\n", screen.getvalue()).splitlines()
        return [line for line in lines if line.strip()]

    return show


@pytest.mark.parametrize(("pages", "stage"), [(1, "fit 2 at depth 5, iteration 1500"), (300, "page 300/300, fit 2 at depth 5")])
def test_stage_bar_and_time_fit_into_80_columns(terminal, clock, pages, stage):
    def updates():
        for clock[0] in (0.0, 9000.0):
            yield pages - 1, Progress("fit 2 at depth 5", 100 + clock[0], 2000.0, "iteration 1500")

    lines = terminal(80, "folder/a long name of a file.tif", pages, updates())
    assert max(map(len, lines)) <= 80
    for shown in ("name of a file.tif"[-13:], stage, "━━━━━━", "at most 33 min left"):
        assert shown in lines[-1]


@pytest.mark.parametrize("name", ["plain.png", "a[/].png", "[red]a.png"])
def test_name_is_shown_as_it_is_on_a_terminal(terminal, name):
    assert any(name in line for line in terminal(80, name, 1, [(0, Progress("fit 1 at depth 4", 10, 10))]))


def test_a_batch_has_a_line_for_all_above_those_in_work_and_it_is_cleared_for_what_is_printed(monkeypatch, clock):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    with Screen(False, inputs=4) as shown:
        for key in "ab":
            shown.show(key, Row(f"{key}.png", "fit 1", 1.0, 2.0))
        shown.count(passed=True)
        clock[0] = 60.0
        shown.count()
        with shown.aside():
            print("a result", file=screen)
        shown.remove("a")
    before, after = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue()).split("a result")
    lines = [line.strip() for line in before.splitlines() if line.strip()]
    assert "2 of 4 inputs done" in lines[-3]
    assert "about 2 min left" in lines[-3]  # one in a minute: what was passed over does not count
    assert [name in line for name, line in zip(("all", "a.png", "b.png"), lines[-3:], strict=True)] == [True] * 3
    assert "a.png" not in after.split("2 of 4")[-1]


def test_plain_lines_of_a_batch_tell_of_all_inputs_and_of_one(capsys, clock):
    with Screen(False, inputs=3) as screen:
        screen.count()
        clock[0] = 30.0
        screen.say("a.png: fit 1, 50% done, at most 4 s left")
    assert capsys.readouterr().err == (
        "cgdenoise: 1 of 3 inputs done, about 60 s left; a.png: fit 1, 50% done, at most 4 s left\n"
    )
