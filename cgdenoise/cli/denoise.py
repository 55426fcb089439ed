"""`cgdenoise denoise`: restore noisy images."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cgdenoise.cli.errors import Failures
from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.options import Offset, SharedOptions, Sigma, prepare, with_shared_options
from cgdenoise.cli.output import note
from cgdenoise.cli.progress import ProgressDisplay
from cgdenoise.cli.report import report
from cgdenoise.errors import ImageError, OptionError
from cgdenoise.names import NoiseKind, StopName
from cgdenoise.reading import about

if TYPE_CHECKING:
    from cgdenoise.images import Picture
    from cgdenoise.jobs.options import Options
    from cgdenoise.jobs.plan import Job


@with_shared_options(output="Output file, existing folder, or - for standard output. Beside the input if not given.")
def denoise(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Images: PNG, JPEG, TIFF or NPY. - is standard input.")],
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
    stop: Annotated[
        StopName | None,
        typer.Option(help="Stop by held-out pixels, when the residual reaches the noise level, or not before the budget ends."),
    ] = None,
    hold_out: Annotated[
        float | None, typer.Option(min=0, max=0.5, help="Share of the pixels held out (0.05 in fast and balanced).")
    ] = None,
    *,
    shared: SharedOptions,
) -> None:
    """Restore noisy images.

    Each result lies beside its input, with a log of the fit: noisy.png gives noisy_denoised.png and noisy_denoised.fit.jsonl.
    Size, bit depth, range, alpha and metadata stay as they are. The noise level need not be known.
    """
    interrupt = Interrupt()
    with interrupt.handled():
        from cgdenoise.images import read_image
        from cgdenoise.jobs.plan import STREAM, plan

        jobs = plan(inputs, shared.output, suffix, shared.reference)
        if shared.json and any(job.target == STREAM for job in jobs):
            raise OptionError("--json and an image would share standard output; expected -o FILE with --json")
        if shared.reference is not None and len(jobs) > 1:
            raise OptionError(f"--reference with {len(jobs)} inputs; expected one input")
        options = _options(shared, sigma, noise, gain, offset, stop, hold_out)
        clean = None if shared.reference is None else read_image(shared.reference)

        failures = Failures()
        for job in jobs:
            with failures.noted():
                ends = _run(job, options, clean, shared.force, shared.quiet, interrupt)
                for end in ends:
                    report(end, len(ends), shared.json, shared.quiet)
            if interrupt.signal:
                break
    sys.exit(128 + interrupt.signal if interrupt.signal else failures.code)


def _options(
    shared: SharedOptions,
    sigma: float | None,
    noise: NoiseKind,
    gain: float | None,
    offset: float | None,
    stop: StopName | None,
    hold_out: float | None,
) -> Options:
    """Gather the choices, and set up the process."""
    from cgdenoise.noise.known import KnownNoise
    from cgdenoise.restoration.presets import PRESETS

    if sigma is not None and not math.isfinite(sigma):
        raise OptionError(f"--sigma {sigma}; expected a finite number")
    if gain is not None and not (math.isfinite(gain) and gain > 0):
        raise OptionError(f"--gain {gain}; expected a finite number above 0")
    if gain is not None and noise not in (NoiseKind.AUTO, NoiseKind.POISSON, NoiseKind.POISSON_GAUSSIAN):
        raise OptionError(f"--gain with --noise {noise}; expected poisson or poisson-gaussian")
    if offset is not None and not math.isfinite(offset):
        raise OptionError(f"--offset {offset}; expected a finite number")
    options = prepare("denoise", shared, PRESETS)
    base = options.preset
    chosen = replace(
        base,
        stop=base.stop if stop is None else str(stop),
        hold_out=base.hold_out if hold_out is None else hold_out,
    )
    if chosen.stop == StopName.HOLDOUT and chosen.hold_out == 0:
        raise OptionError("--stop holdout without held-out pixels; expected --hold-out above 0")
    return replace(options, preset=chosen, known=KnownNoise(noise, sigma, gain, offset))


def _run(
    job: Job, options: Options, clean: Picture | None, force: bool, quiet: bool, interrupt: Interrupt
) -> list[dict[str, Any]]:
    """Restore one input and write what came of it; return the last record of each page's log."""
    from cgdenoise import images
    from cgdenoise.fitlog.outcome import Names
    from cgdenoise.fitlog.records import dump
    from cgdenoise.jobs.pages import load, picture_and_log, restore
    from cgdenoise.jobs.plan import STREAM, check_target

    data = _read_stdin() if job.source == STREAM else images.read_bytes(job.source)
    name = "standard input" if job.source == STREAM else job.source
    source = load(name, data)
    container = check_target(job, source.picture, force)
    with interrupt.deferred():
        with ProgressDisplay(name, len(source.picture.pages), quiet) as display, about(name):
            pages = restore(source, options, reference=clean, progress=display.update, cancelled=interrupt.requested)
        if len(pages) < len(source.picture.pages):
            count = len(source.picture.pages)
            note(f"{name}: interrupted; {len(pages)} of {count} pages are restored, the others as they were")
        log = None if job.log is None else str(job.log)
        names = Names(options.command, job.source, job.target, log, options.preset_name)
        picture, records = picture_and_log(source, pages, options, names)
        _write(job, images.encode(picture, container, job.target), dump(records), interrupt)
    return [record for record in records if record["type"] == "end"]


def _read_stdin() -> bytes:
    if sys.stdin is None or sys.stdin.closed:
        raise ImageError("closed; expected an image", "standard input")
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
