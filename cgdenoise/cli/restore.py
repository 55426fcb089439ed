"""What the commands that restore pictures share: which inputs, where results go, one after the other or several at a time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cgdenoise.cli.batch import Batch
from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.options import SharedOptions, prepare
from cgdenoise.cli.output import note
from cgdenoise.cli.picture import restore_picture
from cgdenoise.cli.progress import waiting
from cgdenoise.cli.scheduler import on_scheduler
from cgdenoise.cli.streams import read_stdin
from cgdenoise.cli.worker import load_ahead
from cgdenoise.cli.workers import in_processes, in_this_process
from cgdenoise.errors import OptionError
from cgdenoise.names import OnExists

if TYPE_CHECKING:
    from cgdenoise.jobs.found import Input
    from cgdenoise.jobs.method import Method
    from cgdenoise.jobs.plan import Job
    from cgdenoise.jobs.posed import Pose


@dataclass(frozen=True)
class BatchOptions:
    """The options of every command that restores pictures; `with_shared_options` gives them to one."""

    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT", help="Images (PNG, JPEG, TIFF, NPY, FITS, ...), or folders of them. - is standard input."
        ),
    ] = None
    from_file: Annotated[
        str | None, typer.Option(help="A list of more inputs, one a line. - is standard input.", metavar="LIST")
    ] = None
    null: Annotated[
        bool, typer.Option("--null", "-0", help="Names in the list end with a zero byte, as find -print0 has it.")
    ] = False
    on_exists: Annotated[
        OnExists,
        typer.Option(help="What to do if an output exists. skip: pass over what is complete and of the same input and options."),
    ] = OnExists.FAIL
    shard: Annotated[
        str | None, typer.Option(help="Of all inputs in their order, only each Nth from the Ith on.", metavar="I/N")
    ] = None
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Images to restore at a time, in processes that share the cores.")
    ] = 1
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Address of a Dask scheduler, as tcp://host:8786: its workers restore images, and tiles of large ones.",
            metavar="ADDRESS",
        ),
    ] = None
    journal: Annotated[
        str | None,
        typer.Option(
            help="Write down what becomes of each input, for cgdenoise status. A resumed batch appends.", metavar="FILE"
        ),
    ] = None

    def check(self, shared: SharedOptions) -> None:
        """Refuse options that contradict each other, before anything heavy is imported.

        Raises
        ------
        OptionError
            If they do.
        """
        names = self.inputs or []
        if not names and self.from_file is None:
            raise OptionError("no input; expected images, folders, or --from-file LIST")
        if self.null and self.from_file is None:
            raise OptionError("--null without a list; expected --from-file LIST")
        if self.from_file == "-" and "-" in names:
            raise OptionError("standard input cannot be an image and a list; expected one of them in a file")
        if shared.force and self.on_exists is OnExists.SKIP:
            raise OptionError("--force with --on-exists skip; expected one of them")
        if shared.no_log and self.on_exists is OnExists.SKIP:
            raise OptionError("--no-log with --on-exists skip, which knows results by their logs; expected one of them")
        if self.scheduler is not None and self.jobs > 1:
            raise OptionError("--scheduler with --jobs; expected one of them: a scheduler has as many jobs at a time as workers")
        if self.shard is not None:
            parse_shard(self.shard)


def parse_shard(text: str) -> tuple[int, int]:
    """Return I and N of I/N.

    Raises
    ------
    OptionError
        If it is something else, or I is not one of 1 to N.
    """
    first, slash, count = text.partition("/")
    if not (slash and first.isdecimal() and count.isdecimal() and 1 <= int(first) <= int(count)):
        raise OptionError(f"--shard {text}; expected I/N with I from 1 to N, as 3/8")
    return int(first), int(count)


def restore_pictures(
    batch: BatchOptions,
    shared: SharedOptions,
    read: Sequence[str | None],
    method: Callable[[int, int], Method],
) -> None:
    """Restore all inputs; ends the process with the exit code.

    Parameters
    ----------
    batch, shared : options
        What the user chose.
    read : sequence of str
        Other files that are read, and must not be replaced; None counts for nothing.
    method : callable
        Takes the number of inputs, and of those that are restored at a time, to what is done with each; sets up the process.
    """
    batch.check(shared)
    interrupt = Interrupt()
    with interrupt.handled():
        with waiting("starting", quiet=shared.quiet):
            from cgdenoise.fitlog.journal import Journal
            from cgdenoise.images import remove_leftovers

            planned = _planned(batch, shared, [name for name in (*read, shared.reference) if name is not None])
            remove_leftovers(name for job in planned for name in job.files)
            at_once = min(batch.jobs, max(1, len(planned)))
            if at_once > 1:
                load_ahead()
            chosen = method(len(planned), at_once)
        on_exists = OnExists.OVERWRITE if shared.force else batch.on_exists
        if shared.report is not None:
            from cgdenoise.jobs.report_files import check_report

            check_report(shared.report, shared.force, renews=on_exists is not OnExists.FAIL)
        options = chosen.options
        kept = None if batch.journal is None else Journal(batch.journal, options.command, len(planned), chosen.settings())
        seen = Batch(planned, kept, interrupt, shared.json, shared.quiet)
        work = partial(restore_picture, chosen, on_exists)
        try:
            with seen.screen:
                if batch.scheduler is not None:
                    place = batch.scheduler
                    seen.follow(on_scheduler(planned, chosen, on_exists, place, shared.threads, interrupt, seen.told))
                elif at_once > 1:
                    seen.follow(in_processes(planned, work, at_once, options.threads, interrupt))
                else:
                    seen.follow(in_this_process(planned, work, interrupt, seen.told))
        except SystemExit:  # the user ends it at once; what had no turn is told all the same
            sys.exit(seen.finish())
        code = seen.finish()
        if shared.report is not None:
            seen.write_report(shared.report, shared.force)
    sys.exit(code)


def solving(
    command: str, shared: SharedOptions, pose: Callable[[], Pose], axes: str | None = None
) -> Callable[[int, int], Method]:
    """Return what `restore_pictures` takes, for a command that solves the problem each picture poses; `pose` reads its files.

    `axes` are those of the inputs, where they do not say it.
    """

    def method(inputs: int, at_once: int) -> Method:
        from cgdenoise.jobs.inputs import read_whole
        from cgdenoise.jobs.posed import Solving
        from cgdenoise.restoration.presets import RECONSTRUCTION

        options = replace(prepare(command, shared, RECONSTRUCTION, at_once), axes=axes)
        return Solving(options, pose(), None if shared.reference is None else read_whole(shared.reference, "reference"))

    return method


def _planned(batch: BatchOptions, shared: SharedOptions, others: Sequence[str]) -> list[Job]:
    """Return what is to be done: of all inputs, or of this process's share of them."""
    from cgdenoise.jobs.found import STREAM
    from cgdenoise.jobs.places import Places
    from cgdenoise.jobs.plan import plan

    places = Places(shared.output, shared.suffix, shared.log, not shared.no_log, shared.side_by_side)
    planned = plan(_inputs(batch, shared.quiet), places, others)
    if batch.shard is not None:
        first, count = parse_shard(batch.shard)
        planned = planned[first - 1 :: count]
        if not planned and not shared.quiet:
            note(f"no input for --shard {batch.shard}: there are fewer inputs than shards")
    if shared.json and any(job.target == STREAM for job in planned):
        raise OptionError("--json and an image would share standard output; expected -o FILE with --json")
    if shared.report is not None and any(job.log is None for job in planned):
        raise OptionError("--report needs the log of the result; expected -o FILE, or --log FILE")
    if shared.reference is not None and len(planned) > 1:
        raise OptionError(f"--reference with {len(planned)} inputs; expected one input")
    streams = any(STREAM in (job.source, job.target) for job in planned)
    if batch.scheduler is not None and streams:
        raise OptionError("--scheduler with a standard stream; expected files")
    if batch.jobs > 1 and len(planned) > 1 and streams:
        raise OptionError(f"--jobs {batch.jobs} with a standard stream; expected files, or --jobs 1")
    return planned


def _inputs(batch: BatchOptions, quiet: bool) -> list[Input]:
    """Return the files to restore: those named and those listed, less what an earlier run has made of the others."""
    from cgdenoise.jobs.found import STREAM, find, read_list, read_list_file, without_results

    listed = []
    if batch.from_file is not None:
        data = read_stdin("a list of images") if batch.from_file == STREAM else read_list_file(batch.from_file)
        listed = read_list("standard input" if batch.from_file == STREAM else batch.from_file, data, batch.null)
    inputs, results = without_results(find([*(batch.inputs or []), *listed]))
    if results and not quiet:
        note(f"passed over {len(results)} result{'s' * (len(results) > 1)} of an earlier run, {results[0]} first")
    return inputs
