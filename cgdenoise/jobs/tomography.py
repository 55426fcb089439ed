"""A problem of computed tomography, from the files and words of a command."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cgdenoise.errors import ImageError, MeasurementError, OptionError
from cgdenoise.images import read_image
from cgdenoise.jobs.inputs import read_array
from cgdenoise.measurements import SUFFIXES, read_named
from cgdenoise.operators.tomography import Fan, Scan, projector, projector_bytes
from cgdenoise.problems.counts import CountNoise, counted
from cgdenoise.problems.outliers import without_outliers
from cgdenoise.problems.problem import Array, LinearProblem
from cgdenoise.problems.sensing import simulated
from cgdenoise.problems.tomography import tomography_problem
from cgdenoise.reading import about, machine_memory, reading
from cgdenoise.restoration.units import check_image
from cgdenoise.runtime import rng_for

_THICKEST = 3.0
"""Largest line integral of a simulated scan with photons: a twentieth of them passes. By hand."""

_PHOTONS = 4
"""Key of the random numbers of simulated counts. Any would do that nobody else uses: the fits, 0 to 2, and other noise, 3."""

_SAVED = ("angles", "axis", "pitch", "fan", "shape", "sigma", "photons", "unit")
"""What a file of a sinogram may hold besides, as `ct --save-measurements` writes it. The unit is what integrals of an image are
divided by before they are logarithms of counts."""

_RADIANS = 2 * np.pi + 0.1
"""Angles of many views that all lie below this are likelier radians than degrees. By hand."""


@dataclass(frozen=True)
class ScanOptions:
    """What a command was told of a scan; None for what it was not.

    Attributes
    ----------
    angles : str or None
        `START:STOP:N` or the path of a file, in degrees.
    fan : str or None
        `SOURCE,DETECTOR`, the distances of a fan beam from the axis, in pixels.
    axis : float or None
        As `Scan` has it; None for the middle, bins // 2.
    pitch : float or None
        As `Scan` has it; None for 1.
    shape : tuple of int or None
        Of the image; None for a square as wide as the detector.
    sigma, photons : float or None
        As `tomography_problem` takes them.
    """

    angles: str | None
    fan: str | None
    axis: float | None
    pitch: float | None
    shape: tuple[int, ...] | None
    sigma: float | None
    photons: float | None

    def or_else(self, saved: Mapping[str, Array]) -> ScanOptions:
        """Return the options with what a file says where nothing was told."""

        def number(name: str, told: float | None) -> float | None:
            return told if told is not None or name not in saved else _number(name, saved[name])

        fan = ",".join(f"{value!r}" for value in saved["fan"].ravel().tolist()) if "fan" in saved else None
        shape = tuple(int(side) for side in saved["shape"].ravel()) if "shape" in saved else None
        told_noise = self.sigma is not None or self.photons is not None
        return replace(
            self,
            fan=self.fan or fan,
            axis=number("axis", self.axis),
            pitch=number("pitch", self.pitch),
            shape=self.shape or shape,
            sigma=self.sigma if told_noise else number("sigma", None),
            photons=self.photons if told_noise else number("photons", None),
        )

    def scan(self, angles: NDArray[np.float64], bins: int) -> Scan:
        """Return the scan by a detector of so many bins."""
        pitch = 1.0 if self.pitch is None else self.pitch
        return Scan(angles, bins, bins // 2 if self.axis is None else self.axis, pitch, read_fan(self.fan))


@dataclass(frozen=True)
class SimulatedScan:
    """A scan that was made from a clean image: the problem, that image, and what a file needs to be the problem by itself."""

    problem: LinearProblem
    clean: Array
    contents: Mapping[str, Any]

    def saved(self) -> bytes:
        """Return the contents of an .npz from which `read_sinogram_problem` reads the same problem."""
        buffer = io.BytesIO()
        np.savez(buffer, **self.contents)
        return buffer.getvalue()


def read_sinogram_problem(
    path: str, told: ScanOptions, counts: CountNoise | None = None, outliers: bool = False
) -> LinearProblem:
    """Read a sinogram, [views, bins] or, if only that goes with the angles, [bins, views]; of emissions, their counts.

    Raises
    ------
    MeasurementError, ImageError, OptionError, OperatorError
        If something cannot be read or does not go together; the message begins with the path.
    """
    has_names = Path(path).suffix.lower() in SUFFIXES
    saved = read_named(path, "y", _SAVED) if has_names else {"y": read_array(path)}
    y, angles = saved["y"], None if told.angles is None else read_angles(told.angles)
    with about(path):
        if angles is None and "angles" not in saved:
            example = f"cgdenoise ct {path} --angles 0:180:{len(y)}"
            raise OptionError(f"a sinogram of shape {list(y.shape)} without the angles of its views; expected as in: {example}")
        angles = _as_angles(saved["angles"]) if angles is None else angles
        options = told.or_else(saved)
        if y.ndim != 2 or y.dtype.kind not in "uif" or len(angles) not in y.shape:
            expected = f"[{len(angles)}, bins], as there are angles"
            raise MeasurementError(f"a sinogram of shape {list(y.shape)} and {y.dtype}; expected {expected}, real")
        y = (y if len(y) == len(angles) else y.T).astype(np.float64)
        scan = options.scan(angles, y.shape[1])
        shape = _plane(options.shape or (scan.bins, scan.bins))
        _check_memory(scan, shape)
        if counts is not None and options.photons is not None:
            raise OptionError("--noise poisson of integrals that are logarithms of counts, as the file says")
        sigma = options.sigma if counts is None else 0.0
        problem = tomography_problem(y, scan, shape, sigma, options.photons)
        problem = without_outliers(problem) if outliers else problem
        problem = problem if counts is None else counted(problem, counts.in_numbers(y))
        return problem.in_unit(_number("unit", saved["unit"])) if "unit" in saved else problem


def simulate_sinogram_problem(path: str, options: ScanOptions, noise: float, seed: int) -> SimulatedScan:
    """Scan a clean grey image by a detector that sees all of it.

    With photons the integrals are scaled to at most 3 while they are counted.

    Parameters
    ----------
    path : str
        Of the image.
    options : ScanOptions
        How.
    noise : float
        Standard deviation of the noise that is added where no photons are counted.
    seed : int
        Of the noise.

    Raises
    ------
    ImageError, OptionError, OperatorError
        As `read_sinogram_problem`, or if the image is not clean and grey.
    """
    if options.angles is None:
        raise OptionError(f"--simulate without the angles of the views; expected as in: ct --simulate {path} --angles 0:180:60")
    angles = read_angles(options.angles)
    page = read_image(path).pages[0]
    with about(path):
        values = check_image(page)
        if values.shape[2] != 1 or not np.isfinite(values).all():
            raise ImageError(f"an image of shape {list(page.shape)}; expected a clean grey one")
        image = values[..., 0]
        shape = _plane(image.shape)
        if options.shape not in (None, shape):
            raise OptionError(f"--shape {options.shape} for an image of {shape}; expected no --shape with --simulate")
        fan = read_fan(options.fan)
        larger = 1.0 if fan is None else (fan.source + fan.detector) / fan.source
        bins = 2 * int(np.ceil(larger * np.hypot(*shape) / 2 / (options.pitch or 1.0))) + 1
        scan = options.scan(angles, bins)
        _check_memory(scan, shape)
        operator = projector(scan, shape)
        contents = {"angles": angles, "axis": scan.axis, "pitch": scan.pitch, "shape": shape}
        contents |= {} if scan.fan is None else {"fan": (scan.fan.source, scan.fan.detector)}
        if options.photons is None:
            y = simulated(operator, image, noise, seed)
            level = noise if options.sigma is None else options.sigma
            return SimulatedScan(tomography_problem(y, scan, shape, level), page, {"y": y, "sigma": level} | contents)
        y = operator(torch.from_numpy(image)).numpy()
        unit = np.abs(y).max() / _THICKEST or 1.0
        rates = torch.from_numpy(options.photons * np.exp(-y / unit))
        counts = torch.poisson(rates, generator=rng_for(seed, _PHOTONS)).numpy()
        logarithms = -np.log(np.maximum(counts, 1) / options.photons)
        problem = tomography_problem(logarithms, scan, shape, None, options.photons).in_unit(unit)
        return SimulatedScan(problem, page, {"y": logarithms, "photons": options.photons, "unit": unit} | contents)


def read_angles(text: str) -> NDArray[np.float64]:
    """Return the angles of the views in degrees: of `START:STOP:N` N of them, STOP not included, or those of a file.

    Raises
    ------
    OptionError, MeasurementError, ImageError
        If they are neither; or if they look like radians.
    """
    if text.count(":") == 2 and not Path(text).exists():
        try:
            start, stop, count = (float(number) for number in text.split(":"))
            if count < 1 or count != int(count) or not np.isfinite([start, stop]).all() or start == stop:
                raise ValueError
        except ValueError:
            raise OptionError(f"--angles {text}; expected START:STOP:N in degrees, as 0:180:60, or a file") from None
        return np.linspace(start, stop, int(count), endpoint=False)
    with reading(text, MeasurementError, "a file of angles, or START:STOP:N"):
        return _as_angles(read_array(text, "angles"))


def _as_angles(array: Array) -> NDArray[np.float64]:
    if array.dtype.kind not in "uif" or array.size != max(array.shape, default=0):
        raise MeasurementError(f"{array.dtype} of shape {list(array.shape)}; expected a list of angles")
    angles = array.astype(np.float64).ravel()
    if len(angles) > _RADIANS and np.abs(angles).max() < _RADIANS:
        raise MeasurementError(f"{len(angles)} angles up to {np.abs(angles).max():.3g}; expected degrees, not radians")
    return angles


def _number(name: str, array: Array) -> float:
    if array.size != 1 or array.dtype.kind not in "uif":
        raise MeasurementError(f"{name} is {array.dtype} of shape {list(array.shape)}; expected one number")
    return float(array.ravel()[0])


def read_fan(text: str | None) -> Fan | None:
    """Return the distances `SOURCE,DETECTOR`.

    Raises
    ------
    OptionError
        If they are not two numbers.
    """
    if text is None:
        return None
    try:
        source, detector = (float(number) for number in text.split(","))
    except ValueError:
        raise OptionError(f"--fan {text}; expected SOURCE,DETECTOR, two distances from the axis in pixels") from None
    return Fan(source, detector)


def _plane(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) != 2:
        raise OptionError(f"--shape {','.join(map(str, shape))}; expected H,W")
    return shape[0], shape[1]


def _check_memory(scan: Scan, shape: tuple[int, int]) -> None:
    needed, there = projector_bytes(scan, shape), machine_memory()
    if needed > there / 2:
        size = f"{len(scan.angles)} views of {scan.bins} bins of an image of {list(shape)}"
        raise OptionError(f"{size} take {needed / 1e9:.0f} GB, more than half of this machine's memory; expected fewer")
