"""Which blur a picture has, by its spectrum: of a lens out of focus, of a straight motion, or a Gaussian one.

A sharp picture's power falls with a power of the frequency, more in some directions than in others; a blur multiplies that by its
own power, which has rings or lines of zeros or falls much faster, and white noise is added. The kernel is the one under which the
spectrum is most probable (Whittle's likelihood), the prior's few numbers being fitted for each. No picture is restored on the
way: the most probable picture and kernel together are the blurred picture and a point (Levin et al., "Understanding and
evaluating blind deconvolution algorithms", CVPR 2009), and pixels that were held out are foretold as well by it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgdenoise.errors import ImageError
from cgdenoise.noise import estimate_sigma
from cgdenoise.operators.blur import disk_psf, gaussian_psf, motion_psf
from cgdenoise.problems.pictures import deblurring
from cgdenoise.problems.problem import Array, LinearProblem
from cgdenoise.restoration.units import check_image

Floats = NDArray[np.float64]

_WINDOW, _LEAST, _MOST_WINDOWS = 128, 64, 400
"""Side of the windows whose spectra are averaged, at most and at least, and how many at most. By hand."""

_LOWEST = 3
"""Periods in a window below which frequencies do not count: light and large forms are no power of anything. By hand."""

_FLOOR = 3e-3
"""Noise, in parts of the picture's standard deviation, that is assumed at least: rounding and the window leak. By hand."""

_FALL, _ANISOTROPY = 2.0, 1.0
"""Expected exponent of a sharp picture's power, which is free; and how firmly its directions are taken to be alike, in counts."""

_STEPS, _CLOSE = 12, 1e-3
"""Newton steps for the prior's numbers, at most, and the change at which they end. By hand."""

_SHARP = 0.7
"""Standard deviation of a Gaussian up to which a picture is as sharp as its pixels: five sharp photographs have 0 to 0.6."""

_SIGMAS = np.arange(0.4, 5.1, 0.2)
_RADII = np.arange(1.0, 8.1, 0.5)
_LENGTHS = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 22, 24, 27, 30)
_ANGLES = range(0, 180, 10)
"""What is tried, in pixels and degrees."""


@dataclass(frozen=True)
class Kernel:
    """A blur of one of three kinds: `gaussian` (sigma), `disk` (radius) or `motion` (length, angle)."""

    kind: str
    numbers: tuple[float, ...]

    @property
    def psf(self) -> Floats:
        """The point-spread function, [h, w]."""
        if self.kind == "gaussian":
            return gaussian_psf(*self.numbers)
        return disk_psf(*self.numbers) if self.kind == "disk" else motion_psf(*self.numbers)

    @property
    def is_sharp(self) -> bool:
        """Whether there is hardly a blur."""
        return self.kind == "gaussian" and self.numbers[0] <= _SHARP

    def __str__(self) -> str:
        return f"{self.kind}:{','.join(f'{number:g}' for number in self.numbers)}"


def find_blur(page: Array) -> Kernel:
    """Return the most probable blur of a picture.

    Parameters
    ----------
    page : array
        (H, W) or (H, W, C), real, finite, with sides of at least 64. Its noise is estimated: of the mean of the channels no other
        level would tell, as they may share it.

    Raises
    ------
    ImageError
        If it is too small, or constant, or as sharp as its pixels.
    """
    grey = page.astype(np.float64) if page.ndim == 2 else page.astype(np.float64).mean(2)
    side = min(_WINDOW, *grey.shape)
    if side < _LEAST or not grey.std():
        raise ImageError(f"a picture of {list(page.shape)}; expected structure and {_LEAST} pixels each way to find its blur")
    spectrum = Spectrum(grey, side, max(float(np.mean(estimate_sigma(grey))), _FLOOR * float(grey.std())))
    coarse = min(_candidates(), key=spectrum.improbability)
    found = min(_around(coarse), key=spectrum.improbability)
    if found.is_sharp:
        raise ImageError(f"no blur was found in it (at most {found}); expected a blurred picture, or --psf with the blur's name")
    return found


def blind_deblurring(page: Array, sigma: float | None, off: NDArray[np.bool_] | None = None) -> LinearProblem:
    """Return the problem of a blur that is not known, as `pictures.deblurring` does of a known one; its warning says which it is.

    Raises
    ------
    ImageError
        If the picture is not real and finite, or as `find_blur`.
    """
    if not np.isfinite(check_image(page)).all():
        raise ImageError("missing values (NaN); expected a picture without them")
    kernel = find_blur(page)
    problem = deblurring(page, kernel.psf, sigma, off)
    told = f"the blur was found to be {kernel}; if the result looks wrong, try other numbers: --psf {kernel}"
    return replace(problem, warnings=(*problem.warnings, told), found={"psf_found": str(kernel)})


class Spectrum:
    """The power of a picture by frequency, and how improbable it is with a blur.

    Parameters
    ----------
    grey : array
        [H, W].
    side : int
        Of its windows.
    sigma : float
        Noise level.
    """

    def __init__(self, grey: Floats, side: int, sigma: float):
        down, across = np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side), indexing="ij")
        frequency, angle = np.hypot(down, across), np.arctan2(down, across)
        # A real picture has each frequency twice.
        self._used = (frequency > _LOWEST / side) & (across >= 0)
        terms = (np.ones_like(angle), -np.log(np.maximum(frequency, 1e-9)), *_directions(angle))
        self._terms = np.stack([term[self._used] for term in terms], 1)
        self._power = _periodogram(grey, side)[self._used]
        self._side, self._variance = side, sigma**2

    def improbability(self, kernel: Kernel) -> float:
        """Return minus the logarithm of the likelihood of a blur, up to a constant."""
        response = np.abs(np.fft.fft2(kernel.psf, (self._side, self._side)))[self._used] ** 2
        firm = np.array([0, 0, *[_ANISOTROPY] * 4])
        first = math.log(float(np.median(self._power / (response + 1e-3) * np.exp(-_FALL * self._terms[:, 1]))) + 1e-300)
        numbers = np.array([first, _FALL, 0, 0, 0, 0])
        for _ in range(_STEPS):
            signal = response * np.exp(np.clip(self._terms @ numbers, -200, 200))
            total = signal + self._variance
            share = signal / total
            slope = self._terms.T @ (share * (1 - self._power / total)) + firm * numbers
            curvature = (self._terms * (share**2)[:, None]).T @ self._terms + np.diag(firm + 1e-6)
            step = np.linalg.solve(curvature, slope)
            step /= max(1.0, float(np.abs(step).max()))
            numbers = numbers - step
            if np.abs(step).max() < _CLOSE:
                break
        total = response * np.exp(np.clip(self._terms @ numbers, -200, 200)) + self._variance
        return float((np.log(total) + self._power / total).sum() + (firm * numbers**2).sum() / 2)


def _directions(angle: Floats) -> tuple[Floats, ...]:
    return np.cos(2 * angle), np.sin(2 * angle), np.cos(4 * angle), np.sin(4 * angle)


def _periodogram(grey: Floats, side: int) -> Floats:
    """Return the mean power of windows that overlap, in units of the variance of white noise, [side, side]."""
    taper = np.hanning(side + 2)[1:-1]
    window = taper[:, None] * taper
    stride = side // 4
    while math.prod((whole - side) // stride + 1 for whole in grey.shape) > _MOST_WINDOWS:
        stride *= 2
    total, count = np.zeros((side, side)), 0
    for top in range(0, grey.shape[0] - side + 1, stride):
        for left in range(0, grey.shape[1] - side + 1, stride):
            part = grey[top : top + side, left : left + side]
            centred = part - (part * window).sum() / window.sum()
            total += np.abs(np.fft.fft2(centred * window)) ** 2
            count += 1
    mean: Floats = total / (count * (window**2).sum())
    return mean


def _candidates() -> Iterator[Kernel]:
    for sigma in _SIGMAS:
        yield Kernel("gaussian", (round(float(sigma), 2),))
    for radius in _RADII:
        yield Kernel("disk", (float(radius),))
    for length in _LENGTHS:
        for angle in _ANGLES:
            yield Kernel("motion", (float(length), float(angle)))


def _around(kernel: Kernel) -> Iterator[Kernel]:
    """Yield a kernel and its neighbours, in finer steps than the candidates'."""
    first, *others = kernel.numbers
    if kernel.kind != "motion":
        step = 0.05 if kernel.kind == "gaussian" else 0.125
        for number in (first, *(first + times * step for times in (-3, -2, -1, 1, 2, 3))):
            yield Kernel(kernel.kind, (round(number, 3),))
        return
    for length in (first, first - 1, first - 0.5, first + 0.5, first + 1):
        for turn in (0, -5, -2.5, 2.5, 5):
            yield Kernel("motion", (length, (others[0] + turn) % 180))
