"""Problems whose measurements are a picture: missing pixels, blur, low resolution. The results are pictures again."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from cgdenoise.errors import ImageError, OptionError
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.noise import certain_level, estimate_sigma
from cgdenoise.operators import Blur, Downsample, Kernel, PixelMask
from cgdenoise.problems.problem import Array, LinearProblem, Start
from cgdenoise.restoration.evidence import SMOOTH
from cgdenoise.restoration.noise_level import is_worth_taking_away
from cgdenoise.restoration.units import OF_VOLUME, check_image


def inpainting(page: Array, keep: NDArray[np.bool_] | None, sigma: float | None) -> LinearProblem:
    """Return the problem of the pixels that are missing.

    Parameters
    ----------
    page : array
        (H, W) or (H, W, C), or a volume (D, H, W, C); real; NaN is missing too. The result is of its shape.
    keep : bool array, (H, W) or (D, H, W), or None
        Where the pixels were measured; None everywhere.
    sigma : float or None
        Noise level of the others, in grey levels. 0 keeps them as they are. None estimates it, and takes what may be texture for
        0, as it does with volumes.

    Raises
    ------
    ImageError
        If the picture is not real, or has nothing missing, or nothing else.
    """
    values = np.stack([check_image(plane) for plane in page]) if page.ndim == OF_VOLUME else check_image(page)
    valid = np.isfinite(values)
    if keep is not None:
        valid &= keep[..., None]
    if valid.all():
        raise ImageError("nothing is missing; expected a mask that leaves something out, or NaN")
    if not valid.any():
        raise ImageError("nothing is left: the mask keeps missing values only")
    level = _level_between(np.where(valid, values, np.nan)) if sigma is None else sigma
    mask = torch.from_numpy(_planes(valid))
    y = _planes(np.where(valid, values, 0.0))

    def view(image: Array) -> Array:
        filled = _pixels(image, page.shape)
        # The measured pixels are the file's own numbers: float32, in which a fit is made, would lose digits of them.
        return filled if level else np.where(valid.reshape(page.shape), page, filled)

    missing = 1 - float(valid.mean())
    return LinearProblem(PixelMask(mask), y, view, Sampling.pixels(mask), level, sigma is None, certain=True, missing=missing)


def deblurring(page: Array, psf: NDArray[np.float64], sigma: float | None, off: NDArray[np.bool_] | None = None) -> LinearProblem:
    """Return the problem of a known blur. The image reaches beyond the frame: what lies there was blurred into it.

    Parameters
    ----------
    page : array
        (H, W) or (H, W, C), real, without NaN. The result is of its shape.
    psf : array
        [h, w], as `Blur` takes it.
    sigma : float or None
        Noise level in grey levels; None estimates it.
    off : bool array or None
        Of the shape of the page: values that do not count.

    Raises
    ------
    ImageError
        If the picture is not real and finite, or smaller than the PSF.
    """
    values = check_image(page)
    if not np.isfinite(values).all():
        raise ImageError("missing values (NaN); expected a picture without them")
    if psf.shape[0] > page.shape[0] or psf.shape[1] > page.shape[1]:
        raise ImageError(f"a picture of {list(page.shape[:2])} and a PSF of shape {list(psf.shape)}; expected one no larger")
    counting = _counting(values, off)
    y = _planes(values)
    below, right = psf.shape[0] - 1, psf.shape[1] - 1
    channels, height, width = y.shape
    top, left = below // 2, right // 2

    def view(image: Array) -> Array:
        return _pixels(image[:, top : top + height, left : left + width], page.shape)

    return LinearProblem(
        Blur((channels, height + below, width + right), psf),
        y,
        view,
        Sampling.pixels(torch.from_numpy(_planes(counting))),
        estimate_sigma(np.where(counting, values, np.nan)) if sigma is None else sigma,
        sigma is None,
        consistency=0,  # what a blur takes away drowns in the rounding of the pixels
        predicted=SMOOTH,
        start=Start("as given", partial(np.pad, y, ((0, 0), (top, below - top), (left, right - left)), mode="edge")),
    )


def upscaling(
    page: Array, factor: int, kernel: Kernel, sigma: float | None, off: NDArray[np.bool_] | None = None
) -> LinearProblem:
    """Return the problem of a picture with more pixels, from which this one would come by averaging.

    Parameters
    ----------
    page : array
        (H, W) or (H, W, C), real, without NaN.
    factor : int
        Of both sides, at least 2.
    kernel : Kernel
        How the pixels were averaged.
    sigma : float or None
        Noise level in grey levels; 0 for none. None estimates it, and takes what may be texture for 0.
    off : bool array or None
        Of the shape of the page: values that do not count.

    Raises
    ------
    ImageError
        If the picture is not real and finite.
    OptionError
        If the factor is below 2.
    """
    if factor < 2:
        raise OptionError(f"factor {factor}; expected 2 or more")
    values = check_image(page)
    if not np.isfinite(values).all():
        raise ImageError("missing values (NaN); expected a picture without them")
    counting = _counting(values, off)
    level = certain_level(np.where(counting, values, np.nan)) if sigma is None else sigma
    y = _planes(values)
    channels, height, width = y.shape
    shape = (height * factor, width * factor, *page.shape[2:])
    operator = Downsample((channels, *shape[:2]), factor, kernel)
    sampling = Sampling.pixels(torch.from_numpy(_planes(counting)))
    start = Start("repeated pixels", lambda: y.repeat(factor, 1).repeat(factor, 2))
    return LinearProblem(
        operator, y, lambda image: _pixels(image, shape), sampling, level, sigma is None, certain=True, start=start
    )


def _level_between(values: Array) -> float:
    """Return the noise level of a picture with missing pixels, 0 where it may be texture; that of a volume is not looked for."""
    level = 0.0 if values.ndim == OF_VOLUME else certain_level(values)
    return level if level and is_worth_taking_away(values, level) else 0.0


def _counting(values: Array, off: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Return which values count, (H, W, C)."""
    return np.ones(values.shape, bool) if off is None else ~off.reshape(values.shape)


def _planes(values: Array) -> Array:
    """Return (H, W, C) values as [C, H, W], (D, H, W, C) as [C, D, H, W]."""
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))


def _pixels(image: Array, shape: tuple[int, ...]) -> Array:
    """Return a [C, H, W] image as (H, W, C) or (H, W), [C, D, H, W] as (D, H, W, C)."""
    return np.moveaxis(image, 0, -1).reshape(shape)
