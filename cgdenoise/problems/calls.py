"""Inverse problems in one call: those whose measurements are a picture, on arrays, and any that is posed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cgdenoise.fitting.plan import Preset
from cgdenoise.operators import Kernel
from cgdenoise.problems.pictures import deblurring, inpainting, upscaling
from cgdenoise.problems.problem import LinearProblem
from cgdenoise.problems.verdict import judge
from cgdenoise.restoration.hooks import Watch, watching
from cgdenoise.restoration.presets import RECONSTRUCTION, preset_of, within
from cgdenoise.restoration.reconstruct import run_reconstruction
from cgdenoise.restoration.results import Restoration, RestoredPart
from cgdenoise.restoration.units import Array, check_image, find_channel_axis, in_layout


def inpaint(
    image: Array,
    keep: ArrayLike | None = None,
    sigma: float | None = None,
    *,
    channel_axis: int | None = None,
    preset: str | Preset = "balanced",
    members: int | None = None,
    max_iterations: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Watch = False,
) -> Restoration:
    """Fill the missing pixels of an image.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array
        Real, in any unit. NaN, and what a masked array masks, is missing.
    keep : (H, W) array of bool, optional
        False where a pixel is missing, too.
    sigma : float, optional
        Noise level of the others; 0 keeps them as they are. Estimated if not given: then 0, too, where it may be texture.
    channel_axis, preset, members, max_iterations, seed, device, progress
        As of `denoise`; presets are those of `reconstruct`.

    Raises
    ------
    ImageError
        If it is no real image, or nothing is missing, or nothing else.
    """
    values, axis = _read(image, channel_axis)
    kept = None if keep is None else np.broadcast_to(np.asarray(keep, bool), values.shape[:2])
    problem = inpainting(values, kept, sigma)
    chosen = within(preset, members, max_iterations, RECONSTRUCTION)
    return _as_array(problem, solve(problem, preset=chosen, seed=seed, device=device, progress=progress), image, axis)


def deblur(
    image: Array,
    psf: NDArray[np.float64],
    sigma: float | None = None,
    *,
    channel_axis: int | None = None,
    preset: str | Preset = "balanced",
    members: int | None = None,
    max_iterations: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Watch = False,
) -> Restoration:
    """Undo a known blur.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array
        Real, in any unit, without NaN.
    psf : (h, w) array
        Point-spread function, no larger than the image, with a sum above 0; see `operators.gaussian_psf` and `motion_psf`.
    sigma : float, optional
        Noise level; estimated if not given.
    channel_axis, preset, members, max_iterations, seed, device, progress
        As of `inpaint`.

    Raises
    ------
    ImageError, OperatorError
        If the image is not real and finite, or does not go with the PSF.
    """
    values, axis = _read(image, channel_axis)
    problem = deblurring(values, np.asarray(psf, np.float64), sigma)
    chosen = within(preset, members, max_iterations, RECONSTRUCTION)
    return _as_array(problem, solve(problem, preset=chosen, seed=seed, device=device, progress=progress), image, axis)


def upscale(
    image: Array,
    factor: int = 2,
    sigma: float | None = None,
    *,
    channel_axis: int | None = None,
    preset: str | Preset = "balanced",
    members: int | None = None,
    max_iterations: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Watch = False,
) -> Restoration:
    """Return an image with more pixels, whose averages over squares are the given one.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array
        Real, in any unit, without NaN.
    factor : int
        Of both sides, at least 2. (Where pixels were averaged by another filter: `reconstruct` with `operators.Downsample`.)
    sigma : float, optional
        Noise level; 0 for none. Estimated if not given: then 0, too, where it may be texture.
    channel_axis, preset, members, max_iterations, seed, device, progress
        As of `inpaint`.

    Raises
    ------
    ImageError, OptionError
        If the image is not real and finite, or the factor is below 2.
    """
    values, axis = _read(image, channel_axis)
    problem = upscaling(values, factor, Kernel.BOX, sigma)
    chosen = within(preset, members, max_iterations, RECONSTRUCTION)
    return _as_array(problem, solve(problem, preset=chosen, seed=seed, device=device, progress=progress), image, axis)


def _read(image: Array, channel_axis: int | None) -> tuple[NDArray[np.float64], int]:
    axis = find_channel_axis(np.shape(image), channel_axis)
    return check_image(image, axis), axis


def solve(
    problem: LinearProblem,
    *,
    preset: str | Preset = "balanced",
    seed: int = 0,
    device: str = "auto",
    progress: Watch = False,
) -> Restoration:
    """Solve a problem; the image is of the operator's `in_shape`, of which `problem.view` makes a picture.

    Parameters
    ----------
    problem : LinearProblem
        As `problems.parallel_problem` or another poses it.
    preset, seed, device, progress
        As of `reconstruct`; it raises the same errors. That nothing is explained is a warning.
    """
    chosen = preset_of(preset, RECONSTRUCTION)
    with watching(progress) as hooks:
        result = run_reconstruction(problem.request(chosen, seed, device), hooks)
    verdict = judge(problem, result, None)
    warnings = (*verdict.warnings, *([verdict.error] if verdict.error else []))
    return replace(problem.solved(result), warnings=warnings)


def _as_array(problem: LinearProblem, result: Restoration, image: Array, channel_axis: int) -> Restoration:
    """Return the result of a problem that was posed of an array, with pictures in the layout of that."""

    def shown(solved: Array) -> Array:
        return in_layout(problem.view(solved), np.ndim(image), channel_axis)

    def part(of: RestoredPart) -> Array:
        assert of.image is not None  # no reconstruction is made in tiles
        return shown(of.image())

    parts = tuple(replace(of, image=partial(part, of)) for of in result.parts)
    return replace(result, image=shown(result.image), parts=parts)
