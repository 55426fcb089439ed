"""`cgdenoise mri`: magnetic resonance images from few samples."""

from __future__ import annotations

from typing import Annotated

import typer

from cgdenoise.cli.cs import parse_shape
from cgdenoise.cli.options import SharedOptions, with_shared_options
from cgdenoise.cli.run import ARRAY_OUTPUT, ArrayTargets, SaveMeasurements, Task, check_saving, run
from cgdenoise.cli.variables import Variables, parse_variables
from cgdenoise.errors import OptionError


@with_shared_options(output=ARRAY_OUTPUT, suffix="_reconstructed")
def mri(
    kspace: Annotated[
        str | None,
        typer.Argument(
            metavar="KSPACE", help="Samples, (H, W) or (coils, H, W): .h5 (of fastMRI or any), .cfl, .npy, .npz or .mat."
        ),
    ] = None,
    simulate: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="Make the samples from a clean grey image instead.")
    ] = None,
    mask: Annotated[
        str | None, typer.Option(help="Where it was sampled: image or array, white is. Where the samples are not 0 if not given.")
    ] = None,
    maps: Annotated[
        str | None,
        typer.Option(
            help="Coil sensitivities, (coils, H, W), complex. From the sampled centre if not given, and if it is large enough."
        ),
    ] = None,
    trajectory: Annotated[
        str | None,
        typer.Option(
            help="Where samples off the grid lie, (read-outs, samples, 2), across before down, or BART's: in cycles for each "
            "pixel, in radians, or in cycles for the whole image, by how far it reaches. Needs finufft."
        ),
    ] = None,
    shape: Annotated[
        str | None, typer.Option(metavar="H,W", help="Shape of the image, of samples off the grid whose trajectory tells none.")
    ] = None,
    slice_number: Annotated[
        int | None, typer.Option("--slice", min=0, help="Of a volume, from 0. The middle one if not given.")
    ] = None,
    sigma: Annotated[
        float | None,
        typer.Option(min=0, help="Noise level of the samples, in their unit; 0: they are exact. Estimated if not given."),
    ] = None,
    noise_scan: Annotated[
        str | None,
        typer.Option(help="Samples without a signal, (coils, ...): they tell the noise level, and what noise the coils share."),
    ] = None,
    crop: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Eigenvalue of the sensitivities below which there is no object, and the image is 0; 0 keeps all."
        ),
    ] = 0.8,
    variable: Variables = None,
    coils: Annotated[int, typer.Option(min=1, max=64, help="Of a simulated scan; their sensitivities are not told.")] = 8,
    ratio: Annotated[float, typer.Option(help="Share of the lines that a simulated scan has, without --mask.")] = 0.25,
    simulate_sigma: Annotated[float, typer.Option(min=0, help="Noise level of simulated samples.")] = 0.0,
    save_measurements: SaveMeasurements = None,
    *,
    shared: SharedOptions,
) -> None:
    """Reconstruct a magnetic resonance image from samples of its Fourier plane, on the grid or off it, of one coil or several.

    Without sensitivities, given or from the centre, every coil gets its own image, and the picture is the root of the sum of
    their squares. The complex image is written as an array (.npy, or .cfl from .cfl), and its magnitude as a picture. With
    --simulate an image is scanned by coils around it, to try a scan out.
    """
    if (kspace is None) == (simulate is None):
        raise OptionError("expected one of KSPACE and --simulate")
    check_saving(save_measurements, simulate)
    others = {
        "--maps": maps,
        "--trajectory": trajectory,
        "--slice": slice_number,
        "--noise-scan": noise_scan,
        "--variable": variable,
    }
    if simulate is not None and (told := [name for name, value in others.items() if value not in (None, [])]):
        raise OptionError(f"{told[0]} with --simulate; expected samples of a scanner with it")
    if trajectory is not None and (mask is not None or slice_number is not None):
        raise OptionError(f"--trajectory with {'--slice' if mask is None else '--mask'}; expected one of them")
    if trajectory is None and shape is not None:
        raise OptionError("--shape without --trajectory; on the grid the samples have the image's shape")
    sides = parse_shape(shape)
    source = str(kspace or simulate)
    targets = ArrayTargets.of(source, shared, save_measurements)
    variables = parse_variables(variable)
    if noise_scan is not None and sigma is not None:
        raise OptionError("--noise-scan with --sigma; expected one of them")

    def read() -> Task:
        from cgdenoise.jobs.simulation import simulate_scan
        from cgdenoise.jobs.sources import Scan, read_kspace_problem
        from cgdenoise.jobs.trajectory import read_trajectory_problem

        scan = Scan(mask, maps, noise_scan, slice_number, crop, variables)
        described = {
            "mask": mask,
            "maps": maps,
            "trajectory": trajectory,
            "slice": slice_number,
            "noise_scan": noise_scan,
            "crop": crop,
            "variables": variables,
        }
        if simulate is not None:
            simulation = simulate_scan(simulate, scan, coils, ratio, simulate_sigma, sigma, shared.seed)
            described |= {"simulated_from": simulate, "simulated_sigma": simulate_sigma, "coils": coils}
            return targets.simulated(source, simulation, described)
        if trajectory is None:
            return targets.task(source, read_kspace_problem(source, scan, sigma), described)
        return targets.task(source, read_trajectory_problem(source, scan, trajectory, sides, sigma), described)

    run("mri", targets.paths, [source, mask, maps, noise_scan, trajectory], shared, read)
