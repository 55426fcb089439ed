"""Measurements that are made from a clean image, to try a reconstruction out."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse

from cgdenoise.errors import ImageError, OptionError
from cgdenoise.images import read_image
from cgdenoise.jobs.inputs import read_array, read_mask, read_matrix, read_whole
from cgdenoise.jobs.sources import Scan, Sources, affordable
from cgdenoise.measurements import SUFFIXES, sparse_parts
from cgdenoise.operators import Coils, ComplexFromReal, subsampled_fourier
from cgdenoise.problems.mri import fourier_problem, parallel_problem, simulated_maps
from cgdenoise.problems.problem import Array, LinearProblem
from cgdenoise.problems.sensing import fourier_lines, linear_problem, matrix_operator, named_operator, simulated
from cgdenoise.reading import about
from cgdenoise.restoration.units import OF_VOLUME, check_image


@dataclass(frozen=True)
class Simulation:
    """Measurements that were made from a clean image.

    Attributes
    ----------
    problem : LinearProblem
        How they are to be undone.
    clean : array
        That image as the problem's view shows it, (H, W) or (H, W, C), a signal (N,) or a volume (D, H, W, C), in its file's
        dtype.
    operator : mapping of str to array
        What else a file needs, so that `sources.read_problem` finds the same problem in it.
    """

    problem: LinearProblem
    clean: Array
    operator: Mapping[str, Any]

    def saved(self) -> bytes:
        """Return them, the operator and the shape as the contents of a .npz."""
        buffer = io.BytesIO()
        shape, sigma = np.array(self.problem.operator.in_shape), np.array(self.problem.sigma)
        np.savez(buffer, y=self.problem.y, shape=shape, sigma=sigma, **self.operator)
        return buffer.getvalue()


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
    clean = _read_clean(sources.source, sources.shape)
    with about(sources.source):
        image = _channels(clean)
        if sources.shape not in (None, image.shape):
            raise OptionError(f"--shape {sources.shape} for an image of {image.shape}; expected no --shape with --simulate")
        level = noise if sigma is None else sigma
        if sources.operator == "fourier" or sources.scan.mask is not None:
            return _fourier(sources, clean, image, ratio if count is None else count / image.shape[-1], noise, level)
        if not 0 < ratio <= 1:
            raise OptionError(f"--ratio {ratio}; expected above 0 and at most 1")
        number = max(1, round(ratio * image.size)) if count is None else count
        saved: dict[str, Any]
        if sources.matrix is not None:
            matrix = read_matrix(sources.matrix, image.shape, sources.scan.variables)
            sensing = matrix_operator(matrix, image.shape)
            saved = sparse_parts("A", matrix) if sparse.issparse(matrix) else {"A": matrix}
        else:
            name = str(sources.operator)
            sensing = named_operator(name, image.shape, affordable(name, number, image.shape), sources.seed)
            saved = {"operator": np.array(name), "seed": np.array(sources.seed)}
        y = simulated(sensing, image, noise, sources.seed)
        return Simulation(linear_problem(sensing, y, level), clean, saved)


def simulate_scan(path: str, scan: Scan, coils: int, ratio: float, noise: float, sigma: float | None, seed: int) -> Simulation:
    """Scan a clean grey image with several coils, whose sensitivities the problem has to find, or with one.

    Parameters
    ----------
    path : str
        Of the image.
    scan : Scan
        Its mask, if there is one, and what cuts the object out.
    coils : int
        How many.
    ratio : float
        Share of the Fourier plane's lines that are sampled where there is no mask.
    noise : float
        Standard deviation of the noise that is added to each sample: the root of E |noise|².
    sigma : float or None
        Noise level that the reconstruction assumes; None for the true one.
    seed : int
        Of the lines and of the noise.

    Raises
    ------
    ImageError, MeasurementError, OptionError
        As `simulate_problem`.
    """
    clean = read_image(path).pages[0]
    with about(path):
        image = _channels(clean)
        if image.ndim != 2:
            raise ImageError(f"an image of shape {list(clean.shape)}; expected a grey one, (H, W)")
        plane = (image.shape[0], image.shape[1])
        kept = fourier_lines(plane, ratio, seed) if scan.mask is None else read_mask(scan.mask, plane)
        level = noise if sigma is None else sigma
        seen = Coils(simulated_maps(coils, plane)) @ ComplexFromReal(plane)
        y = simulated(subsampled_fourier(torch.from_numpy(kept), (coils, *plane)) @ seen, image, noise, seed)
        if coils == 1:
            return Simulation(fourier_problem(y[0], kept, False, level), clean, {"mask": kept})
        return Simulation(parallel_problem(y, kept, None, level, scan.crop), clean, {"mask": kept})


def _fourier(sources: Sources, clean: Array, image: Array, share: float, noise: float, level: float) -> Simulation:
    if image.ndim != 2:
        raise ImageError(f"an image of shape {list(image.shape)}; expected a grey one, (H, W), for the Fourier plane")
    plane = (image.shape[0], image.shape[1])
    mask = sources.scan.mask
    kept = fourier_lines(plane, share, sources.seed) if mask is None else read_mask(mask, plane, False, sources.scan.variables)
    y = simulated(subsampled_fourier(kept, plane) @ ComplexFromReal(plane), image, noise, sources.seed)
    return Simulation(fourier_problem(y, kept, True, level), clean, {"mask": kept, "real": np.array(True)})


def _read_clean(path: str, shape: tuple[int, ...] | None) -> Array:
    """Read an image, (H, W) or (H, W, C), a signal, (N,), or a volume, (D, H, W, C).

    A volume is an array of four axes, channels first, or one that `shape` says to be that; or a picture of several pages.
    """
    if Path(path).suffix.lower() in SUFFIXES:
        array = read_array(path, "signal")
        if shape is not None and len(shape) == OF_VOLUME and array.size == math.prod(shape):
            array = array.reshape(shape)
        if array.ndim in (1, OF_VOLUME) and array.dtype.kind in "uif":
            return array if array.ndim == 1 else np.moveaxis(array, 0, -1)
    return read_whole(path, "image")


def _channels(clean: Array) -> Array:
    """Return a clean image as operators take it, (H, W) or (C, H, W); a signal as it is; a volume as (C, D, H, W)."""
    if clean.ndim == 1:
        return clean.astype(np.float64)
    planes = [check_image(plane) for plane in (clean if clean.ndim == OF_VOLUME else [clean])]
    if not all(np.isfinite(plane).all() for plane in planes):
        raise ImageError("missing values (NaN); expected a clean image")
    if clean.ndim == OF_VOLUME:
        return np.moveaxis(np.stack(planes), 3, 0)
    image = np.moveaxis(planes[0], 2, 0)
    return image[0] if image.shape[0] == 1 else image
