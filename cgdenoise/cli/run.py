"""What the commands for measurements share: set up, solve, write, report."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cgdenoise.cli.errors import FAILED
from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.options import SharedOptions, prepare
from cgdenoise.cli.output import warn
from cgdenoise.cli.progress import ProgressDisplay, Screen, waiting
from cgdenoise.cli.report import report, tell_report
from cgdenoise.errors import OptionError
from cgdenoise.reading import about

if TYPE_CHECKING:
    from cgdenoise.jobs.options import Options
    from cgdenoise.jobs.simulation import Simulation
    from cgdenoise.jobs.solve import Solution
    from cgdenoise.jobs.tomography import SimulatedScan
    from cgdenoise.problems import LinearProblem


ARRAY_OUTPUT = "Picture; the array lies beside it. Beside the input if not given."
"""Help of --output where a reconstruction is written as numbers, and as a picture to look at."""


SaveMeasurements = Annotated[
    str | None, typer.Option(help="Write the simulated measurements, and how they were made, to this .npz.")
]


def check_saving(path: str | None, simulate: str | None) -> None:
    """Check whether measurements can be saved under a name.

    Raises
    ------
    OptionError
        If none are simulated, or the name is another than that of an .npz.
    """
    if path is not None and simulate is None:
        raise OptionError("--save-measurements without --simulate")
    if path is not None and Path(path).suffix.lower() != ".npz":
        raise OptionError(f"--save-measurements {path}; expected a name with .npz")


@dataclass(frozen=True)
class Task:
    """A problem that a command has read.

    Attributes
    ----------
    name : str
        The input's, for messages and the log.
    problem : LinearProblem
        What to solve.
    encode : callable
        Takes the solution to the contents of the outputs, by their paths, and a remark on how.
    description : dict
        For the log.
    clean : array or None
        Reference that the command has itself.
    extra : dict
        What else is to be written, by path.
    """

    name: str
    problem: LinearProblem
    encode: Callable[[Solution], tuple[dict[str, bytes], str]]
    description: dict[str, Any]
    clean: Any = None
    extra: Mapping[str, bytes] = field(default_factory=dict)


def beside(source: str, output: str | None, suffix: str, default: str | None = None) -> str:
    """Return the path of the result: the output, or a name in it if it is a folder, or one beside the input.

    Parameters
    ----------
    source : str
        The input.
    output : str or None
        What the user asked for.
    suffix : str
        Added to the input's name.
    default : str or None
        Suffix of the file; None keeps the input's.
    """
    from cgdenoise.jobs.places import with_suffix

    path = Path(source)
    name = with_suffix(path.name, suffix, default)
    if output is None:
        return str(path.with_name(name))
    return os.path.join(output, name) if output.endswith(os.sep) or Path(output).is_dir() else output


def sha256(path: str) -> str:
    """Return the hash of a file that has been read, for the log."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run(
    command: str, targets: Sequence[str], inputs: Sequence[str | None], shared: SharedOptions, read: Callable[[], Task]
) -> None:
    """Read a problem, solve it, write and report; ends the process with the exit code.

    Parameters
    ----------
    command : str
        Its name.
    targets : sequence of str
        Everything that will be written, the main result first; the log lies beside that.
    inputs : sequence of str
        Everything that is read, and must not be replaced; None counts for nothing.
    shared : SharedOptions
        The options that every command has.
    read : callable
        Reads and checks all inputs.
    """
    log = None if shared.no_log else beside(targets[0], shared.log, "", ".fit.jsonl")
    sides = None if shared.side_by_side is None else beside(targets[0], shared.side_by_side, "", ".sides.png")
    written = [*targets, *(name for name in (sides, log) if name is not None)]
    interrupt = Interrupt()
    with interrupt.handled():
        with waiting("starting", quiet=shared.quiet):
            from cgdenoise.jobs.places import check_sides
            from cgdenoise.restoration.presets import RECONSTRUCTION

            options = prepare(command, shared, RECONSTRUCTION)
        if sides is not None:
            check_sides(sides)
        _check_targets(written, [name for name in (*inputs, shared.reference) if name], shared.force)
        if shared.report is not None:
            from cgdenoise.jobs.report_files import check_report

            check_report(shared.report, shared.force)
        with waiting("starting", quiet=shared.quiet):
            task = read()
        warn(task.name, task.problem.warnings, shared.quiet)  # before the wait: an inverted mask is not worth it
        clean = _reference(shared.reference, task)
        with interrupt.deferred():
            end = _solve(task, options, clean, (targets[0], log, sides), shared.quiet, interrupt)
        report(end, 1, shared.json, shared.quiet, shown=task.problem.warnings)
        if shared.report is not None and log is not None:
            from cgdenoise.jobs.report_files import write_report
            from cgdenoise.jobs.shown import as_sheet
            from cgdenoise.jobs.solve import without_prior

            write_report([log], [], shared.report, shared.force, start=as_sheet(without_prior(task.problem)))
            tell_report(shared.report, shared.json, shared.quiet)
    failed = FAILED if end["error"] else 0
    sys.exit(128 + interrupt.signal if interrupt.signal else failed)


@dataclass(frozen=True)
class ArrayTargets:
    """Where a reconstruction goes that is numbers rather than a picture.

    Attributes
    ----------
    picture : str
        Path of the picture to look at.
    array : str
        Path of the numbers: .npy, or .cfl, which has a .hdr beside it.
    measurements : str or None
        Path of the simulated measurements, if they are kept.
    """

    picture: str
    array: str
    measurements: str | None = None

    @staticmethod
    def of(source: str, shared: SharedOptions, measurements: str | None = None) -> ArrayTargets:
        """Choose the paths from the input's and from what the user asked for."""
        path = Path(beside(source, shared.output, shared.suffix, ".png"))
        kind = ".cfl" if Path(source).suffix.lower() in (".cfl", ".hdr") else ".npy"
        picture = path.with_suffix(".png") if path.suffix.lower() in (".npy", ".cfl") else path
        return ArrayTargets(str(picture), str(picture.with_suffix(kind)), measurements)

    @property
    def paths(self) -> list[str]:
        """All of them."""
        header = [str(Path(self.array).with_suffix(".hdr"))] if self.array.endswith(".cfl") else []
        return [self.picture, self.array, *header, *([self.measurements] if self.measurements else [])]

    def task(
        self,
        source: str,
        problem: LinearProblem,
        description: dict[str, Any],
        clean: Any = None,
        extra: Mapping[str, bytes] | None = None,
    ) -> Task:
        """Return the task whose solution goes to these paths; the other parameters are the task's.

        Raises
        ------
        ImageError
            If a picture cannot be written there.
        """
        from cgdenoise import images
        from cgdenoise.jobs.arrays import encode_array, encode_picture

        if images.container_for(self.picture) != "png" and len(problem.operator.in_shape) == 1:
            raise OptionError("the drawing of a signal; expected a name with .png", self.picture)

        def encode(solution: Solution) -> tuple[dict[str, bytes], str]:
            data, remark = encode_picture(solution.picture, self.picture, clean)
            return {self.picture: data} | encode_array(solution.image, self.array), remark

        return Task(source, problem, encode, {"sha256": sha256(source)} | description, clean, extra or {})

    def simulated(self, source: str, simulation: Simulation | SimulatedScan, description: dict[str, Any]) -> Task:
        """Return the task of a simulated problem, as `task`; its measurements are kept if they have a path."""
        kept = {} if self.measurements is None else {self.measurements: simulation.saved()}
        return self.task(source, simulation.problem, description, simulation.clean, kept)


def _solve(
    task: Task, options: Options, clean: Any, written: tuple[str, str | None, str | None], quiet: bool, interrupt: Interrupt
) -> dict[str, Any]:
    """Solve a problem and write what came of it; return the last record of its log."""
    from cgdenoise import images
    from cgdenoise.fitlog.finished import seal
    from cgdenoise.fitlog.finished import sha256 as hash_of
    from cgdenoise.fitlog.outcome import Names
    from cgdenoise.fitlog.records import dump
    from cgdenoise.jobs.shown import side_by_side
    from cgdenoise.jobs.solve import solution_log, solve, without_prior
    from cgdenoise.noise.known import KnownNoise
    from cgdenoise.restoration.hooks import Hooks

    with Screen(quiet) as screen, ProgressDisplay(task.name, screen) as display, about(task.name):
        solution = solve(task.problem, options, clean, Hooks(partial(display.update, 0), interrupt.requested))
    files, remark = task.encode(solution)
    solution = replace(solution, outcome=replace(solution.outcome, picture=remark))
    output, log, sides = written
    names = Names(options.command, task.name, output, log, options.preset_name, options.arguments)
    sigma, law = task.problem.sigma, task.problem.noise
    known = KnownNoise(sigma=sigma) if law is None else KnownNoise(law.kind, law.read_sigma, law.gain)
    settings = replace(options, known=known).settings()
    records = solution_log(names, task.problem, solution, settings, {"name": task.name} | task.description)
    records = seal(records, hash_of(files[output]))
    more = {} if sides is None else {sides: side_by_side(without_prior(task.problem), solution.picture)}
    more |= {} if log is None else {log: dump(records)}
    with interrupt.held():
        images.write_together({**files, **task.extra, **more})
    return records[-1]


def _check_targets(targets: Sequence[str], inputs: Sequence[str], force: bool) -> None:
    from cgdenoise.jobs.plan import check_output

    read = {os.path.realpath(name) for name in inputs}
    if len({os.path.realpath(path) for path in targets}) < len(targets):
        raise OptionError("two outputs of one name; expected another name for the output", targets[0])
    for path in targets:
        if os.path.realpath(path) in read:
            raise OptionError("is an input; expected another name for the output", path)
        check_output(path, force)


def _reference(name: str | None, task: Task) -> Any:
    if name is None:
        return task.clean
    from cgdenoise.jobs.inputs import read_whole

    return read_whole(name, "reference")
