"""`cgdenoise denoise`: restore noisy images."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cgdenoise.cli.errors import Failures
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
from cgdenoise.cli.output import ProgressDisplay, emit, emit_json, note, warn
from cgdenoise.errors import CgDenoiseError, ImageError, OptionError

if TYPE_CHECKING:
    from cgdenoise.images import Picture
    from cgdenoise.jobs.batch import Job, Options, PageOutcome


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
        from cgdenoise.jobs import batch

        jobs = batch.plan(inputs, output, suffix, reference)
        if json and any(job.target == batch.STREAM for job in jobs):
            raise OptionError("--json and an image would share standard output; expected -o FILE with --json")
        if reference is not None and len(jobs) > 1:
            raise OptionError(f"--reference with {len(jobs)} inputs; expected one input")
        options = _options(preset, sigma, noise, gain, offset, stop, members, max_iterations, hold_out, seed, device, threads)
        clean = None if reference is None else read_image(reference)

        failures = Failures()
        for job in jobs:
            with failures.noted():
                outcomes = _run(job, options, clean, force, quiet, interrupt)
                _report(job, outcomes, options, json, quiet)
            if interrupt.signal:
                break
    sys.exit(128 + interrupt.signal if interrupt.signal else failures.code)


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

    from cgdenoise.jobs.batch import Options
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
    return Options(chosen, str(preset), sigma, seed, str(device), torch.get_num_threads(), str(noise), gain, offset)


def _run(job: Job, options: Options, clean: Picture | None, force: bool, quiet: bool, interrupt: Interrupt) -> list[PageOutcome]:
    """Restore one input and write what came of it."""
    from cgdenoise import images
    from cgdenoise.fitlog import records as record
    from cgdenoise.jobs import batch

    data = _read_stdin() if job.source == batch.STREAM else images.read_bytes(job.source)
    name = "standard input" if job.source == batch.STREAM else job.source
    source = batch.load(name, data)
    container = batch.check_target(job, source.picture, force)
    with interrupt.deferred():
        with ProgressDisplay(name, len(source.picture.pages), quiet) as display:
            try:
                picture, outcomes, records = batch.restore(
                    source, options, reference=clean, progress=display.update, cancelled=interrupt.requested
                )
            except OptionError:
                raise
            except CgDenoiseError as error:
                raise ImageError(f"{name}: {error}") from error
        if len(outcomes) < len(picture.pages):
            note(f"{name}: interrupted; {len(outcomes)} of {len(picture.pages)} pages are restored, the others as they were")
        _write(job, images.encode(picture, container, job.target), record.dump(records), interrupt)
    return outcomes


def _read_stdin() -> bytes:
    if sys.stdin is None or sys.stdin.closed:
        raise ImageError("closed; expected an image", "standard input")
    return sys.stdin.buffer.read()


def _write(job: Job, picture: bytes, log: bytes, interrupt: Interrupt) -> None:
    from cgdenoise import images
    from cgdenoise.jobs import batch

    if job.target == batch.STREAM:
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


def _report(job: Job, outcomes: list[PageOutcome], options: Options, json: bool, quiet: bool) -> None:
    """Say what came of an input: errors and interruptions on stderr, the result on stdout."""
    from cgdenoise.jobs.batch import STREAM

    for outcome in outcomes:
        page = f" page {outcome.page}" if len(outcomes) > 1 else ""
        warn(job.source, [f"{page} {warning}".lstrip() for warning in outcome.result.warnings], quiet)
        if outcome.status == "interrupted":
            note(f"{job.source}:{page} interrupted; the best result so far is in {job.target}")
        result = outcome.result
        summary = {
            "input": job.source,
            "output": job.target,
            "log": None if job.log is None else os.fspath(job.log),
            "page": outcome.page,
            "status": outcome.status,
            "preset": options.preset_name,
            "depth": result.depth,
            "fits": len(result.fits),
            "sigma": result.sigma,
            "sigma_estimated": result.sigma_estimated,
            "noise": str(result.noise.kind),
            "seconds": result.seconds,
            "psnr": outcome.psnr,
            "ssim": outcome.ssim,
            "warnings": list(result.warnings),
        }
        if json:
            emit_json(summary)
        elif not quiet and job.target != STREAM:
            emit(f"{job.target}{page}: {_sentence(outcome)}")


def _sentence(outcome: PageOutcome) -> str:
    result = outcome.result
    if not result.fits:
        return "constant image, given back as it is"
    count = sum(fit.weight > 0 for fit in result.fits)
    found = "estimated" if result.sigma_estimated else "given"
    as_it_was = [part["name"] for part in outcome.parts if part["weight"]] == ["input"]
    level = "left as it was" if as_it_was and result.warnings else f"{result.noise.kind} noise {result.sigma:.4g} ({found})"
    fits = f"{count} fit{'s' * (count > 1)}, depth {result.depth}" if count else "no fit"
    text = f"{fits}, {level}, {result.seconds:.1f} s"
    text += " (with a warning)" if result.warnings else ""
    if outcome.psnr is not None:
        text += f", PSNR {outcome.psnr:.2f} dB, SSIM {outcome.ssim:.4f}"
    return text
