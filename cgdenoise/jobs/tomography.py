"""A problem of computed tomography, from the files and words of a command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cgdenoise.errors import ImageError, MeasurementError, OptionError
from cgdenoise.images import read_image
from cgdenoise.jobs.inputs import read_array
from cgdenoise.operators.tomography import Fan, Scan, projector, projector_bytes
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

_RADIANS = 2 * np.pi + 0.1
"""Angles of many views that all lie below this are likelier radians than degrees. By hand."""


@dataclass(frozen=True)
class ScanOptions:
    """What a command was told of a scan; None for what it was not.

    Attributes
    ----------
    angles : str
        `START:STOP:N` or the path of a file, in degrees.
    fan : str or None
        `SOURCE,DETECTOR`, the distances of a fan beam from the axis, in pixels.
    axis : float or None
        As `Scan` has it; None for the middle, bins // 2.
    pitch : float
        As `Scan` has it.
    shape : tuple of int or None
        Of the image; None for a square as wide as the detector.
    sigma, photons : float or None
        As `tomography_problem` takes them.
    """

    angles: str
    fan: str | None
    axis: float | None
    pitch: float
    shape: tuple[int, ...] | None
    sigma: float | None
    photons: float | None

    def scan(self, angles: NDArray[np.float64], bins: int) -> Scan:
        """Return the scan by a detector of so many bins."""
        return Scan(angles, bins, bins // 2 if self.axis is None else self.axis, self.pitch, read_fan(self.fan))


def read_sinogram_problem(path: str, options: ScanOptions) -> LinearProblem:
    """Read a sinogram, [views, bins] or, if only that goes with the angles, [bins, views].

    Raises
    ------
    MeasurementError, ImageError, OptionError, OperatorError
        If something cannot be read or does not go together; the message begins with the path.
    """
    angles = read_angles(options.angles)
    y = read_array(path)
    with about(path):
        if y.ndim != 2 or y.dtype.kind not in "uif" or len(angles) not in y.shape:
            expected = f"[{len(angles)}, bins], as there are angles"
            raise MeasurementError(f"a sinogram of shape {list(y.shape)} and {y.dtype}; expected {expected}, real")
        y = (y if len(y) == len(angles) else y.T).astype(np.float64)
        scan = options.scan(angles, y.shape[1])
        shape = _plane(options.shape or (scan.bins, scan.bins))
        _check_memory(scan, shape)
        return tomography_problem(y, scan, shape, options.sigma, options.photons)


def simulate_sinogram_problem(path: str, options: ScanOptions, noise: float, seed: int) -> tuple[LinearProblem, Array]:
    """Scan a clean grey image by a detector that sees all of it; return the problem and that image.

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
        bins = 2 * int(np.ceil(larger * np.hypot(*shape) / 2 / options.pitch)) + 1
        scan = options.scan(angles, bins)
        _check_memory(scan, shape)
        operator = projector(scan, shape)
        if options.photons is None:
            y = simulated(operator, image, noise, seed)
            return tomography_problem(y, scan, shape, noise if options.sigma is None else options.sigma), page
        y = operator(torch.from_numpy(image)).numpy()
        unit = np.abs(y).max() / _THICKEST or 1.0
        rates = torch.from_numpy(options.photons * np.exp(-y / unit))
        counts = torch.poisson(rates, generator=rng_for(seed, _PHOTONS)).numpy()
        logarithms = -np.log(np.maximum(counts, 1) / options.photons)
        return tomography_problem(logarithms, scan, shape, None, options.photons).in_unit(unit), page


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
        angles = read_array(text, "angles")
        if angles.dtype.kind not in "uif" or angles.size != max(angles.shape, default=0):
            raise MeasurementError(f"{angles.dtype} of shape {list(angles.shape)}; expected a list of angles")
        angles = angles.astype(np.float64).ravel()
        if len(angles) > _RADIANS and np.abs(angles).max() < _RADIANS:
            raise MeasurementError(f"{len(angles)} angles up to {np.abs(angles).max():.3g}; expected degrees, not radians")
        return angles


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
