"""`cgdenoise ct`: computed tomography."""

from __future__ import annotations

from typing import Annotated

import typer

from cgdenoise.cli.cs import parse_shape
from cgdenoise.cli.law import Law
from cgdenoise.cli.options import SharedOptions, with_shared_options
from cgdenoise.cli.run import ARRAY_OUTPUT, ArrayTargets, SaveMeasurements, Task, check_saving, run
from cgdenoise.errors import OptionError


@with_shared_options(output=ARRAY_OUTPUT, suffix="_reconstructed")
def ct(
    sinogram: Annotated[
        str | None,
        typer.Argument(
            metavar="SINOGRAM",
            help="Line integrals, (views, bins): .npy, .npz or .mat (y and any of angles, axis, pitch, fan, shape, sigma, "
            "photons), or a picture. NaN is a dead bin.",
        ),
    ] = None,
    angles: Annotated[
        str | None,
        typer.Option(metavar="ANGLES", help="Of the views, in degrees: START:STOP:N without STOP, as 0:180:60, or a file."),
    ] = None,
    simulate: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="Make the sinogram from a clean grey image instead.")
    ] = None,
    fan: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE,DETECTOR",
            help="A fan beam on a flat detector: distances of both from the axis, in pixels. Parallel beams if not given.",
        ),
    ] = None,
    axis: Annotated[
        float | None, typer.Option(help="Bin, from 0, in which the axis is seen. The middle one, bins // 2, if not given.")
    ] = None,
    pitch: Annotated[float | None, typer.Option(help="Width of a bin, in pixels of the image; 1 if not given.")] = None,
    shape: Annotated[
        str | None, typer.Option(metavar="H,W", help="Shape of the image. As wide as the detector if not given.")
    ] = None,
    sigma: Annotated[
        float | None, typer.Option(min=0, help="Noise level of the integrals. Estimated if not given; of simulated ones, theirs.")
    ] = None,
    photons: Annotated[
        float | None,
        typer.Option(
            help="Photons that reach a bin where nothing is in their way: integrals are logarithms of counts, and count by these."
        ),
    ] = None,
    simulate_sigma: Annotated[float, typer.Option(min=0, help="Noise level of simulated integrals.")] = 0.0,
    save_measurements: SaveMeasurements = None,
    *,
    law: Law,
    shared: SharedOptions,
) -> None:
    """Reconstruct a slice from its line integrals in few directions, or of few photons: parallel beams or a fan.

    A bin at angle a is the integral along x cos a + y sin a = (bin - axis) pitch, with y upwards and the axis through the pixel
    (H // 2, W // 2), as scikit-image's radon has it. The image is written as an array in the integrals' unit for each pixel
    (.npy), and as a picture. With a reference the filtered back-projection is compared, too.
    """
    if (sinogram is None) == (simulate is None):
        raise OptionError("expected one of SINOGRAM and --simulate")
    if sigma is not None and photons is not None:
        raise OptionError("--sigma with --photons; expected one of them")
    if law.is_of_counts and (photons is not None or simulate is not None):
        other = "--photons, by which integrals are logarithms of counts" if photons is not None else "--simulate"
        raise OptionError(f"--noise poisson with {other}; expected one of them")
    if simulate is not None and law.outliers:
        raise OptionError("--outliers with --simulate; expected measurements")
    if photons is not None and not 0 < photons < float("inf"):
        raise OptionError(f"--photons {photons}; expected a number above 0")
    if simulate_sigma and (simulate is None or photons is not None):
        raise OptionError("--simulate-sigma; expected --simulate with it, and no --photons")
    check_saving(save_measurements, simulate)
    source = str(sinogram or simulate)
    sides = parse_shape(shape)
    targets = ArrayTargets.of(source, shared, save_measurements)

    def read() -> Task:
        from cgdenoise.jobs.tomography import ScanOptions, read_sinogram_problem, simulate_sinogram_problem

        options = ScanOptions(angles, fan, axis, pitch, sides, sigma, photons)
        described = {"angles": angles, "fan": fan, "axis": axis, "pitch": pitch, "photons": photons}
        if simulate is None:
            return targets.task(source, read_sinogram_problem(source, options, law.counts(sigma), law.outliers), described)
        simulation = simulate_sinogram_problem(source, options, simulate_sigma, shared.seed)
        described |= {"simulated_from": simulate, "simulated_sigma": simulate_sigma}
        return targets.simulated(source, simulation, described)

    run("ct", targets.paths, [source, angles], shared, read)
