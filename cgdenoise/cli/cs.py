"""`cgdenoise cs`: compressed sensing."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from cgdenoise.cli.law import Law
from cgdenoise.cli.options import SharedOptions, with_shared_options
from cgdenoise.cli.output import emit, emit_json
from cgdenoise.cli.run import ARRAY_OUTPUT, ArrayTargets, SaveMeasurements, Task, check_saving, run
from cgdenoise.cli.variables import Variables, parse_variables
from cgdenoise.errors import OptionError


@with_shared_options(output=ARRAY_OUTPUT, suffix="_reconstructed")
def cs(
    y: Annotated[
        str | None,
        typer.Argument(
            metavar="MEASUREMENTS",
            help="y: .npy, .npz or .mat (y and any of mask, maps, A, shape, sigma), .txt, .csv, .h5, or .cfl of BART.",
            show_default=False,
        ),
    ] = None,
    measurements: Annotated[str | None, typer.Option(help="The same, as an option.")] = None,
    simulate: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="Make the measurements from a clean image instead.")
    ] = None,
    matrix: Annotated[
        str | None,
        typer.Option(help="A, (m, n): .npy, .npz (also of SciPy's sparse), .mat, .csv. Columns as the image in row-major order."),
    ] = None,
    operator: Annotated[
        str | None, typer.Option(help="gaussian, rademacher, dct, fourier, or package.module:factory, called with the shape.")
    ] = None,
    mask: Annotated[
        str | None, typer.Option(help="Where the centred Fourier plane was sampled: image or array, white is.")
    ] = None,
    maps: Annotated[str | None, typer.Option(help="Coil sensitivities, (coils, H, W), complex.")] = None,
    shape: Annotated[
        str | None, typer.Option(metavar="H,W", help="Shape of the image: H,W or C,H,W; of a signal N, of a volume C,D,H,W.")
    ] = None,
    real: Annotated[bool, typer.Option("--real", help="The image is real although its Fourier samples are complex.")] = False,
    ratio: Annotated[float, typer.Option(help="Simulated measurements, as a share of the pixels (or of the lines).")] = 0.25,
    count: Annotated[int | None, typer.Option(min=1, help="Simulated measurements, instead of --ratio.")] = None,
    simulate_sigma: Annotated[float, typer.Option(min=0, help="Noise level of simulated measurements.")] = 0.0,
    save_measurements: SaveMeasurements = None,
    sigma: Annotated[
        float | None,
        typer.Option(
            min=0, help="Noise level of y, in its unit; 0: y is exact. Not given: as simulated or in the file, else estimated."
        ),
    ] = None,
    variable: Variables = None,
    example: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Write a small set of files there, and print the commands that use them.")
    ] = None,
    *,
    law: Law,
    shared: SharedOptions,
) -> None:
    """Reconstruct an image from linear measurements y = A x, with A a matrix, a named operator or one of your own.

    Images become vectors in row-major order. Named operators are scaled so that E ||A x||² = ||x||², and depend on --seed.
    The reconstruction is written as an array in the measurements' unit (.npy, or .cfl from .cfl), and as a picture.
    """
    if [y, measurements, simulate, example].count(None) != 3:
        raise OptionError("expected one of MEASUREMENTS, --measurements, --simulate and --example")
    if example is not None:
        write_example(example, shared)
        return
    measurements = y or measurements
    if simulate is not None and (matrix, operator, mask) == (None, None, None):
        operator = "gaussian"
    if sum(option is not None for option in (matrix, operator, mask)) > 1:
        raise OptionError("expected one of --matrix, --operator and --mask")
    check_saving(save_measurements, simulate)
    if simulate is not None and maps is not None:
        raise OptionError("--maps with --simulate; expected measurements of coils")
    if simulate is not None and law.is_of_counts:
        raise OptionError("--noise poisson with --simulate; expected measurements that are counts")
    if simulate is not None and law.outliers:
        raise OptionError("--outliers with --simulate; expected measurements")
    source = str(measurements or simulate)
    sides, variables = parse_shape(shape), parse_variables(variable)
    targets = ArrayTargets.of(source, shared, save_measurements)

    def read() -> Task:
        if operator is not None and ":" in operator and "" not in sys.path:
            sys.path.insert(0, "")  # a factory lies in the working folder, as with python -m
        from cgdenoise.jobs.simulation import simulate_problem
        from cgdenoise.jobs.sources import Scan, Sources, read_problem

        sources = Sources(source, matrix, operator, Scan(mask, maps, variables=variables), sides, real, shared.seed)
        described: dict[str, Any] = {
            "matrix": matrix,
            "operator_name": operator,
            "mask": mask,
            "maps": maps,
            "seed": shared.seed,
            "real": real,
            "variables": variables,
        }
        if simulate is None:
            return targets.task(source, read_problem(sources, sigma, law.counts(sigma), law.outliers), described)
        simulation = simulate_problem(sources, ratio, count, simulate_sigma, sigma)
        described |= {"simulated_from": simulate, "simulated_sigma": simulate_sigma}
        return targets.simulated(source, simulation, described)

    run("cs", targets.paths, [source, matrix, mask, maps], shared, read)


def write_example(folder: str, shared: SharedOptions) -> None:
    """Write the files of an example, and print the commands that reconstruct them."""
    from cgdenoise import images
    from cgdenoise.jobs.example import example
    from cgdenoise.jobs.plan import check_output

    images.make_folder(folder)
    made = example(folder)
    for path in made.files:
        check_output(path, shared.force)
    images.write_together(made.files)
    if shared.json:
        emit_json({"type": "example", "files": list(made.files), "commands": list(made.commands)})
    elif not shared.quiet:
        for line in made.commands:
            emit(line)


def parse_shape(text: str | None) -> tuple[int, ...] | None:
    """Return the sides that a text names, if there is one.

    Raises
    ------
    OptionError
        If it names something else.
    """
    if text is None:
        return None
    try:
        sides = tuple(int(side) for side in text.split(","))
    except ValueError:
        sides = ()
    if len(sides) not in (1, 2, 3, 4) or min(sides) < 1:
        raise OptionError(f"--shape {text}; expected N, H,W, C,H,W or C,D,H,W, whole numbers of at least 1")
    return sides
