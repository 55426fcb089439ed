"""Problems of compressed sensing and of magnetic resonance, from the files and words of a command."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import MeasurementError, OptionError
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.jobs.inputs import read_array, read_mask, read_matrix
from cgdenoise.measurements import Measurements, read_measurements
from cgdenoise.problems.counts import CountNoise, counted
from cgdenoise.problems.mri import CROP, fourier_problem, parallel_problem
from cgdenoise.problems.outliers import without_outliers
from cgdenoise.problems.problem import Array, LinearProblem
from cgdenoise.problems.sensing import linear_problem, matrix_operator, named_operator
from cgdenoise.problems.whitening import Whitening, whitening
from cgdenoise.reading import about
from cgdenoise.restoration.measured import check_measurements

_LARGEST = 2**33
"""Bytes of a named operator's matrix or image above which a typing error is likelier than an intention. By hand, as
`images.picture.MAX_BYTES`."""


@dataclass(frozen=True)
class Scan:
    """What goes with samples of the Fourier plane; None for what was not given.

    Attributes
    ----------
    mask, maps, noise : str or None
        Paths.
    slice_number : int or None
        Of a volume.
    crop : float
        As `parallel_problem` takes it.
    variables : mapping of str to str
        Names of the variables of all files, as `read_variable` takes them.
    """

    mask: str | None = None
    maps: str | None = None
    noise: str | None = None
    slice_number: int | None = None
    crop: float = CROP
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def of_samples(self) -> dict[str, str]:
        """Those names that are for the file of the samples, as no other file is."""
        elsewhere = {"mask": self.mask, "maps": self.maps, "noise": self.noise}
        return {role: name for role, name in self.variables.items() if elsewhere.get(role) is None}


@dataclass(frozen=True)
class Sources:
    """Where measurements and operator come from; None for what was not given.

    Attributes
    ----------
    source : str
        Path of the measurements or, to simulate them, of a clean image.
    matrix, operator : str or None
        Path, and the operator's name.
    scan : Scan
        What goes with Fourier samples.
    shape : tuple of int or None
        Of the image.
    real : bool
        Whether an image with Fourier samples is real.
    seed : int
        Of a named operator, and of simulated noise.
    """

    source: str
    matrix: str | None
    operator: str | None
    scan: Scan
    shape: tuple[int, ...] | None
    real: bool
    seed: int


def read_problem(
    sources: Sources, sigma: float | None, counts: CountNoise | None = None, outliers: bool = False
) -> LinearProblem:
    """Read measurements, and the operator that made them.

    Parameters
    ----------
    sources : Sources
        Where they are.
    sigma : float or None
        Noise level; None for what the file says, or else it is estimated.
    counts : CountNoise or None
        If the measurements are counts, how; its Gaussian noise goes before what the file says.
    outliers : bool
        Whether those that are far off are left out.

    Raises
    ------
    MeasurementError, OperatorError, OptionError, ImageError
        If something cannot be read, is missing, or does not go together; the message begins with the path.
    """
    variables = {role: name for role, name in sources.scan.of_samples.items() if role != "A" or sources.matrix is None}
    measurements = read_measurements(sources.source, sources.shape, variables=variables)
    with about(sources.source):
        level = measurements.sigma if sigma is None else sigma
        name = _operator_name(sources, measurements)
        if name == "fourier" or sources.scan.mask is not None or (name is None and _has_plane(sources, measurements)):
            if counts is not None or outliers:
                told = "--outliers" if outliers else "--noise poisson"
                raise OptionError(f"{told} of Fourier samples; expected real measurements of the whole image")
            return _fourier(measurements, sources.scan, sources.real or measurements.real, level)
        shape = sources.shape or measurements.shape
        has_matrix = sources.matrix is not None or measurements.matrix is not None
        if shape is None or (name is None and not has_matrix):
            raise OptionError(_what_is_missing(sources, measurements.y, lacks_operator=name is None and not has_matrix))
        if name is not None:
            seed = sources.seed if measurements.operator is None else measurements.seed
            operator = named_operator(name, shape, affordable(name, measurements.y.size, shape), seed)
        else:
            with about(sources.matrix or sources.source):
                matrix = measurements.matrix
                if sources.matrix is not None:
                    matrix = read_matrix(sources.matrix, shape, sources.scan.variables)
                operator = matrix_operator(matrix, shape)
        problem = linear_problem(operator, measurements.y, level)
        _check(problem)
        problem = without_outliers(problem) if outliers else problem
        return problem if counts is None else counted(problem, counts.in_numbers(problem.y))


def read_kspace_problem(path: str, scan: Scan, sigma: float | None) -> LinearProblem:
    """Read the Fourier samples of a magnetic resonance image, as `parallel_problem` and `fourier_problem` take them.

    Raises
    ------
    MeasurementError, ImageError
        If something cannot be read or does not go together; the message begins with the path.
    """
    measurements = read_measurements(path, slice_number=scan.slice_number, variables=scan.of_samples)
    with about(path):
        told = measurements.sigma if sigma is None and scan.noise is None else sigma
        return _fourier(measurements, scan, False, told)


def affordable(name: str, count: int, shape: tuple[int, ...]) -> int:
    """Return the number of measurements, if a named operator that makes them, and the image, may be meant.

    Raises
    ------
    OptionError
        If one of them is so large that a typing error is likelier.
    """
    values = math.prod(shape)
    if 8 * values > _LARGEST:
        raise OptionError(f"an image of {shape}: over 8 GiB; expected a smaller one")
    if name in ("gaussian", "rademacher") and 4 * count * values > _LARGEST:
        raise OptionError(f"{count} measurements of {shape}: a matrix of over 8 GiB; expected fewer, or --operator dct")
    return count


def _operator_name(sources: Sources, measurements: Measurements) -> str | None:
    """Return the operator's name: what the user says, or else what the file says of how it was simulated."""
    saved, given = measurements.operator, sources.operator
    if saved is None or sources.matrix is not None or sources.scan.mask is not None:
        return given
    if given not in (None, saved):
        raise OptionError(f"--operator {given} for measurements by {saved}, as the file says")
    if given is None and ":" in saved:
        raise OptionError(f"measurements by your own {saved}, which no file may start; expected --operator {saved}")
    return saved


def _what_is_missing(sources: Sources, y: Array, *, lacks_operator: bool) -> str:
    """Return what else has to be told, with an example of a whole command."""
    lacks_shape = sources.shape is None
    missing = " and ".join(["no operator"] * lacks_operator + ["no shape of the image"] * lacks_shape)
    shape = "--shape 256,256" if sources.shape is None else f"--shape {','.join(map(str, sources.shape))}"
    others = "--operator gaussian --seed 0 with --shape, --mask of the Fourier plane, or A or mask and shape in the file"
    way = f"--matrix A.npy {shape}"
    if y.dtype.kind == "c" and lacks_operator:
        missing, way = "no operator", "--operator fourier" if y.ndim > 1 else "--mask sampled.png"
    elif not lacks_operator:
        given = {"--matrix": sources.matrix, "--operator": sources.operator}
        way = " ".join([*(f"{option} {value}" for option, value in given.items() if value is not None), shape])
        others = "rows and columns of the image; C,H,W with channels, N of a signal, C,D,H,W of a volume"
    return (
        f"y of shape {list(y.shape)}, {missing}; expected as in: cgdenoise cs {sources.source} {way} ({others}). "
        "cgdenoise cs --example FOLDER writes files to try it with"
    )


def _fourier(measurements: Measurements, scan: Scan, real: bool, sigma: float | None) -> LinearProblem:
    y, sampled = measurements.y, None
    maps = measurements.maps if scan.maps is None else read_array(scan.maps, "maps", scan.variables)
    if y.ndim == 3 and y.shape[0] == 1 and maps is None:
        y = y[0]
    plane = measurements.shape if y.ndim == 1 else y.shape[-2:]
    if plane is not None and len(plane) != 2:
        raise MeasurementError(f"y of shape {list(y.shape)}; expected [H, W], [coils, H, W], or [m] with a mask")
    if scan.mask is not None:
        size = _size_of(scan.mask, scan.variables) if plane is None else (plane[0], plane[1])
        sampled = read_mask(scan.mask, size, variables=scan.variables)
    elif measurements.mask is not None:
        sampled = _mask_on(measurements.mask, measurements.mask.shape if plane is None else plane)
    white = whitening_of(measurements, scan, 1 if y.ndim < 3 else len(y)) if sigma is None else None
    level = sigma if white is None else white.level
    if y.ndim < 3 and maps is None:
        return fourier_problem(y, sampled, real, level)
    if real:
        raise OptionError("--real with coils, whose images are complex")
    if white is not None and y.ndim == 3:
        y, maps = white(y), white(maps) if maps is not None and maps.shape == y.shape else maps
    return parallel_problem(y, sampled, maps, level, scan.crop)


def whitening_of(measurements: Measurements, scan: Scan, coils: int) -> Whitening | None:
    """Return what makes the coils' noise white, if there is a scan of it."""
    if scan.noise is None:
        return None if measurements.noise is None else whitening(measurements.noise, coils)
    noise = read_array(scan.noise, "noise", scan.variables)
    with about(scan.noise):
        return whitening(noise, coils)


def _mask_on(mask: Array, plane: tuple[int, ...]) -> NDArray[np.bool_]:
    try:
        return np.broadcast_to(mask != 0, plane).copy()
    except ValueError:
        raise MeasurementError(f"mask of shape {list(mask.shape)}; expected {list(plane)}") from None


def _size_of(path: str, variables: Mapping[str, str]) -> tuple[int, int]:
    mask = read_array(path, "mask", variables)
    if mask.ndim < 2:
        raise MeasurementError(f"a mask of shape {mask.shape}; expected (H, W), as y has one axis", path)
    return mask.shape[0], mask.shape[1]


def _has_plane(sources: Sources, measurements: Measurements) -> bool:
    return (
        sources.matrix is None
        and measurements.matrix is None
        and (measurements.mask is not None or Path(sources.source).suffix == ".cfl")
    )


def _check(problem: LinearProblem) -> None:
    check_measurements(problem.operator, problem.y, problem.sampling or Sampling.entries(problem.operator.out_shape))
