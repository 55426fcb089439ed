"""Problems without the measurements that are far off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from cgdenoise.errors import ImageError, MeasurementError
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.noise.impulse import find_impulses
from cgdenoise.operators import Measurement
from cgdenoise.operators.base import Field
from cgdenoise.problems.pictures import inpainting
from cgdenoise.problems.problem import Array, LinearProblem
from cgdenoise.restoration.measured import on_channels
from cgdenoise.restoration.outliers import far_off
from cgdenoise.restoration.units import OF_VOLUME, check_image

_FEW_MISSING = 0.02
"""Share of missing pixels up to which impulses are told by their neighbours, as `noise.choose` has it; with half none are."""

_TAIL, _MARGIN = 0.05, 0.5
"""Share of the values at each end that are not of the usual range, and part of that range from which a value is beyond it. By
hand."""


def without_outliers(problem: LinearProblem) -> LinearProblem:
    """Return a problem without those measurements that no image explains together with the others; it says how many they are.

    Parameters
    ----------
    problem : LinearProblem
        Of real measurements of the whole image. Pixels are told by their neighbours (`impulses_in`).

    Raises
    ------
    MeasurementError
        If they are complex.
    """
    if problem.y.dtype.kind == "c" or problem.operator.codomain is Field.COMPLEX:
        raise MeasurementError(f"outliers among {problem.y.dtype}; expected real measurements")
    sampling = Sampling.entries(problem.operator.out_shape) if problem.sampling is None else problem.sampling
    off = _found(problem, sampling)
    kept = replace(sampling, valid=torch.where(off, 0, sampling.valid))
    return telling_of(replace(problem, sampling=kept), off.numpy())


def impulses_in(page: Array, keep: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Return which values of a picture have nothing to do with their neighbours, in its shape.

    Between many missing pixels only those are found that lie beyond the range of the others: edges of a drawing are as far off.

    Parameters
    ----------
    page : array
        (H, W) or (H, W, C), real; NaN is missing.
    keep : bool array, (H, W), or None
        Where the pixels were measured; None everywhere.

    Raises
    ------
    ImageError
        If it is no picture.
    """
    if page.ndim == OF_VOLUME:
        raise ImageError(f"outliers of a volume, {list(page.shape)}; expected a picture")
    values = check_image(page)
    known = values if keep is None else np.where(keep[..., None], values, np.nan)
    measured = known[np.isfinite(known)]
    if not measured.size:
        return np.zeros(page.shape, bool)
    if measured.size >= (1 - _FEW_MISSING) * known.size:
        return find_impulses(known).mask.reshape(page.shape)
    low, high = np.quantile(measured, [_TAIL, 1 - _TAIL])
    margin = _MARGIN * (high - low)
    with np.errstate(invalid="ignore"):  # NaN is neither
        beyond = (known < low - margin) | (known > high + margin)
    problem = inpainting(known, None, 0.0)
    off = _found(problem, problem.sampling or Sampling.entries(problem.operator.out_shape))
    found: NDArray[np.bool_] = np.moveaxis(off.numpy(), 0, 2) & beyond
    return found.reshape(page.shape)


def _found(problem: LinearProblem, sampling: Sampling) -> torch.Tensor:
    y = np.where(sampling.valid.numpy() > 0, problem.y, 0).astype(np.float64)
    unit = float(np.abs(y).max()) or 1.0
    return far_off(Measurement(on_channels(problem.operator, False), torch.from_numpy(y / unit), sampling.valid))


def telling_of(problem: LinearProblem, off: NDArray[np.bool_]) -> LinearProblem:
    """Return a problem that tells how many of its measurements were left out."""
    count = int(off.sum())
    told = (f"{count} of {off.size} measurements are far off ({count / off.size:.2%}), and left out",) if count else ()
    return replace(problem, found={**problem.found, "outliers": str(count)}, warnings=(*problem.warnings, *told))
