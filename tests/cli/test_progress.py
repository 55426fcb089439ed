"""Progress on stderr."""

import io
import re
import time
from types import SimpleNamespace

import pytest

from cgdenoise.cli import progress
from cgdenoise.cli.progress import ProgressDisplay, Row, Screen, _Pace, waiting
from cgdenoise.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_plain_lines_come_every_so_often(capsys, clock):
    with Screen(False) as screen, ProgressDisplay("a.png", screen) as display:
        for tick in range(1, 25):
            clock[0] = 2.0 * tick
            display.update(0, Progress("fits", 10.0 * tick, 300.0 - 10 * tick, f"iteration {10 * tick}"))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "cgdenoise: 44 s left, fits, 27% done: a.png"
    assert len(lines) == 3
    assert not any("\x1b" in line for line in lines)


def test_time_left_counts_the_stages_to_come(capsys, clock):
    with Screen(False) as screen, ProgressDisplay("a.png", screen) as display:
        for second in range(0, 41, 20):
            clock[0] = second
            display.update(0, Progress("fits", 5.0 * second, 50 + 200 - 5 * second))
    assert "10 s left, fits, 80% done" in capsys.readouterr().err


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
    with Screen(False) as screen, ProgressDisplay("a.tif", screen) as display:
        for page, done, second in [(0, 0, 0), (0, 100, 10), (1, 0, 10), (1, 50, 25)]:
            clock[0] = second
            display.update(page, Progress("fits", done, 100.0 - done), 3)
    # 150 of 300 are done, in 25 s.
    assert capsys.readouterr().err.splitlines() == ["cgdenoise: 25 s left, page 2/3 fits, 50% done: a.tif"]


def test_quiet_says_nothing(capsys, clock):
    with Screen(True) as screen, ProgressDisplay("a.png", screen) as display:
        for clock[0] in (0.0, 100.0):
            display.update(0, Progress("similar patches", 10 + clock[0], 1.0))
    assert capsys.readouterr().err == ""


@pytest.fixture
def terminal(monkeypatch):
    """Show progress on a terminal of so many columns; return its lines, without the codes that move the cursor."""

    def show(columns, name, pages, updates, inputs=1):
        screen = Terminal()
        monkeypatch.setattr("sys.stderr", screen)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("NO_COLOR", "1")
        with Screen(False, inputs) as shown:
            display = ProgressDisplay(name, shown, shown.place(3))
            for page, now in updates:
                display.update(page, now, pages)
        lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "\n", screen.getvalue()).splitlines()
        return [line for line in lines if line.strip()]

    return show


@pytest.mark.parametrize(
    ("columns", "inputs", "pages", "words"),
    [
        (80, 1, 1, ["33 min left", "similar patches", "━━━━━━", "name of a file.tif"[-13:]]),
        (80, 20, 300, ["33 min left", "file 3 of 20", "page 300/300 similar patches", "━━━━━━"]),
        (100, 20, 1, ["33 min left", "file 3 of 20", "similar patches, iteration 1500", "━━━", "name of a file.tif"[-13:]]),
        (160, 20, 300, ["33 min left", "file 3 of 20", "page 300/300 similar patches, iteration 1500", "━━━━━━", ".tif"]),
    ],
)
def test_time_left_comes_first_and_all_fits_into_the_columns(terminal, clock, columns, inputs, pages, words):
    def updates():
        for clock[0] in (0.0, 9000.0):
            yield pages - 1, Progress("similar patches", 100 + clock[0], 2000.0, "iteration 1500")

    lines = terminal(columns, "folder/a long name of a file.tif", pages, updates(), inputs)
    assert max(map(len, lines)) <= columns
    places = [lines[-1].find(word) for word in words]
    assert places == sorted(places)
    assert places[0] > 0


def test_time_runs_between_two_steps(terminal, clock):
    def updates():
        for clock[0] in (0.0, 10.0):
            yield 0, Progress("fits", clock[0], 20.0 - clock[0])
        for clock[0] in (11.0, 14.0):
            time.sleep(0.3)

    lines = terminal(80, "a.png", 1, updates())
    assert [any(f"{left} s left" in line for line in lines) for left in (9, 6)] == [True] * 2


def test_a_line_turns_although_all_that_was_expected_is_done(terminal):
    def updates():
        yield 0, Progress("last check", 10.0, 0.0)
        time.sleep(0.4)

    lines = [line for line in terminal(80, "a.png", 1, updates()) if "last check" in line]
    assert len({line.lstrip()[0] for line in lines}) > 1
    assert not {line.lstrip()[0] for line in lines} & set("0 ")


def test_something_is_shown_before_the_inputs_are_known(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with waiting("starting"):
        pass
    assert "starting" in screen.getvalue()


@pytest.mark.parametrize("name", ["plain.png", "a[/].png", "[red]a.png"])
def test_name_is_shown_as_it_is_on_a_terminal(terminal, name):
    assert any(name in line for line in terminal(80, name, 1, [(0, Progress("fits", 10, 10))]))


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
    assert "2 of 4 files done" in lines[-3]
    assert "2 min left" in lines[-3]  # one in a minute: what was passed over does not count
    assert [name in line for name, line in zip(("all", "a.png", "b.png"), lines[-3:], strict=True)] == [True] * 3
    assert "a.png" not in after.split("2 of 4")[-1]


def test_plain_lines_of_a_batch_tell_of_all_inputs(capsys, clock):
    with Screen(False, inputs=3) as screen:
        clock[0] = 30.0
        screen.count()
        clock[0] = 40.0
        screen.show("a", Row("a.png", "fits", 1, 2, 44.0, screen.place(2)))
    assert capsys.readouterr().err == "cgdenoise: 50 s left, file 2 of 3, fits, 50% done: a.png\n"


def test_time_of_a_batch_is_told_from_the_first_input_on(capsys, clock):
    with Screen(False, inputs=3) as screen:
        clock[0] = 20.0
        screen.show("a", Row("a.png", "fits", 1, 2, 40.0, screen.place(1)))  # 40 s in all, of three: 100 s to come
    assert capsys.readouterr().err.startswith("cgdenoise: 2 min left, file 1 of 3, ")
