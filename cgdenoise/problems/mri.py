"""Samples of the Fourier plane: one coil or a real image, and several coils with or without their sensitivities."""

from __future__ import annotations

import math

import numpy as np
import torch

from cgdenoise.errors import MeasurementError
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.operators import Coils, ComplexFromReal, ForwardOperator, Measurement, PixelMask, subsampled_fourier
from cgdenoise.operators.fourier import Fourier
from cgdenoise.operators.least_squares import conjugate_gradients
from cgdenoise.problems.espirit import Mask, estimate_sensitivities
from cgdenoise.problems.problem import Array, LinearProblem, Start

_LEAST_SQUARES = 30
"""Iterations after which least squares are taken to have explained what an image can explain. By hand; half or twice as many move
the estimated level by 3 % (benchmarks/NOTES.md, "Sensitivities of the coils")."""

_COILS = 3
"""Iterations of each step towards the samples of several coils: more of them fit the errors of the maps. By hand; with good maps
3 are worth 0.1 dB less than 10 (benchmarks/README.md)."""

CROP = 0.8
"""Eigenvalue of the coils' calibration below which the image is set to 0, as BART has it by default. It takes away the
background's noise, 0.4 to 2.1 dB of four scans of 64², and with strong noise 0.3 % of the object; 0.95 takes 5 %
(benchmarks/NOTES.md, "Sensitivities of the coils")."""

_MOST_COILS, _FRACTION = 32, 4
"""An array looks as if its coils came last if its last side is at most 32, and less than a fourth of either other side. By hand;
not measured."""

_REACH, _RADIUS = 0.5, 0.7
"""Of a simulated coil: its sensitivity falls as a normal density of that many half sides squared, twice the variance; and how far
from the middle of the image it is, in half sides. By hand; a reach of 0.25 to 1 and a radius of 0.4 to 0.7 are as good
(`benchmarks/NOTES.md`, "Sensitivities of the coils")."""

_EMPTY = 0.1
"""Share of the samples that a mask keeps which may be 0: scanners pad planes with zeros. By hand; not measured."""


def simulated_maps(coils: int, shape: tuple[int, int]) -> Array:
    """Return smooth sensitivities of coils around an image, complex, [coils, H, W], whose squares sum to 1 at every pixel.

    They go on at the image's other side, as the Fourier plane takes the image to: so what the centre tells of them holds at the
    frame, too, and an image may fill it. (Of a scanner's, which do not, the object's empty border keeps that apart.)
    """
    rows, columns = np.meshgrid(*(2 * (np.arange(side) - side // 2) / side for side in shape), indexing="ij")
    angles = 2 * np.pi * np.arange(coils) / coils
    distances = [_chord(rows - _RADIUS * np.sin(angle)) + _chord(columns - _RADIUS * np.cos(angle)) for angle in angles]
    phases = [angle + np.sin(np.pi * rows) / np.pi * np.cos(angle) for angle in angles]
    maps = np.exp(-np.stack(distances) / _REACH + 1j * np.stack(phases))
    sensitivities: Array = maps / np.sqrt((np.abs(maps) ** 2).sum(0))
    return sensitivities


def _chord(distance: Array) -> Array:
    """Return the square of a small distance, in half sides, as it is on a circle of 2 half sides."""
    chord: Array = (2 / np.pi * np.sin(np.pi / 2 * distance)) ** 2
    return chord


def fourier_problem(y: Array, mask: Mask | None, real: bool, sigma: float | None) -> LinearProblem:
    """Return the problem of one image's Fourier samples.

    Parameters
    ----------
    y : complex array
        [H, W], 0 where nothing was sampled, or the samples alone, [m], in row-major order of the mask.
    mask : bool array, [H, W], or None
        Where it was sampled; None where `y` is not 0.
    real : bool
        Whether the image is real.
    sigma : float or None
        Noise level; 0 for none, None for one that hold-out has to tell.

    Raises
    ------
    MeasurementError
        If the arrays do not go together.
    """
    y, mask, warnings = _on_grid(y, mask, axes=2)
    operator = subsampled_fourier(mask, mask.shape)
    if real:
        operator = operator @ ComplexFromReal(mask.shape)
    view = np.real if real else np.abs
    return LinearProblem(operator, y, view, _lines(mask, y.shape), sigma, warnings=warnings, start=_zero_filled(operator, y))


def parallel_problem(y: Array, mask: Mask | None, maps: Array | None, sigma: float | None, crop: float = CROP) -> LinearProblem:
    """Return the problem of several coils' Fourier samples.

    Given maps, or maps from the calibration centre, the image is one complex image; without either each coil has its own, and
    the picture is the root of the sum of their squares.

    Parameters
    ----------
    y : complex array
        [coils, H, W].
    mask : bool array, [H, W], or None
        As of `fourier_problem`, the same for all coils.
    maps : complex array or None
        Sensitivities, [coils, H, W]; None estimates them.
    sigma : float or None
        Noise level, 0 for none; None estimates it: with maps what no image explains is noise, and the maps' errors;
        without, hold-out tells.
    crop : float
        Where the maps are estimated with an eigenvalue below this, 0 to 1, there is no object, and the image is set to 0; 0 keeps
        all.

    Raises
    ------
    MeasurementError
        If the arrays do not go together.
    """
    _check_order(y)
    y, mask, warnings = _on_grid(y, mask, axes=3)
    support = None
    if maps is None:
        if (found := estimate_sensitivities(y, mask)) is not None:
            maps, support = found.maps, found.eigenvalues >= crop
    elif maps.shape != y.shape or maps.dtype.kind != "c":
        raise MeasurementError(f"maps of shape {maps.shape} and {maps.dtype}; expected {y.shape}, as y, complex")
    sampling = _lines(mask, y.shape)
    whole = torch.from_numpy(np.broadcast_to(mask, y.shape).copy())
    operator: ForwardOperator = PixelMask(whole) @ Fourier(y.shape)
    if maps is None:
        start = _zero_filled(operator, y)
        return LinearProblem(operator, y, root_sum_of_squares, sampling, sigma, warnings=warnings, start=start)
    scan = operator @ Coils(maps.astype(np.complex64))
    level = noise_of(Measurement(scan, torch.from_numpy(y), sampling.valid)) if sigma is None else sigma
    return LinearProblem(
        scan,
        y,
        np.abs,
        sampling,
        level,
        sigma is None,
        consistency=_COILS,
        warnings=warnings,
        start=_zero_filled(scan, y),
        support=support,
    )


def _zero_filled(operator: ForwardOperator, y: Array) -> Start:
    """Return the image of the samples with 0 wherever there is none; of coils, combined by their maps."""
    return Start("zero-filled", lambda: operator.adjoint(torch.from_numpy(y)).numpy())


def noise_of(scan: Measurement) -> float:
    """Return the noise level: what least squares leave of the samples, in root mean square over the degrees of freedom."""
    single = scan.to("cpu", torch.float32)
    image = conjugate_gradients(single, torch.zeros(scan.operator.in_shape, dtype=single.y.dtype), _LEAST_SQUARES)
    # With few coils there are hardly more samples than pixels, and the iterations do not fit all of these. A quarter is by hand.
    free = max(scan.count - image.numel(), scan.count / 4)
    return float(torch.linalg.vector_norm(single.residual(image), dtype=torch.complex128)) / math.sqrt(free)


def _check_order(y: Array) -> None:
    """Refuse an array that looks as if its coils came last: a picture four pixels wide, of 96 coils, helps nobody."""
    if y.ndim == 3 and y.shape[2] <= _MOST_COILS and _FRACTION * y.shape[2] < min(y.shape[:2]):
        expected = f"expected [coils, H, W], as {[y.shape[2], *y.shape[:2]]}"
        raise MeasurementError(f"y of shape {list(y.shape)} looks as if the coils came last; {expected}")


def _on_grid(y: Array, mask: Mask | None, axes: int) -> tuple[Array, Mask, tuple[str, ...]]:
    """Return the samples with zeros where there are none, the mask, and what looks wrong."""
    if y.dtype.kind != "c":
        raise MeasurementError(f"y of {y.dtype}; expected complex numbers, as Fourier samples are")
    if y.ndim == 1 and axes == 2:
        if mask is None or len(y) != np.count_nonzero(mask):
            described = "no mask" if mask is None else f"a mask with {np.count_nonzero(mask)}"
            raise MeasurementError(f"{len(y)} samples and {described}; expected a mask with as many samples")
        grid = np.zeros(mask.shape, y.dtype)
        grid[mask] = y
        return grid, mask, ()
    if y.ndim != axes:
        raise MeasurementError(f"y of shape {y.shape}; expected {'(H, W)' if axes == 2 else '(coils, H, W)'}")
    sampled = (y != 0).reshape(-1, *y.shape[-2:]).any(0)
    if mask is None:
        mask = sampled
    if mask.shape != y.shape[-2:]:
        raise MeasurementError(f"a mask of shape {mask.shape}; expected {y.shape[-2:]}")
    return np.where(mask, y, 0), mask, _contradictions(sampled, mask)


def _contradictions(sampled: Mask, mask: Mask) -> tuple[str, ...]:
    """Return a warning if samples that the mask keeps are 0, and about as many that it leaves out are not: it is another scan's.

    The fit cannot tell: zeros at high frequencies are as good as any other values there.
    """
    empty, outside = (int(np.count_nonzero(where)) for where in (mask & ~sampled, sampled & ~mask))
    kept = int(np.count_nonzero(mask))
    # If far more lie outside, the plane was sampled throughout, and the mask takes a part of it. Twice is by hand.
    if empty > _EMPTY * kept and 0 < outside <= 2 * empty:
        return (f"{empty} of {kept} samples that the mask keeps are 0, and {outside} others are not: it may be another scan's",)
    return ()


def _lines(mask: Mask, shape: tuple[int, ...]) -> Sampling:
    return Sampling.lines(torch.from_numpy(mask.copy()), shape)


def root_sum_of_squares(image: Array) -> Array:
    """Return the picture, [H, W], of one image of each coil, [coils, H, W]."""
    root: Array = np.sqrt((np.abs(image) ** 2).sum(0))
    return root
