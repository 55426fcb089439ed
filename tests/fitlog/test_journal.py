"""The journal of a batch: what is read back, also when its writer was killed, and what is refused."""

import json
import os
from pathlib import Path

import pytest

from cgdenoise.errors import LogError
from cgdenoise.fitlog.journal import Journal, read_journal


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "batch.jsonl")


def begin(path, inputs=4, **options):
    return Journal(path, "denoise", inputs, {"seed": 0, "threads": 2, **options})


def done(journal, name):
    journal.write("running", name, output=f"{name}.out")
    journal.write("done", name, output=f"{name}.out", status="complete", seconds=1.0)


def names(status):
    return {kind: [found["input"] for found in status.named(kind)] for kind in ("done", "skipped", "failed", "running")}


def test_each_input_is_in_its_last_state(path):
    journal = begin(path)
    done(journal, "a")
    journal.write("running", "b", output="b.out")
    journal.write("failed", "b", error="b: broken")
    journal.write("running", "c", output="c.out")
    status = read_journal(path)
    assert names(status) == {"done": ["a"], "skipped": [], "failed": ["b"], "running": ["c"]}
    assert (status.waiting, status.made, status.end, status.going) == (1, 1, None, True)
    journal.write("end", None, status="interrupted")
    assert (read_journal(path).end, read_journal(path).going) == ("interrupted", False)


@pytest.mark.parametrize("kept", range(1, 30, 7))
def test_a_torn_last_line_is_passed_over_and_the_next_run_begins_a_new_one(path, kept):
    journal = begin(path)
    done(journal, "a")
    whole = os.path.getsize(path)
    journal.write("failed", "b", error="b: broken")
    with open(path, "r+b") as file:
        file.truncate(whole + kept)
    assert names(read_journal(path))["failed"] == []
    again = begin(path, threads=1)  # which decides no result
    again.write("skipped", "a", output="a.out")
    done(again, "b")
    status = read_journal(path)
    assert names(status) == {"done": ["a", "b"], "skipped": [], "failed": [], "running": []}
    assert (status.runs, status.made) == (2, 1)


def test_a_first_line_that_is_torn_is_begun_again(path):
    begin(path)
    with open(path, "r+b") as file:
        file.truncate(40)
    with pytest.raises(LogError, match="nothing in it yet"):
        read_journal(path)
    begin(path)
    assert read_journal(path).runs == 1


def test_whose_process_has_gone_is_not_going_on(path):
    begin(path)
    record = json.loads(Path(path).read_text())
    Path(path).write_text(json.dumps(record | {"pid": 2**22 + 1}))  # beyond Linux's largest
    assert read_journal(path).going is False
    Path(path).write_text(json.dumps(record | {"host": "elsewhere"}))
    assert read_journal(path).going is None


NONE = ["\x89PNG", "{}", '{"type": "header", "page": 0}', '{"type": "end", "time": "x", "status": ""}', "[[1]]"]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_journal_is_named_and_not_written_to(path, text):
    Path(path).write_text(text)
    for call in (read_journal, begin):
        with pytest.raises(LogError, match="expected a"):
            call(path)
    assert Path(path).read_text() == text


def test_the_journal_of_another_batch_is_refused(path):
    begin(path)
    with pytest.raises(LogError, match="other options"):
        begin(path, seed=1)
