"""The fit log as text: what goes in comes out, and what is no log is refused in one line."""

import json
import math

import numpy as np
import pytest

from cgdenoise.errors import LogError
from cgdenoise.fitlog.reader import read_log
from cgdenoise.fitlog.records import FORMAT, dump, header

HEADER = {"type": "header", "page": 0, "sigma": 2.5}
END = {"type": "end", "page": 0}
EVALUATION = {"type": "evaluation", "page": 0, "iteration": 10, "held_out_rms": 0.1}
FIT = {"type": "fit", "page": 0, "fit": 0}


def test_round_trip(tmp_path):
    path = tmp_path / "a.fit.jsonl"
    path.write_bytes(dump([HEADER, EVALUATION, EVALUATION | {"iteration": 20}, FIT, END]))
    (log,) = read_log(path)
    assert log.header == HEADER
    assert log.evaluations == [EVALUATION, EVALUATION | {"iteration": 20}]
    assert log.fits == [FIT]
    assert log.end == END
    assert read_log(str(path)) == [log]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_what_is_not_finite_becomes_null_at_any_depth(value):
    found = json.loads(dump([{"a": value, "b": {"c": [1.5, (value, "x")]}}]))
    assert found == {"a": None, "b": {"c": [1.5, [None, "x"]]}}


@pytest.mark.parametrize("value", [0.1, 1e-300, 1 / 3, 2**53 + 1, True, None, "naïve\nline\u2028"])
def test_finite_values_come_back_exactly(tmp_path, value):
    path = tmp_path / "a.jsonl"
    path.write_bytes(dump([HEADER | {"value": value}, END]))
    assert read_log(path)[0].header["value"] == value


def test_dump_is_one_line_a_record():
    assert dump([]) == b""
    assert dump([{"a": "x\ny"}, {"b": 1}]).count(b"\n") == 2


def test_pages_are_kept_apart(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(dump([record | {"page": page} for page in (0, 1, 2) for record in (HEADER, EVALUATION, FIT, END)]))
    logs = read_log(path)
    assert [log.header["page"] for log in logs] == [0, 1, 2]
    assert [len(log.evaluations) for log in logs] == [1, 1, 1]


def test_unknown_types_and_fields_are_passed_over(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(dump([HEADER | {"new": 1}, {"type": "remark", "page": 0}, END]))
    (log,) = read_log(path)
    assert log.header["new"] == 1
    assert log.evaluations == log.fits == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"words", "not a fit log"),
        (b"\xff\xfe", "not a fit log"),
        (b"3\n", "not a fit log"),
        (b'{"page": 0}\n', "not a fit log"),
        (dump([HEADER]), "no header or no end"),
        (dump([HEADER, END])[:-4], "not a fit log"),
        (dump([HEADER, END, HEADER | {"page": 1}]), "page 1"),
        (dump([HEADER, END, {"type": "fit", "page": None}]), ""),
        (dump([HEADER, END, {"type": "fit", "page": [0]}]), ""),
        (dump([HEADER, END, {"type": {}, "page": 0}]), ""),
    ],
)
def test_bad_log(tmp_path, data, message):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(data)
    with pytest.raises(LogError, match=r"bad\.jsonl: ") as caught:
        read_log(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_log(tmp_path):
    with pytest.raises(LogError, match=r"absent.jsonl: cannot be read \(no such file"):
        read_log(tmp_path / "absent.jsonl")
    with pytest.raises(LogError, match="cannot be read"):
        read_log(tmp_path)


def test_header_has_a_format_and_can_be_dumped():
    found = json.loads(dump([header(2, "denoise", {"name": "a"}, {"seed": math.nan})]))
    assert (found["type"], found["format"], found["page"]) == ("header", FORMAT, 3)
    assert (found["input"], found["options"]) == ({"name": "a"}, {"seed": None})
    assert found["written"].endswith("+00:00")


def test_a_log_of_the_first_format_is_read_by_the_names_of_today(tmp_path):
    path = tmp_path / "old.fit.jsonl"
    old = [HEADER | {"format": 1}, EVALUATION | {"trial": False}, FIT | {"trial": False, "collapsed": True}, END]
    path.write_bytes(dump(old))
    (log,) = read_log(path)
    assert log.fits == [FIT | {"page": 1, "fit": 1, "probe": False, "failed": True}]
    assert log.evaluations == [EVALUATION | {"page": 1, "probe": False}]


def test_pages_and_fits_of_the_second_format_are_counted_from_1_as_today(tmp_path):
    path = tmp_path / "old.fit.jsonl"
    path.write_bytes(dump([HEADER | {"format": 2}, FIT | {"group": 0}, END]))
    (log,) = read_log(path)
    assert [log.header["page"], log.fits[0]["fit"], log.fits[0]["group"], log.end["page"]] == [1, 1, 1, 1]
