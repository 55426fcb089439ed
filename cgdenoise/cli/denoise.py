"""`cgdenoise denoise`: restore noisy images."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cgdenoise.cli.interrupt import Interrupt
from cgdenoise.cli.options import (
    DeviceName,
    Force,
    Gain,
    Json,
    Noise,
    NoiseName,
    Offset,
    PresetName,
    Quiet,
    Seed,
    Sigma,
    StopName,
    Threads,
)
from cgdenoise.cli.output import ProgressDisplay, fail, note
from cgdenoise.cli.report import report
from cgdenoise.errors import CgDenoiseError, ImageError, OptionError

if TYPE_CHECKING:
    from cgdenoise.images import Picture
    from cgdenoise.jobs.options import Options
    from cgdenoise.jobs.plan import Job


def denoise(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Images: PNG, JPEG, TIFF or NPY. - is standard input.")],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="Output file, existing folder, or - for standard output. Beside the input if not given.",
        ),
    ] = None,
    suffix: Annotated[str, typer.Option(help="What is added to an input's name to make the output's.")] = "_denoised",
    force: Force = False,
    preset: Annotated[PresetName, typer.Option(help="fast, balanced, best, or the method as published.")] = PresetName.BALANCED,
    sigma: Sigma = None,
    noise: Noise = NoiseName.AUTO,
    gain: Gain = None,
    offset: Offset = 0.0,
    stop: Annotated[
        StopName | None,
        typer.Option(help="Stop by held-out pixels, when the residual reaches the noise level, or not before the budget ends."),
    ] = None,
    members: Annotated[int | None, typer.Option(min=1, max=64, help="Fits to average. More are better and slower.")] = None,
    max_iterations: Annotated[int | None, typer.Option(min=1, help="Budget of each fit.")] = None,
    hold_out: Annotated[
        float | None, typer.Option(min=0, max=0.5, help="Share of the pixels held out (0.05 in fast and balanced).")
    ] = None,
    seed: Seed = 0,
    device: Annotated[DeviceName, typer.Option(help="Where to compute.")] = DeviceName.AUTO,
    threads: Threads = None,
    reference: Annotated[
        str | None,
        typer.Option(help="Clean image to compare with: adds PSNR and SSIM to the log, never touches the fit."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Restore noisy images.

    Each result lies beside its input, with a log of the fit: noisy.png gives noisy_denoised.png and noisy_denoised.fit.jsonl.
    Size, bit depth, range, alpha and metadata stay as they are. The noise level need not be known.
    """
    interrupt = Interrupt()
    with interrupt.handled():
        from cgdenoise.images import read_image
        from cgdenoise.jobs.plan import STREAM, plan

        jobs = plan(inputs, output, suffix, reference)
        if json and any(job.target == STREAM for job in jobs):
            raise OptionError("--json and an image would share standard output; expected -o FILE with --json")
        if reference is not None and len(jobs) > 1:
            raise OptionError(f"--reference with {len(jobs)} inputs; expected one input")
        options = _options(preset, sigma, noise, gain, offset, stop, members, max_iterations, hold_out, seed, device, threads)
        clean = None if reference is None else read_image(reference)

        failed = False
        for job in jobs:
            try:
                ends = _run(job, options, clean, force, quiet, interrupt)
                for end in ends:
                    report(end, len(ends), json, quiet)
            except OptionError:
                raise
            except CgDenoiseError as error:
                fail(str(error))
                failed = True
            if interrupt.signal:
                break
    if interrupt.signal:
        sys.exit(128 + interrupt.signal)
    if failed:
        sys.exit(1)


def _options(
    preset: PresetName,
    sigma: float | None,
    noise: NoiseName,
    gain: float | None,
    offset: float,
    stop: StopName | None,
    members: int | None,
    max_iterations: int | None,
    hold_out: float | None,
    seed: int,
    device: DeviceName,
    threads: int | None,
) -> Options:
    """Gather the choices, and set up the process: allocator and threads."""
    import torch

    from cgdenoise.jobs.options import Options
    from cgdenoise.noise.known import KnownNoise
    from cgdenoise.restoration.presets import preset_of
    from cgdenoise.runtime import choose_device, prepare_process

    prepare_process(threads)
    choose_device(device)  # an absent one is a matter of usage, not of each file
    base = preset_of(preset)
    chosen = replace(
        base,
        stop=base.stop if stop is None else str(stop),
        members=base.members if members is None else members,
        max_iterations=base.max_iterations if max_iterations is None else max_iterations,
        hold_out=base.hold_out if hold_out is None else hold_out,
    )
    if sigma is not None and not math.isfinite(sigma):
        raise OptionError(f"--sigma {sigma}; expected a finite number")
    if gain is not None and not (math.isfinite(gain) and gain > 0):
        raise OptionError(f"--gain {gain}; expected a finite number above 0")
    if gain is not None and noise not in (NoiseName.AUTO, NoiseName.POISSON, NoiseName.POISSON_GAUSSIAN):
        raise OptionError(f"--gain with --noise {noise}; expected poisson or poisson-gaussian")
    if not math.isfinite(offset):
        raise OptionError(f"--offset {offset}; expected a finite number")
    if chosen.stop == StopName.HOLDOUT and chosen.hold_out == 0:
        raise OptionError("--stop holdout without held-out pixels; expected --hold-out above 0")
    return Options(chosen, str(preset), KnownNoise(str(noise), sigma, gain, offset), seed, str(device), torch.get_num_threads())


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
        with ProgressDisplay(name, len(source.picture.pages), quiet) as display:
            try:
                pages = restore(source, options, reference=clean, progress=display.update, cancelled=interrupt.requested)
            except OptionError:
                raise
            except CgDenoiseError as error:
                raise ImageError(f"{name}: {error}") from error
        if len(pages) < len(source.picture.pages):
            count = len(source.picture.pages)
            note(f"{name}: interrupted; {len(pages)} of {count} pages are restored, the others as they were")
        names = Names(job.source, job.target, None if job.log is None else str(job.log), options.preset_name)
        picture, records = picture_and_log(source, pages, options, names)
        _write(job, images.encode(picture, container, job.target), dump(records), interrupt)
    return [record for record in records if record["type"] == "end"]


def _read_stdin() -> bytes:
    if sys.stdin is None or sys.stdin.closed:
        raise ImageError("standard input: closed; expected an image")
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
            raise ImageError(f"standard output: cannot be written ({error.strerror})") from error
    else:
        with interrupt.held():
            images.write_together({job.target: picture, str(job.log): log})
