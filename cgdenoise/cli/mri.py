"""`cgdenoise mri`: magnetic resonance images from few samples."""

from __future__ import annotations

from typing import Annotated

import typer

from cgdenoise.cli.options import SharedOptions, with_shared_options
from cgdenoise.cli.run import ARRAY_OUTPUT, ArrayTargets, Task, run
from cgdenoise.cli.variables import Variables, parse_variables
from cgdenoise.errors import OptionError


@with_shared_options(output=ARRAY_OUTPUT, suffix="_reconstructed")
def mri(
    kspace: Annotated[
        str,
        typer.Argument(
            metavar="KSPACE", help="Samples, (H, W) or (coils, H, W): .h5 (of fastMRI or any), .cfl, .npy, .npz or .mat."
        ),
    ],
    mask: Annotated[
        str | None, typer.Option(help="Where it was sampled: image or array, white is. Where the samples are not 0 if not given.")
    ] = None,
    maps: Annotated[
        str | None,
        typer.Option(
            help="Coil sensitivities, (coils, H, W), complex. From the sampled centre if not given, and if it is large enough."
        ),
    ] = None,
    slice_number: Annotated[
        int | None, typer.Option("--slice", min=0, help="Of a volume, from 0. The middle one if not given.")
    ] = None,
    sigma: Annotated[
        float | None,
        typer.Option(min=0, help="Noise level of the samples, in their unit. Not given: 0 with one coil, else estimated."),
    ] = None,
    noise_scan: Annotated[
        str | None,
        typer.Option(help="Samples without a signal, (coils, ...): they tell the noise level, and what noise the coils share."),
    ] = None,
    variable: Variables = None,
    *,
    shared: SharedOptions,
) -> None:
    """Reconstruct a magnetic resonance image from samples of its centred Fourier plane, of one coil or several.

    Without sensitivities, given or from the centre, every coil gets its own image, and the picture is the root of the sum of
    their squares. The complex image is written as an array (.npy, or .cfl from .cfl), and its magnitude as a picture.
    """
    targets = ArrayTargets.of(kspace, shared)
    variables = parse_variables(variable)
    if noise_scan is not None and sigma is not None:
        raise OptionError("--noise-scan with --sigma; expected one of them")

    def read() -> Task:
        from cgdenoise.jobs.sources import Scan, read_kspace_problem

        described = {"mask": mask, "maps": maps, "slice": slice_number, "noise_scan": noise_scan, "variables": variables}
        return targets.task(
            kspace, read_kspace_problem(kspace, Scan(mask, maps, noise_scan, slice_number, variables), sigma), described
        )

    run("mri", targets.paths, [kspace, mask, maps, noise_scan], shared, read)
