"""Where results go: a pure function of names, and whether they can be written."""

import os

import pytest

from cgdenoise import images
from cgdenoise.errors import ImageError, OptionError
from cgdenoise.jobs.found import Input
from cgdenoise.jobs.places import Places, with_suffix
from cgdenoise.jobs.plan import Job, check_target
from cgdenoise.jobs.plan import plan as plan_inputs


def plan(sources, output, suffix):
    return plan_inputs([Input(source) for source in sources], Places(output, suffix))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("sources", "output", "suffix", "targets"),
    [
        (["a.png"], None, "_d", ["a_d.png"]),
        (["x/a.png"], None, "_d", ["x/a_d.png"]),
        (["/x/a.b.TIF"], None, "_d", ["/x/a.b_d.TIF"]),
        (["a"], None, "_d", ["a_d"]),
        ([".png"], None, "_d", [".png_d"]),
        (["a.png", "b.npy"], None, "", None),
        (["a.png", "b.npy"], None, "-2", ["a-2.png", "b-2.npy"]),
        (["x/a.png", "y/a.png"], None, "_d", ["x/a_d.png", "y/a_d.png"]),
        (["a.png"], "b.tif", "_d", ["b.tif"]),
        (["a.png"], "out", "_d", ["out/a_d.png"]),
        (["a.png"], "out/", "", ["out/a.png"]),
        (["a.png"], "new/", "_d", ["new/a_d.png"]),
        (["x/a.png", "x/b.png"], "out", "_d", ["out/a_d.png", "out/b_d.png"]),
        (["a.png"], "-", "_d", ["-"]),
        (["-"], None, "_d", ["-"]),
        (["-"], "-", "_d", ["-"]),
        (["-"], "b.png", "_d", ["b.png"]),
        (["-"], "out", "_d", ["out/stdin_d.png"]),
        (["-", "a.png"], "out", "_d", ["out/stdin_d.png", "out/a_d.png"]),
        (["a.png"], None, "", None),
        (["a.png"], "a.png", "_d", None),
        (["a.png"], "./out/../a.png", "_d", None),
        (["out/a.png"], "out", "", None),
        (["a.png", "a_d.png"], None, "_d", None),
        (["a.png", "a.png"], None, "_d", None),
        (["a.png", "./a.png"], None, "_d", None),
        (["a.png", "b.png"], "c.png", "_d", None),
        (["a.png", "b.png"], "new", "_d", ["new/a_d.png", "new/b_d.png"]),
        (["a.png", "b.png"], "-", "_d", None),
        (["x/a.png", "y/a.png"], "out", "_d", ["out/x/a_d.png", "out/y/a_d.png"]),
        (["x/a.png", "x/y/a.png", "b.png"], "out", "_d", ["out/x/a_d.png", "out/x/y/a_d.png", "out/b_d.png"]),
        (["x/a.png", "x/../x/a.png"], "out", "_d", None),
        (["a.png"], "new", "_d", ["new/a_d.png"]),
        (["a.png"], "new.d", "_d", ["new.d"]),
        (["-", "-"], None, "_d", None),
    ],
)
def test_plan(sources, output, suffix, targets):
    if targets is None:
        with pytest.raises(OptionError, match="expected"):
            plan(sources, output, suffix)
    else:
        found = plan(sources, output, suffix)
        assert [job.source for job in found] == sources
        assert [job.target for job in found] == targets


def test_plan_follows_links(folder):
    (folder / "link.png").symlink_to("a.png")
    with pytest.raises(OptionError, match=r"link.png: is an input"):
        plan(["a.png"], "link.png", "")


def test_plan_touches_no_file(folder):
    plan(["a.png", "b.png"], "new/", "_d")
    assert os.listdir(folder) == ["out"]


@pytest.mark.parametrize(
    ("target", "log"),
    [("a.png", "a.fit.jsonl"), ("x/a.b.tif", "x/a.b.fit.jsonl"), ("-", None)],
)
def test_log_lies_beside_the_target(target, log):
    assert [job.log for job in plan(["in.png"], target, "")] == [log]


@pytest.mark.parametrize(
    ("sources", "output", "log", "logs"),
    [
        (["a.png"], None, "b.jsonl", ["b.jsonl"]),
        (["a.png"], "-", "b.jsonl", ["b.jsonl"]),
        (["a.png"], None, "out", ["out/a_d.fit.jsonl"]),
        (["a.png"], "-", "out/", ["out/stdout.fit.jsonl"]),
        (["a.png", "x/b.png"], None, "new", ["new/a_d.fit.jsonl", "new/b_d.fit.jsonl"]),
        (["a.png", "a.tif"], None, "new", ["new/a_d.png.fit.jsonl", "new/a_d.tif.fit.jsonl"]),
        (["a.png", "b.png"], None, "b.jsonl", None),
        (["a.png"], None, "a.png", None),
        (["a.png"], None, "a_d.png", None),
        (["a.png", "x/a.png"], None, "new", ["new/a_d.fit.jsonl", "new/x/a_d.fit.jsonl"]),
        (["a.png"], None, "new", ["new"]),
    ],
)
def test_logs_go_where_the_user_says(folder, sources, output, log, logs):
    inputs, places = [Input(source) for source in sources], Places(output, "_d", log)
    if logs is None:
        with pytest.raises(OptionError, match="expected"):
            plan_inputs(inputs, places)
    else:
        assert [job.log for job in plan_inputs(inputs, places)] == logs
    assert os.listdir(folder) == ["out"]


def test_there_may_be_no_log():
    (job,) = plan_inputs([Input("a.png")], Places(None, "_d", keep_log=False))
    assert (job.log, job.files) == (None, ("a_d.png",))


def test_two_jobs_never_share_a_log():
    logs = [str(job.log) for job in plan(["a.png", "a.tif", "b.tif"], None, "_d")]
    assert logs == ["a_d.png.fit.jsonl", "a_d.tif.fit.jsonl", "b_d.fit.jsonl"]


def test_check_target_names_the_container(folder, noisy):
    picture = images.Picture((noisy,), None, "npy")
    assert check_target(Job("a.npy", "b.tif"), picture, force=False) == "tiff"
    assert check_target(Job("a.npy", "-"), picture, force=False) == "npy"
    (folder / "b.png").touch()
    with pytest.raises(ImageError, match=r"b.png: exists"):
        check_target(Job("a.npy", "b.png"), picture, force=False)
    assert check_target(Job("a.npy", "b.png"), picture, force=True) == "png"
    assert sorted(os.listdir(folder)) == ["b.png", "out"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.png", "a_x.png"),
        ("a.b.tif", "a.b_x.tif"),
        ("a.ome.tif", "a_x.ome.tif"),
        ("a.ome.tiff", "a_x.ome.tiff"),
        (".ome.tif", ".ome_x.tif"),
    ],
)
def test_a_suffix_goes_before_what_tells_the_kind(name, expected):
    assert with_suffix(name, "_x") == expected
    assert with_suffix(name, "_x", ".npy") == expected.split("_x")[0] + "_x.npy"
