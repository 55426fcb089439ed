"""`cgdenoise denoise`: restore noisy images."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cgdenoise.cli.axes import Axes, checked_axes
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
from cgdenoise.cli.restore import BatchOptions, restore_pictures
from cgdenoise.errors import OptionError
from cgdenoise.names import Channels, GeneratorName, NoiseKind

if TYPE_CHECKING:
    from cgdenoise.jobs.method import Denoising
    from cgdenoise.jobs.options import Options
    from cgdenoise.noise.known import KnownNoise


@with_shared_options(suffix="_denoised")
def denoise(
    batch: BatchOptions,
    sigma: Sigma = None,
    noise: Annotated[
        NoiseKind,
        typer.Option(
            help="What kind of noise it is: gaussian, poisson, poisson-gaussian, impulse or correlated; auto decides by the "
            "image, and the log says why.",
            metavar="KIND",
        ),
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
    generator: Annotated[
        GeneratorName,
        typer.Option(
            help="What is fitted: the preset's decoder, the paper's dd-o, or the deep image prior's hourglass.", metavar="NAME"
        ),
    ] = GeneratorName.DECODER,
    memory: Annotated[
        str | None,
        typer.Option(
            help="What all --jobs together may hold, as 2GB: larger images are restored in tiles. Half of the machine's memory "
            "if not given; less if it is not free.",
            metavar="SIZE",
        ),
    ] = None,
    axes: Axes = None,
    channels: Annotated[
        Channels | None,
        typer.Option(help="Restore the channels together or each by itself. As the file has them if not given."),
    ] = None,
    temporal: Annotated[
        bool,
        typer.Option(
            "--temporal", help="Let frames of a stack, in time or else in depth, help those before and after; takes longer."
        ),
    ] = False,
    warm_start: Annotated[
        bool,
        typer.Option(
            "--warm-start", help="Let the fit of each frame start from the one before, unless the scene is another: faster."
        ),
    ] = False,
    *,
    shared: SharedOptions,
) -> None:
    """Restore noisy images.

    Each result lies beside its input, with a log of the fit: noisy.png gives noisy_denoised.png and noisy_denoised.fit.jsonl.
    Size, bit depth, range, alpha and metadata stay as they are. The noise level need not be known.

    A folder stands for all images in it and below; the results then have the same folders below the output's. A batch that was
    ended early goes on where it was with --on-exists skip.

    Of a stack every frame is restored by itself, or with --temporal by those before and after, too; all lie in one file again.
    """

    def method(inputs: int, at_once: int) -> Denoising:
        from cgdenoise.images import read_image
        from cgdenoise.jobs.method import Denoising
        from cgdenoise.restoration.memory import usual_memory

        if noise_from is not None and inputs > 1:
            raise OptionError(f"--noise-from with {inputs} inputs; expected one input, or --noise-file with its law")
        known, said = _known(sigma, noise, gain, offset), checked_axes(axes)
        options = replace(_options(shared, at_once, generator), known=known)
        options = _with_noise_files(options, said, noise_file, noise_from, dark)
        if temporal and not options.preset.guided:
            raise OptionError(
                f"--temporal with --preset {shared.preset}, which forms no groups of patches; expected balanced or best"
            )
        if warm_start and (options.preset.members > 1 or not options.preset.hold_out):
            what = f"{options.preset.members} fits" if options.preset.members > 1 else "nothing held out"
            raise OptionError(f"--warm-start with {what}; expected one fit, judged by what it holds out")
        options = replace(options, axes=said, channels=channels, temporal=temporal, warm_start=warm_start)
        allowed = None if memory is None else parse_bytes(memory)
        options = replace(options, memory=allowed, room=usual_memory() if allowed is None else allowed)
        return Denoising(options, None if shared.reference is None else read_image(shared.reference, options.axes))

    restore_pictures(batch, shared, [noise_file, noise_from, dark], method)


def _known(sigma: float | None, noise: NoiseKind, gain: float | None, offset: float | None) -> KnownNoise:
    """Return what the user knows of the noise."""
    from cgdenoise.noise.known import KnownNoise

    if sigma is not None and not math.isfinite(sigma):
        raise OptionError(f"--sigma {sigma}; expected a finite number")
    if gain is not None and not (math.isfinite(gain) and gain > 0):
        raise OptionError(f"--gain {gain}; expected a finite number above 0")
    if gain is not None and noise not in (NoiseKind.AUTO, NoiseKind.POISSON, NoiseKind.POISSON_GAUSSIAN):
        raise OptionError(f"--gain with --noise {noise}; expected poisson or poisson-gaussian")
    if offset is not None and not math.isfinite(offset):
        raise OptionError(f"--offset {offset}; expected a finite number")
    return KnownNoise(noise, sigma, gain, offset)


def _options(shared: SharedOptions, at_once: int, generator: GeneratorName) -> Options:
    """Gather the choices of the fits, and set up the process."""
    from cgdenoise.restoration.presets import PRESETS, with_generator

    presets = {name: with_generator(preset, generator) for name, preset in PRESETS.items()}
    return prepare("denoise", shared, presets, at_once)


def _with_noise_files(
    options: Options, axes: str | None, noise_file: str | None, noise_from: str | None, dark: str | None
) -> Options:
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
    return replace(options, noise_sources=NoiseSources.read(noise_file, noise_from, dark, axes)) if given else options
