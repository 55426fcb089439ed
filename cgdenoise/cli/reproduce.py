"""`cgdenoise reproduce`: measure the paper's claims again."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace
from typing import Annotated

import typer

from cgdenoise.cli.errors import FAILED, Failures
from cgdenoise.cli.options import Force, Quiet, Threads
from cgdenoise.cli.output import emit
from cgdenoise.cli.progress import Row, Screen
from cgdenoise.errors import OptionError
from cgdenoise.names import DeviceName


def reproduce(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Experiment, as --list has them, or all.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="Print the experiments, and end.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Smaller pictures and generators: a minute or two each, rather than hours.")
    ] = False,
    output: Annotated[str, typer.Option("--output", "-o", help="Folder for the figures, made if need be.")] = "reproduced",
    photographs: Annotated[
        str | None,
        typer.Option("--images", help="Folder of clean photographs, in place of those that scikit-image has.", metavar="FOLDER"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    device: Annotated[DeviceName, typer.Option(help="Where to compute.")] = DeviceName.AUTO,
    threads: Threads = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Measure the claims of the paper again, on your machine, each as a figure with its data and numbers.

    An experiment NAME gives NAME.txt (what is seen, and each claim with the number that was measured), NAME.csv (the figure's
    data), NAME.png and NAME.svg. What is there already from the same setting is not run again, so that all goes on where it was.
    The exit code is 1 if a claim does not hold.
    """
    if listed == (name is not None):
        raise OptionError(
            "no experiment; expected a name, all, or --list" if name is None else "--list beside a name; expected one"
        )
    from cgdenoise.experiments.registry import EXPERIMENTS, experiment_of

    if name is None:
        for known, experiment in EXPERIMENTS.items():
            emit(f"{known:20} {experiment.title} ({experiment.source})")
        return
    names = list(EXPERIMENTS) if name == "all" else [name]
    experiment_of(names[0])

    from cgdenoise.experiments.findings import Setting
    from cgdenoise.experiments.pictures import from_folder, shipped
    from cgdenoise.jobs.reproduce import reproduce as run
    from cgdenoise.runtime import choose_device, prepare_process

    prepare_process(threads)
    where = choose_device(device).type
    pictures = shipped() if photographs is None else from_folder(photographs)
    setting = Setting(pictures, quick, seed, where)
    failures = Failures()
    holds = True
    for number, chosen in enumerate(names, 1):
        with failures.noted(chosen):
            with Screen(quiet) as screen:
                place = f"experiment {number} of {len(names)}" if len(names) > 1 else ""
                report = run(chosen, output, replace(setting, progress=_Progress(chosen, place, screen)), force)
            holds = holds and report.holds
            if not quiet:
                emit(report.text if report.made else f"{report.files[0]}: complete already, skipped")
    sys.exit(failures.code or (0 if holds else FAILED))


class _Progress:
    """How far an experiment is, shown as restorations are."""

    def __init__(self, name: str, place: str, screen: Screen) -> None:
        self._name, self._place, self._screen, self._start = name, place, screen, time.monotonic()
        screen.show(self, Row(name, "pictures", place=place))

    def __call__(self, what: str, share: float) -> None:
        now = time.monotonic()
        until = now + (now - self._start) * (1 - share) / share if share else math.nan
        self._screen.show(self, Row(self._name, what, share, 1.0, until, self._place))
