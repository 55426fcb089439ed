"""`cgdenoise denoise`: restore noisy images."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cgdenoise.cli.batch import Batch, Moved, Restored
from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.options import (
    Dark,
    NoiseFile,
    NoiseFrom,
    Offset,
    SharedOptions,
    Sigma,
    check_noise_files,
    parse_bytes,
    prepare,
    with_shared_options,
)
from cgdenoise.cli.output import note
from cgdenoise.cli.workers import Tell, in_processes, in_this_process
from cgdenoise.errors import ImageError, OptionError
from cgdenoise.names import GeneratorName, NoiseKind, OnExists, StopName
from cgdenoise.reading import about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgdenoise.images import Picture
    from cgdenoise.jobs.found import Input
    from cgdenoise.jobs.options import Options
    from cgdenoise.jobs.plan import Job


@with_shared_options(output="Output file, folder (made if need be), or - for standard output. Beside the input if not given.")
def denoise(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT...", help="Images (PNG, JPEG, TIFF or NPY), or folders of them. - is standard input."),
    ] = None,
    from_file: Annotated[
        str | None, typer.Option(help="A list of more inputs, one a line. - is standard input.", metavar="LIST")
    ] = None,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="Names in the list end with a zero byte, as find -print0 has it.")
    ] = False,
    on_exists: Annotated[
        OnExists,
        typer.Option(help="What to do if an output exists. skip: pass over what is complete and of the same input and options."),
    ] = OnExists.FAIL,
    suffix: Annotated[str, typer.Option(help="What is added to an input's name to make the output's.")] = "_denoised",
    sigma: Sigma = None,
    noise: Annotated[
        NoiseKind, typer.Option(help="What kind of noise it is. auto decides by the image, and the log says why.")
    ] = NoiseKind.AUTO,
    gain: Annotated[
        float | None,
        typer.Option(
            help="What one count of Poisson noise adds to a value, in the file's own grey levels. Estimated if not given."
        ),
    ] = None,
    offset: Offset = None,
    noise_file: NoiseFile = None,
    noise_from: NoiseFrom = None,
    dark: Dark = None,
    stop: Annotated[
        StopName | None,
        typer.Option(help="Stop by held-out pixels, when the residual reaches the noise level, or not before the budget ends."),
    ] = None,
    hold_out: Annotated[
        float | None, typer.Option(min=0, max=0.5, help="Share of the pixels held out (0.05 in fast and balanced).")
    ] = None,
    generator: Annotated[
        GeneratorName,
        typer.Option(help="What is fitted: the preset's decoder, the paper's DD-O, or the deep image prior's hourglass."),
    ] = GeneratorName.DECODER,
    memory: Annotated[
        str | None,
        typer.Option(
            help="What the process may hold, as 2GB: larger images are restored in tiles. What is free if not given.",
            metavar="SIZE",
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Images to restore at a time, in processes that share the cores.")
    ] = 1,
    journal: Annotated[
        str | None,
        typer.Option(
            help="Write down what becomes of each input, for cgdenoise status. A resumed batch appends.", metavar="FILE"
        ),
    ] = None,
    *,
    shared: SharedOptions,
) -> None:
    """Restore noisy images.

    Each result lies beside its input, with a log of the fit: noisy.png gives noisy_denoised.png and noisy_denoised.fit.jsonl.
    Size, bit depth, range, alpha and metadata stay as they are. The noise level need not be known.

    A folder stands for all images in it and below; the results then have the same folders below the output's. A batch that was
    ended early goes on where it was with --on-exists skip.
    """
    _check_usage(inputs or [], from_file, null, on_exists, shared.force)
    interrupt = Interrupt()
    with interrupt.handled():
        from cgdenoise.fitlog.journal import Journal
        from cgdenoise.images import read_image
        from cgdenoise.jobs.plan import plan

        on_exists = OnExists.OVERWRITE if shared.force else on_exists
        planned = plan(_inputs(inputs or [], from_file, null, shared.quiet), shared.output, suffix, shared.reference)
        _check_streams(planned, jobs, shared)
        if noise_from is not None and len(planned) > 1:
            raise OptionError(f"--noise-from with {len(planned)} inputs; expected one input, or --noise-file with its law")
        options = _options(shared, sigma, noise, gain, offset, stop, hold_out, generator)
        options = _with_noise_files(options, noise_file, noise_from, dark)
        options = replace(options, memory=None if memory is None else parse_bytes(memory))
        clean = None if shared.reference is None else read_image(shared.reference)

        several = min(jobs, len(planned)) > 1
        if several:
            options = replace(options, threads=shared.threads or max(1, options.threads // jobs))
        kept = None if journal is None else Journal(journal, options.command, len(planned), options.settings())
        batch = Batch(len(planned), kept, interrupt, shared.json, shared.quiet)
        work = partial(_run, options, clean, on_exists)
        with batch.screen:
            if several:
                batch.follow(in_processes(planned, work, jobs, options.threads, interrupt))
            else:
                batch.follow(in_this_process(planned, work, interrupt, batch.moved))
        code = batch.finish()
    sys.exit(code)


def _check_usage(names: Sequence[str], from_file: str | None, null: bool, on_exists: OnExists, force: bool) -> None:
    """Refuse options that contradict each other, before anything heavy is imported."""
    if not names and from_file is None:
        raise OptionError("no input; expected images, folders, or --from-file LIST")
    if null and from_file is None:
        raise OptionError("--null without a list; expected --from-file LIST")
    if from_file == "-" and "-" in names:
        raise OptionError("standard input cannot be an image and a list; expected one of them in a file")
    if force and on_exists is OnExists.SKIP:
        raise OptionError("--force with --on-exists skip; expected one of them")


def _check_streams(planned: Sequence[Job], jobs: int, shared: SharedOptions) -> None:
    """Refuse what does not go with several inputs, or with standard streams."""
    from cgdenoise.jobs.found import STREAM

    if shared.json and any(job.target == STREAM for job in planned):
        raise OptionError("--json and an image would share standard output; expected -o FILE with --json")
    if shared.reference is not None and len(planned) > 1:
        raise OptionError(f"--reference with {len(planned)} inputs; expected one input")
    if jobs > 1 and len(planned) > 1 and any(STREAM in (job.source, job.target) for job in planned):
        raise OptionError(f"--jobs {jobs} with a standard stream; expected files, or --jobs 1")


def _inputs(names: Sequence[str], from_file: str | None, null: bool, quiet: bool) -> list[Input]:
    """Return the files to restore: those named and those listed, less what an earlier run has made of the others."""
    from cgdenoise.jobs.found import STREAM, find, read_list, read_list_file, without_results

    listed = []
    if from_file is not None:
        data = _read_stdin("a list of images") if from_file == STREAM else read_list_file(from_file)
        listed = read_list("standard input" if from_file == STREAM else from_file, data, null)
    inputs, results = without_results(find([*names, *listed]))
    if results and not quiet:
        note(f"passed over {len(results)} result{'s' * (len(results) > 1)} of an earlier run, {results[0]} first")
    return inputs


def _options(
    shared: SharedOptions,
    sigma: float | None,
    noise: NoiseKind,
    gain: float | None,
    offset: float | None,
    stop: StopName | None,
    hold_out: float | None,
    generator: GeneratorName,
) -> Options:
    """Gather the choices, and set up the process."""
    from cgdenoise.noise.known import KnownNoise
    from cgdenoise.restoration.presets import PRESETS, with_generator

    if sigma is not None and not math.isfinite(sigma):
        raise OptionError(f"--sigma {sigma}; expected a finite number")
    if gain is not None and not (math.isfinite(gain) and gain > 0):
        raise OptionError(f"--gain {gain}; expected a finite number above 0")
    if gain is not None and noise not in (NoiseKind.AUTO, NoiseKind.POISSON, NoiseKind.POISSON_GAUSSIAN):
        raise OptionError(f"--gain with --noise {noise}; expected poisson or poisson-gaussian")
    if offset is not None and not math.isfinite(offset):
        raise OptionError(f"--offset {offset}; expected a finite number")
    options = prepare("denoise", shared, {name: with_generator(preset, generator) for name, preset in PRESETS.items()})
    base = options.preset
    chosen = replace(
        base,
        stop=base.stop if stop is None else str(stop),
        hold_out=base.hold_out if hold_out is None else hold_out,
    )
    if chosen.stop == StopName.HOLDOUT and chosen.hold_out == 0:
        raise OptionError("--stop holdout without held-out pixels; expected --hold-out above 0")
    return replace(options, preset=chosen, known=KnownNoise(noise, sigma, gain, offset))


def _with_noise_files(options: Options, noise_file: str | None, noise_from: str | None, dark: str | None) -> Options:
    """Add what files tell of the noise; refuse options that contradict them."""
    from cgdenoise.jobs.noise_sources import NoiseSources

    known = options.known
    check_noise_files(noise_file, noise_from, dark, known.offset)
    kinds = (NoiseKind.AUTO, NoiseKind.POISSON_GAUSSIAN) if dark is not None and noise_from is None else (NoiseKind.AUTO,)
    told = {"--sigma": known.sigma is not None, f"--noise {known.kind}": known.kind not in kinds}
    if noise_file is not None or noise_from is not None:
        told["--gain"] = known.gain is not None
    files = {"--noise-file": noise_file, "--noise-from": noise_from, "--dark": dark}
    given = [name for name, value in files.items() if value is not None]
    if given and any(told.values()):
        raise OptionError(f"{given[0]} with {next(name for name, is_told in told.items() if is_told)}; expected one of them")
    return replace(options, noise_sources=NoiseSources.read(noise_file, noise_from, dark)) if given else options


def _run(
    options: Options,
    clean: Picture | None,
    on_exists: OnExists,
    job: Job,
    interrupt: Interrupt,
    tell: Tell,
) -> Restored | None:
    """Restore one input and write what came of it; None if it was there already."""
    from cgdenoise import __version__, images
    from cgdenoise.fitlog.finished import seal
    from cgdenoise.fitlog.outcome import Names
    from cgdenoise.fitlog.records import dump
    from cgdenoise.jobs.found import STREAM
    from cgdenoise.jobs.pages import forget_tiles, load, picture_and_log, restore
    from cgdenoise.jobs.plan import check_target, is_done, may_replace

    data = _read_stdin("an image") if job.source == STREAM else images.read_bytes(job.source)
    name = "standard input" if job.source == STREAM else job.source
    source = load(name, data)
    if is_done(job, on_exists, __version__, options.command, source.description["sha256"], options.settings()):
        return None
    container = check_target(job, source.picture, may_replace(job, on_exists))
    with interrupt.deferred():
        with about(name):
            tiles, count = None if job.target == STREAM else job.target, len(source.picture.pages)
            pages = restore(
                source,
                options,
                reference=clean,
                progress=lambda page, now: tell(Moved(page, count, now)),
                cancelled=interrupt.requested,
                tiles=tiles,
            )
        log = None if job.log is None else str(job.log)
        names = Names(options.command, job.source, job.target, log, options.preset_name)
        picture, records = picture_and_log(source, pages, options, names)
        encoded = images.encode(picture, container, job.target)
        records = seal(records, encoded)
        _write(job, encoded, dump(records), interrupt)
        if tiles is not None and not interrupt.signal:
            forget_tiles(tiles, len(pages))
    return Restored([record for record in records if record["type"] == "end"], count)


def _read_stdin(expected: str) -> bytes:
    if sys.stdin is None or sys.stdin.closed:
        raise ImageError(f"closed; expected {expected}", "standard input")
    return sys.stdin.buffer.read()


def _write(job: Job, picture: bytes, log: bytes, interrupt: Interrupt) -> None:
    from cgdenoise import images

    if job.log is None:
        try:
            sys.stdout.buffer.write(picture)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ImageError(f"cannot be written ({error.strerror})", "standard output") from error
    else:
        with interrupt.held():
            images.write_together({job.target: picture, str(job.log): log})
