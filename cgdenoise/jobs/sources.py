"""Problems of compressed sensing and of magnetic resonance, from the files and words of a command."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError, MeasurementError, OptionError
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.images import read_image
from cgdenoise.jobs.inputs import read_array, read_mask, read_matrix
from cgdenoise.measurements import Measurements, read_measurements
from cgdenoise.operators import ComplexFromReal, subsampled_fourier
from cgdenoise.problems.mri import fourier_problem, parallel_problem
from cgdenoise.problems.problem import Array, LinearProblem
from cgdenoise.problems.sensing import fourier_lines, linear_problem, matrix_operator, named_operator, simulated
from cgdenoise.reading import about
from cgdenoise.restoration.measured import check_measurements
from cgdenoise.restoration.units import check_image

_LARGEST = 2**33
"""Bytes of a named operator's matrix or image above which a typing error is likelier than an intention. By hand, as
`images.picture.MAX_BYTES`."""


@dataclass(frozen=True)
class Sources:
    """Where measurements and operator come from; None for what was not given.

    Attributes
    ----------
    source : str
        Path of the measurements or, to simulate them, of a clean image.
    simulate : bool
        Which of the two.
    matrix, operator, mask, maps : str or None
        Paths, and the operator's name.
    shape : tuple of int or None
        Of the image.
    real : bool
        Whether an image with Fourier samples is real.
    seed : int
        Of a named operator, and of simulated noise.
    """

    source: str
    simulate: bool
    matrix: str | None
    operator: str | None
    mask: str | None
    maps: str | None
    shape: tuple[int, ...] | None
    real: bool
    seed: int


@dataclass(frozen=True)
class Simulation:
    """Measurements that were made from a clean image, and that image, (H, W) or (H, W, C) in its file's dtype."""

    problem: LinearProblem
    clean: Array
    mask: NDArray[np.bool_] | None

    def saved(self) -> bytes:
        """Return them as the contents of a .npz that `read_measurements` reads."""
        y, shape = self.problem.y, np.array(self.problem.operator.in_shape)
        buffer = io.BytesIO()
        if self.mask is None:
            np.savez(buffer, y=y, shape=shape)
        else:
            np.savez(buffer, y=y, shape=shape, mask=self.mask)
        return buffer.getvalue()


def read_problem(sources: Sources, sigma: float | None) -> LinearProblem:
    """Read measurements, and the operator that made them.

    Raises
    ------
    MeasurementError, OperatorError, OptionError, ImageError
        If something cannot be read, is missing, or does not go together; the message begins with the path.
    """
    measurements = read_measurements(sources.source, sources.shape)
    with about(sources.source):
        if (
            sources.operator == "fourier"
            or sources.mask is not None
            or (sources.operator is None and _has_plane(sources, measurements))
        ):
            return _fourier(measurements, sources.mask, sources.maps, sources.real, sigma)
        shape = sources.shape or measurements.shape
        if sources.matrix is None and sources.operator is None and measurements.matrix is None:
            raise OptionError("no operator; expected one of --matrix, --operator and --mask, or A or mask in the file")
        if shape is None:
            raise OptionError("no shape of the image; expected --shape H,W, or shape in the file")
        if sources.operator is not None:
            operator = named_operator(
                sources.operator, shape, _affordable(sources.operator, measurements.y.size, shape), sources.seed
            )
        else:
            with about(sources.matrix or sources.source):
                operator = matrix_operator(measurements.matrix if sources.matrix is None else read_matrix(sources.matrix), shape)
        problem = linear_problem(operator, measurements.y, sigma or 0.0)
        _check(problem)
        return problem


def simulate_problem(sources: Sources, ratio: float, count: int | None, noise: float, sigma: float | None) -> Simulation:
    """Measure a clean image.

    Parameters
    ----------
    sources : Sources
        With the image as the source.
    ratio : float
        Measurements of a named operator, as a share of the image's values, or of the lines of the Fourier plane.
    count : int or None
        Number of measurements, instead.
    noise : float
        Standard deviation of the noise that is added.
    sigma : float or None
        Noise level that the reconstruction assumes; None for the true one.

    Raises
    ------
    ImageError, MeasurementError, OperatorError, OptionError
        As `read_problem`, or if the image is not clean.
    """
    clean = read_image(sources.source).pages[0]
    with about(sources.source):
        values = check_image(clean)
        if not np.isfinite(values).all():
            raise ImageError("missing values (NaN); expected a clean image")
        image = np.moveaxis(values, 2, 0)
        image = image[0] if image.shape[0] == 1 else image
        if sources.shape not in (None, image.shape):
            raise OptionError(f"--shape {sources.shape} for an image of {image.shape}; expected no --shape with --simulate")
        level = noise if sigma is None else sigma
        if sources.operator == "fourier" or sources.mask is not None:
            if image.ndim != 2:
                raise ImageError(f"{image.shape[0]} channels; expected a grey image for the Fourier plane")
            plane = (image.shape[0], image.shape[1])
            share = ratio if count is None else count / plane[1]
            kept = fourier_lines(plane, share, sources.seed) if sources.mask is None else read_mask(sources.mask, plane)
            operator = subsampled_fourier(kept, plane) @ ComplexFromReal(plane)
            y = simulated(operator, image, noise, sources.seed)
            return Simulation(fourier_problem(y, kept, True, level), clean, kept)
        if not 0 < ratio <= 1:
            raise OptionError(f"--ratio {ratio}; expected above 0 and at most 1")
        number = max(1, round(ratio * image.size)) if count is None else count
        if sources.matrix is not None:
            sensing = matrix_operator(read_matrix(sources.matrix), image.shape)
        else:
            sensing = named_operator(
                str(sources.operator), image.shape, _affordable(str(sources.operator), number, image.shape), sources.seed
            )
        y = simulated(sensing, image, noise, sources.seed)
        return Simulation(linear_problem(sensing, y, level), clean, None)


def read_kspace_problem(
    path: str, mask: str | None, maps: str | None, slice_number: int | None, sigma: float | None
) -> LinearProblem:
    """Read the Fourier samples of a magnetic resonance image, as `parallel_problem` and `fourier_problem` take them.

    Raises
    ------
    MeasurementError, ImageError
        If something cannot be read or does not go together; the message begins with the path.
    """
    measurements = read_measurements(path, slice_number=slice_number)
    with about(path):
        return _fourier(measurements, mask, maps, False, sigma)


def _fourier(measurements: Measurements, mask: str | None, maps: str | None, real: bool, sigma: float | None) -> LinearProblem:
    y, sampled = measurements.y, None
    sensitivities = measurements.maps if maps is None else read_array(maps)
    if y.ndim == 3 and y.shape[0] == 1 and sensitivities is None:
        y = y[0]
    plane = measurements.shape if y.ndim == 1 else y.shape[-2:]
    if plane is not None and len(plane) != 2:
        raise MeasurementError(f"y of shape {list(y.shape)}; expected [H, W], [coils, H, W], or [m] with a mask")
    if mask is not None:
        sampled = read_mask(mask, _size_of(mask) if plane is None else (plane[0], plane[1]))
    elif measurements.mask is not None:
        sampled = _mask_on(measurements.mask, measurements.mask.shape if plane is None else plane)
    if y.ndim < 3 and sensitivities is None:
        return fourier_problem(y, sampled, real, sigma or 0.0)
    if real:
        raise OptionError("--real with coils, whose images are complex")
    return parallel_problem(y, sampled, sensitivities, sigma)


def _mask_on(mask: Array, plane: tuple[int, ...]) -> NDArray[np.bool_]:
    try:
        return np.broadcast_to(mask != 0, plane).copy()
    except ValueError:
        raise MeasurementError(f"mask of shape {list(mask.shape)}; expected {list(plane)}") from None


def _size_of(path: str) -> tuple[int, int]:
    height, width = read_array(path).shape[:2]
    return height, width


def _has_plane(sources: Sources, measurements: Measurements) -> bool:
    return (
        sources.matrix is None
        and measurements.matrix is None
        and (measurements.mask is not None or Path(sources.source).suffix == ".cfl")
    )


def _affordable(name: str, count: int, shape: tuple[int, ...]) -> int:
    values = math.prod(shape)
    if 8 * values > _LARGEST:
        raise OptionError(f"an image of {shape}: over 8 GiB; expected a smaller one")
    if name in ("gaussian", "rademacher") and 4 * count * values > _LARGEST:
        raise OptionError(f"{count} measurements of {shape}: a matrix of over 8 GiB; expected fewer, or --operator dct")
    return count


def _check(problem: LinearProblem) -> None:
    check_measurements(problem.operator, problem.y, problem.sampling or Sampling.entries(problem.operator.out_shape))
