"""Inverse problems that pictures pose: missing pixels, blur, too few pixels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from cgdenoise.fitlog.outcome import Names
from cgdenoise.fitlog.records import Record
from cgdenoise.images import Picture
from cgdenoise.jobs.inputs import Array, fit_mask, fit_volume_mask
from cgdenoise.jobs.method import Made, Watch
from cgdenoise.jobs.options import Options
from cgdenoise.jobs.pages import Source
from cgdenoise.jobs.pictures import enlarged, filled, only_page, page_or_volume, visible
from cgdenoise.jobs.solve import solution_log, solve
from cgdenoise.operators import Kernel
from cgdenoise.problems import (
    CountNoise,
    LinearProblem,
    blind_deblurring,
    counted,
    deblurring,
    inpainting,
    inpainting_of_counts,
    upscaling,
)
from cgdenoise.problems.outliers import impulses_in, telling_of
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.units import OF_VOLUME

_MOST_MISSING = 0.5
"""Share of missing pixels above which a mask may well be inverted, and the user is warned. By hand."""


class Pose(Protocol):
    """How a picture becomes a problem whose solution is the page of a picture, or all of its pages, if they are a volume."""

    def problem(self, picture: Picture) -> LinearProblem:
        """Pose it."""

    def blank(self, picture: Picture) -> Picture:
        """Return a picture like the solution's: of its size, with its alpha and metadata."""

    def description(self) -> Record:
        """Return what the log says of the input."""

    def settings(self) -> Record:
        """Return what decides the solution besides the picture and the general options; of files their hashes."""


@dataclass(frozen=True)
class Inpainting:
    """Missing pixels, of a picture of one page or of a volume.

    Attributes
    ----------
    mask : (str, array) or None
        The name of a mask and what its file holds; without one what is transparent is missing.
    invert : bool
        Whether white is missing.
    sigma : float or None
        Noise level of the known pixels; None to estimate it.
    counts : CountNoise or None
        If they are counts, how; `sigma` is then in it.
    outliers : bool
        Whether known pixels that are far off are missing, too.
    """

    mask: tuple[str, Array] | None
    invert: bool
    sigma: float | None
    counts: CountNoise | None = None
    outliers: bool = False

    def problem(self, picture: Picture) -> LinearProblem:
        """Pose it, with a warning if the mask may be inverted."""
        page = page_or_volume(picture)
        keep = visible(picture) if self.mask is None else self._kept(self.mask, page)
        off = impulses_in(page, keep) if self.outliers else None
        page = page if off is None or not off.any() else np.where(off, np.nan, page)
        if self.counts is None:
            problem = inpainting(page, keep, self.sigma)
        else:
            known = page if keep is None else np.where(keep if page.ndim == keep.ndim else keep[..., None], page, np.nan)
            problem = inpainting_of_counts(page, keep, self.counts.in_picture(known))
        problem = problem if off is None else telling_of(problem, off)
        if problem.missing is not None and problem.missing > _MOST_MISSING:
            hint = f"; if the mask means the others, {'leave out' if self.invert else 'use'} --invert" if self.mask else ""
            problem = replace(problem, warnings=(*problem.warnings, f"{problem.missing:.1%} of the pixels are missing{hint}"))
        return problem

    def blank(self, picture: Picture) -> Picture:
        """Return a picture like the solution's."""
        page_or_volume(picture)
        return filled(picture) if self.mask is None else picture

    def _kept(self, mask: tuple[str, Array], page: Array) -> Array:
        sides = page.shape
        if page.ndim == OF_VOLUME:
            return fit_volume_mask(*mask, (sides[0], sides[1], sides[2]), self.invert)
        return fit_mask(*mask, (sides[0], sides[1]), self.invert)

    def description(self) -> Record:
        """Return what the log says of the input."""
        return {"mask": None if self.mask is None else self.mask[0], "invert": self.invert}

    def settings(self) -> Record:
        """Return what decides the solution."""
        mask = None if self.mask is None else _hash(self.mask[1])
        return {"mask": mask, "invert": self.invert} | noise_settings(self.sigma, self.counts, self.outliers)


@dataclass(frozen=True)
class Deblurring:
    """A blur.

    Attributes
    ----------
    name : str
        What the user calls it.
    psf : array or None
        Point-spread function, (h, w); None to find it.
    sigma : float or None
        Noise level; None to estimate it.
    counts : CountNoise or None
        As `Inpainting` has it.
    outliers : bool
        Whether values that are far off do not count.
    """

    name: str
    psf: Array | None
    sigma: float | None
    counts: CountNoise | None = None
    outliers: bool = False

    def problem(self, picture: Picture) -> LinearProblem:
        """Pose it."""
        page = picture.pages[0]
        off = impulses_in(page) if self.outliers else None
        problem = blind_deblurring(page, self.sigma, off) if self.psf is None else deblurring(page, self.psf, self.sigma, off)
        return _with_noise(problem, page, off, self.counts)

    def blank(self, picture: Picture) -> Picture:
        """Return a picture like the solution's."""
        only_page(picture)
        return picture

    def description(self) -> Record:
        """Return what the log says of the input."""
        return {"psf": self.name}

    def settings(self) -> Record:
        """Return what decides the solution."""
        return {"psf": self.name if self.psf is None else _hash(self.psf)} | noise_settings(
            self.sigma, self.counts, self.outliers
        )


@dataclass(frozen=True)
class Upscaling:
    """Too few pixels: `factor` times as many are wanted along each side, of which `kernel` made these.

    `sigma` is the level of their noise, None to estimate it; `counts` and `outliers` as `Deblurring` has them.
    """

    factor: int
    kernel: Kernel
    sigma: float | None
    counts: CountNoise | None = None
    outliers: bool = False

    def problem(self, picture: Picture) -> LinearProblem:
        """Pose it."""
        page = picture.pages[0]
        off = impulses_in(page) if self.outliers else None
        problem = upscaling(page, self.factor, self.kernel, self.sigma, off)
        return _with_noise(problem, page, off, self.counts)

    def blank(self, picture: Picture) -> Picture:
        """Return a picture like the solution's."""
        return enlarged(picture, self.factor)

    def description(self) -> Record:
        """Return what the log says of the input."""
        return {"factor": self.factor, "kernel": str(self.kernel)}

    def settings(self) -> Record:
        """Return what decides the solution."""
        return self.description() | noise_settings(self.sigma, self.counts, self.outliers)


@dataclass(frozen=True)
class Solving:
    """Solve the problem that each picture poses.

    Attributes
    ----------
    options : Options
        How.
    pose : Pose
        Which problem.
    clean : array or None
        To compare with, in the log.
    """

    options: Options
    pose: Pose
    clean: Array | None = None

    def settings(self) -> Record:
        """Return everything that decides the result of a picture."""
        return self.options.settings() | self.pose.settings()

    def blank(self, picture: Picture) -> Picture:
        """Return a picture like the result."""
        return self.pose.blank(picture)

    def in_tiles(self, picture: Picture) -> bool:
        """Tell that it is solved as a whole, however large it is."""
        return False

    def restore(self, source: Source, names: Names, watch: Watch) -> Made:
        """Pose the problem and solve it."""
        problem = self.pose.problem(source.picture)
        watch.warn([*source.picture.remarks, *problem.warnings])
        hooks = Hooks(partial(watch.progress, 0, 1), watch.cancelled)
        solution = solve(problem, self.options, self.clean, hooks)
        remark = f"in the grey levels of {source.description['name']}"
        solution = replace(solution, outcome=replace(solution.outcome, picture=remark))
        records = solution_log(names, problem, solution, self.settings(), source.description | self.pose.description())
        blank, found = self.blank(source.picture), solution.picture
        planes = [found] if len(blank.pages) == 1 else [plane.reshape(blank.pages[0].shape) for plane in found]
        return Made(blank.with_pages(planes), records, 1, 1)


def _with_noise(problem: LinearProblem, page: Array, off: Array | None, counts: CountNoise | None) -> LinearProblem:
    """Return a problem of a picture that tells of its outliers, and whose noise may be that of counts."""
    problem = problem if off is None else telling_of(problem, off)
    return (
        problem if counts is None else counted(problem, counts.in_picture(page if off is None else np.where(off, np.nan, page)))
    )


def noise_settings(sigma: float | None, counts: CountNoise | None, outliers: bool) -> Record:
    """Return what a user has told of the noise, for the log."""
    told = {"sigma": sigma} if counts is None else {"sigma": counts.sigma, "noise": "poisson", "gain": counts.gain}
    return told | {"outliers": outliers}


def _hash(array: Array) -> str:
    contents: Any = np.ascontiguousarray(array)
    return hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode() + contents.tobytes()).hexdigest()
