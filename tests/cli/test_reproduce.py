"""`reproduce`: the files of an experiment, what is not run again, what is refused."""

import csv
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cgdenoise.cli import progress, reproduce
from cgdenoise.cli.progress import Screen
from cgdenoise.experiments.drawing import panels
from cgdenoise.experiments.findings import Claim, Findings, Table
from cgdenoise.experiments.registry import EXPERIMENTS

QUICK = ("--quick", "--threads", "1")
KINDS = ("csv", "png", "svg", "txt")


@pytest.fixture
def runs(monkeypatch):
    """Count the runs of an experiment that takes a moment."""
    calls = []

    def run(setting):
        calls.append(setting)
        return experiment.run(setting)

    experiment = EXPERIMENTS["selective-fitting"]
    monkeypatch.setitem(EXPERIMENTS, "selective-fitting", replace(experiment, run=run))
    return calls


def test_it_tells_how_far_it_is_as_restorations_do(capsys, monkeypatch):
    now = [0.0]
    for module in (progress, reproduce):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with Screen(False) as screen:
        tell = reproduce._Progress("kernels", "experiment 2 of 3", screen)
        now[0] = 20.0
        tell("bilinear", 0.4)
    assert capsys.readouterr().err == "cgdenoise: 30 s left, experiment 2 of 3, bilinear, 40% done: kernels\n"


def test_the_list(cli):
    outcome = cli("reproduce", "--list")
    assert outcome.code == 0
    assert [line.split()[0] for line in outcome.out.splitlines()] == list(EXPERIMENTS)


def test_an_experiment_is_four_files_and_is_not_run_again(cli, folder, runs):
    first = cli("reproduce", "selective-fitting", *QUICK, "-o", "new/figures")
    assert (first.code, first.err) == (0, "")
    assert "holds: " in first.out
    assert sorted(path.name for path in (folder / "new/figures").iterdir()) == [f"selective-fitting.{kind}" for kind in KINDS]
    with Image.open(folder / "new/figures/selective-fitting.png") as picture:
        assert min(picture.size) > 200
    assert (folder / "new/figures/selective-fitting.svg").read_text().lstrip().startswith("<?xml")
    with open(folder / "new/figures/selective-fitting.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["curve"] for row in rows} == {"signal", "noise", "noisy signal, against the signal"}
    assert all(np.isfinite(float(row["relative_error"])) for row in rows)
    assert (folder / "new/figures/selective-fitting.txt").read_text() == first.out.removesuffix("\n")

    again = cli("reproduce", "selective-fitting", *QUICK, "-o", "new/figures")
    assert "complete already" in again.out
    assert len(runs) == 1
    other = cli("reproduce", "selective-fitting", *QUICK, "-o", "new/figures", "--seed", "1")
    assert other.code == 1
    assert "from another setting" in other.err
    assert cli("reproduce", "selective-fitting", *QUICK, "-o", "new/figures", "--seed", "1", "--force").code == 0
    assert len(runs) == 2


@pytest.mark.slow
def test_all_goes_on_where_it_was(cli, folder, runs, monkeypatch):
    def run(setting):
        runs.append(setting)
        return Findings("Nothing.", (), (), Table(("a",), [(1,)]), panels(1, 1, width=1, height=1)[0])

    for name, experiment in EXPERIMENTS.items():
        monkeypatch.setitem(EXPERIMENTS, name, replace(experiment, run=run))
    assert cli("reproduce", "all", *QUICK, "-q").out == ""
    (folder / "reproduced" / "jacobian.csv").unlink()
    (folder / "reproduced" / "kernels.txt").write_text("torn")
    for kind in KINDS:
        (folder / "reproduced" / f"two-layer.{kind}").unlink()
    outcome = cli("reproduce", "all", *QUICK)
    assert outcome.code == 1  # what is torn is not replaced
    assert outcome.err.count("error") == 2
    assert len(runs) == len(EXPERIMENTS) + 1


@pytest.mark.slow
def test_numbers_of_an_interrupted_run_are_not_computed_again(cli, folder, monkeypatch):
    experiment, computed = EXPERIMENTS["selective-fitting"], []
    fails = [True]

    def compute(number):
        computed.append(number)
        return [number / 3]

    def run(setting):
        found = [setting.remember(f"number {number}", lambda number=number: compute(number))[0] for number in range(3)]
        if fails.pop():
            raise KeyboardInterrupt
        assert found == [0, 1 / 3, 2 / 3]
        return experiment.run(setting)

    monkeypatch.setitem(EXPERIMENTS, "selective-fitting", replace(experiment, run=run))
    part = folder / "reproduced" / "selective-fitting.part.jsonl"
    assert cli("reproduce", "selective-fitting", *QUICK).code == 130
    part.write_bytes(part.read_bytes()[:-10])  # as a kill may leave it
    fails.append(True)
    assert cli("reproduce", "selective-fitting", *QUICK, "--seed", "1").code == 130  # another setting: nothing of that counts
    assert computed == [0, 1, 2, 0, 1, 2]
    fails.append(False)
    assert cli("reproduce", "selective-fitting", *QUICK).code == 0
    assert computed == [0, 1, 2, 0, 1, 2, 2]
    fails.append(True)
    assert cli("reproduce", "selective-fitting", *QUICK, "--force").code == 130  # what was remembered does not count
    assert computed[7:] == [0, 1, 2]
    fails.append(False)
    assert cli("reproduce", "selective-fitting", *QUICK, "--force").code == 0
    assert computed[7:] == [0, 1, 2, 0, 1, 2]
    assert not part.exists()


@pytest.mark.slow
def test_a_claim_that_does_not_hold_is_an_exit_code(cli, folder, monkeypatch):
    experiment = EXPERIMENTS["selective-fitting"]

    def run(setting):
        return replace(experiment.run(setting), claims=(Claim("pigs can fly", 0.0, ">=", 1.0),))

    monkeypatch.setitem(EXPERIMENTS, "selective-fitting", replace(experiment, run=run))
    for _ in range(2):
        assert cli("reproduce", "selective-fitting", *QUICK).code == 1
    assert "DOES NOT HOLD: pigs can fly: 0 (expected >= 1)" in (folder / "reproduced/selective-fitting.txt").read_text()


def test_photographs_of_the_user(cli, folder, noisy, runs):
    (folder / "mine").mkdir()
    Image.fromarray(np.tile(noisy, (6, 6, 1))).save(folder / "mine" / "a.png")
    assert cli("reproduce", "selective-fitting", *QUICK, "--images", "mine").code in (0, 1)
    assert [photograph.name for photograph in runs[0].photographs] == ["a"]


def test_a_table_of_colour_methods_needs_a_colour_photograph(cli, folder, noisy):
    Image.fromarray(np.tile(noisy[:, :, 0], (5, 5))).save("grey.png")
    outcome = cli("reproduce", "table-1", "--quick", "--images", ".")
    assert outcome.code == 1
    assert "no colour photograph" in outcome.err


def test_photographs_that_are_too_small_leave_no_files(cli, folder, noisy_png):
    outcome = cli("reproduce", "two-layer", "--images", ".")
    assert outcome.code == 1
    assert "24x24 pixels; expected 128x128 or more" in outcome.err
    assert list((folder / "reproduced").iterdir()) == []


@pytest.mark.parametrize(
    ("args", "found", "code"),
    [
        ((), "no experiment", 2),
        (("kernels", "--list"), "--list beside a name", 2),
        (("nonsense",), "nonsense", 2),
        (("kernels", "--images", "missing"), "missing", 1),
    ],
)
def test_what_makes_no_sense_is_refused(refused, noisy_png, args, found, code):
    refused("reproduce", *args, names=found, code=code)
