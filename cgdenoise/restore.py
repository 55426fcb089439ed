"""One call to restore an array: checks, scaling, the ensemble, and back to the array's own units."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.ensemble import CollapsedError, Ensemble, FitLabel, Member
from cgdenoise.errors import CgDenoiseError, MemoryLimitError, OptionError
from cgdenoise.groups.ridge import nonlocal_ridge, refine
from cgdenoise.noise import estimate_sigma
from cgdenoise.presets import Preset, preset_of
from cgdenoise.runtime import choose_device, choose_dtype
from cgdenoise.scaling import Scale, check_image, is_constant
from cgdenoise.types import Step, StopReason

Array = NDArray[Any]


@dataclass(frozen=True)
class Snapshot:
    """An evaluation during a restoration, in the image's units.

    Attributes
    ----------
    label : FitLabel
        Which fit.
    iteration : int
        Of that fit.
    train_rms, residual_rms, held_out_rms : float
        Root mean square errors: of the iterate and of the averaged output on the training pixels, and of the averaged
        output on the held-out pixels (NaN without any).
    image : callable
        Returns the fit's averaged output as float64, in the shape and the units of the input; of a trial, the part of
        the image that it sees.
    """

    label: FitLabel
    iteration: int
    train_rms: float
    residual_rms: float
    held_out_rms: float
    image: Callable[[], Array]


@dataclass(frozen=True)
class FitSummary:
    """How one fit of a restoration went; errors are root mean squares in the image's units."""

    label: FitLabel
    reason: StopReason
    iteration: int
    last_iteration: int
    held_out_rms: float
    residual_rms: float
    weight: float
    collapsed: bool
    seconds: float


@dataclass(frozen=True)
class RestorationResult:
    """How a restoration went.

    Attributes
    ----------
    sigma : float
        Noise level used, in the image's units.
    sigma_estimated : bool
        Whether it was estimated from the image.
    depth : int
        Chosen depth of the generator; 0 if there was nothing to fit.
    fits : tuple of FitSummary
        In the order they ran. Empty for a constant image, which is given back as it is.
    interrupted : bool
        Whether `cancelled` ended it early.
    device : str
        Where it ran.
    seconds : float
        Wall time.
    """

    sigma: float
    sigma_estimated: bool
    depth: int
    fits: tuple[FitSummary, ...]
    interrupted: bool
    device: str
    seconds: float


class Denoised(NamedTuple):
    """The restored image, float64, in the input's shape and units; and how it came about."""

    image: Array
    result: RestorationResult


class RestorationError(CgDenoiseError):
    """Every fit collapsed. `best` is the least bad finite image, in the input's shape and units; `result` how it came."""

    def __init__(self, message: str, best: Array, result: RestorationResult) -> None:
        super().__init__(message)
        self.best = best
        self.result = result


def denoise(
    image: Array,
    *,
    sigma: float | None = None,
    preset: str | Preset = "balanced",
    seed: int = 0,
    device: str = "auto",
    observers: Sequence[Callable[[Snapshot], None]] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Denoised:
    """Remove the noise from one image, by fitting a generator to it and stopping early.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array
        Of any real dtype, in any unit: restoring `a * image + b`, a > 0, gives `a * result + b`. NaN marks missing
        values, which are filled.
    sigma : float, optional
        Standard deviation of the noise in the image's units; estimated from the image if not given.
    preset : str or Preset
        "fast", "balanced", "best", "paper", or a `Preset` of your own (`dataclasses.replace` changes single choices).
    seed : int
        The same seed on the same CPU and number of threads gives the same bytes.
    device : str
        "auto", "cpu", "cuda" or "mps".
    observers : sequence of callables
        Each sees every evaluation.
    cancelled : callable
        Asked at each iteration; True ends the restoration with the best result so far.

    Returns
    -------
    Denoised
        `(image, result)`.

    Raises
    ------
    ImageError
        If the array is not a real image, or has infinite values, or no finite ones.
    OptionError
        If a parameter is out of its range.
    RestorationError
        If no fit came near the image; it holds the least bad one.
    MemoryLimitError
        If the image is too large for the device.
    """
    start = time.perf_counter()
    chosen = preset_of(preset) if isinstance(preset, str) else preset
    if sigma is not None and not (np.isfinite(sigma) and sigma >= 0):
        raise OptionError(f"sigma {sigma}; expected a finite number, 0 or above")
    if seed < 0:
        raise OptionError(f"seed {seed}; expected 0 or above")
    place = choose_device(device)
    shape, values = np.shape(image), check_image(image)
    constant = is_constant(values)
    scale = Scale(0.0, 1.0) if constant else Scale.of(values, whole_range=any(spec.sigmoid for spec in chosen.decoders))
    # Everything is computed from the normalised values: even a rounding that hangs on the unit could tip a decision.
    normalised = scale.normalise(values)
    relative = estimate_sigma(normalised) if sigma is None else sigma / scale.factor

    def finish(restored: Array, depth: int, fits: tuple[FitSummary, ...], interrupted: bool) -> Denoised:
        seconds, used = time.perf_counter() - start, relative * scale.factor
        result = RestorationResult(used, sigma is None, depth, fits, interrupted, place.type, seconds)
        return Denoised(restored, result)

    if constant:
        filled = np.broadcast_to(np.nanmin(values, axis=(0, 1)), values.shape)
        return finish(filled.reshape(shape).copy(), 0, (), False)
    y, valid = scale.to_tensors(normalised)

    def on_step(label: FitLabel, step: Step) -> None:
        for observer in observers:
            observer(snapshot_of(label, step, scale.factor, lambda: scale.to_array(step.image, len(shape))))

    ensemble = Ensemble(
        y=y.to(place),
        valid=valid.to(place),
        preset=chosen,
        sigma=relative,
        seed=seed,
        dtype=choose_dtype(place, chosen.reduced_precision),
        together=1 if place.type == "cpu" else chosen.members,
        on_step=on_step,
        cancelled=cancelled,
    )
    try:
        outcome = ensemble.run()
    except CollapsedError as error:
        fits = tuple(summary_of(member, scale.factor) for member in error.members)
        kept = finish(scale.to_array(error.best.result.image, len(shape)), error.best.label.depth, fits, False)
        raise RestorationError(str(error), *kept) from error
    except (MemoryError, RuntimeError) as error:
        # Each device words it in its own way, and the CPU's allocator raises a plain RuntimeError.
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise MemoryLimitError(
            f"not enough memory on {place.type} for an image of {shape[1]}x{shape[0]} pixels; expected a smaller one"
        ) from error
    restored = outcome.image
    if chosen.nonlocal_share and relative and not outcome.interrupted:
        restored = _guided(ensemble.y, ensemble.valid, restored, relative, chosen.nonlocal_share)
    fits = tuple(summary_of(member, scale.factor) for member in outcome.members)
    return finish(scale.to_array(restored, len(shape)), outcome.depth, fits, outcome.interrupted)


def _guided(y: Tensor, valid: Tensor, restored: Tensor, sigma: float, share: float) -> Tensor:
    """Filter the noisy image by groups of similar patches, which a mixture of two restorations finds and weighs.

    The generators err in fine texture, the groups where an image does not repeat itself: their mixture is a better pilot than
    either (benchmarks/README.md). Missing pixels are those of the generators' restoration.
    """
    noisy = torch.where(valid > 0, y, restored)[0]
    pilot = torch.lerp(restored[0], nonlocal_ridge(noisy, sigma), share)
    return refine(noisy, pilot, sigma)[None]


def snapshot_of(label: FitLabel, step: Step, factor: float, image: Callable[[], Array]) -> Snapshot:
    """Return an evaluation of a fit with its errors multiplied by a factor, which takes them to the user's units."""
    now = step.evaluation
    train, residual, held_out = (factor * math.sqrt(error) for error in (now.loss, now.residual, now.held_out))
    return Snapshot(label, now.iteration, train, residual, held_out, image)


def summary_of(member: Member, factor: float) -> FitSummary:
    """Return how a fit went, with its errors multiplied by a factor."""
    result = member.result
    return FitSummary(
        label=member.label,
        reason=result.reason,
        iteration=result.chosen.iteration,
        last_iteration=result.history[-1].iteration if result.history else 0,
        held_out_rms=factor * math.sqrt(result.chosen.held_out),
        residual_rms=factor * math.sqrt(result.chosen.residual),
        weight=member.weight,
        collapsed=member.collapsed,
        seconds=result.seconds,
    )
