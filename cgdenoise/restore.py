"""One call to restore an array: checks, scaling, the ensemble, and back to the array's own units."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.ensemble import CollapsedError, Ensemble, EnsembleResult, Member
from cgdenoise.errors import CgDenoiseError, OptionError
from cgdenoise.fit import hold_out
from cgdenoise.groups.gaps import fill_gaps, pixels_filled
from cgdenoise.guide import BOTH, GENERATOR, Guided, Part, guided, pixels_filtered
from cgdenoise.noise import NoiseKind, NoiseModel, choose
from cgdenoise.prepare import Prepared, prepare
from cgdenoise.presets import Preset, preset_of
from cgdenoise.progress import Cancelled, Meter, Progress
from cgdenoise.runtime import choose_device, choose_dtype, memory_error, rng_for
from cgdenoise.scaling import Scale, check_image, find_channel_axis, in_layout, is_constant
from cgdenoise.types import FitLabel, Step, StopReason

Array = NDArray[Any]

_GAPS, _GROUPS = "missing pixels", "similar patches"
"""Names of the stages that follow the fits."""

_FEW_GAPS = 0.01
"""Share of missing values up to which they stay as the generators fill them."""


@dataclass(frozen=True)
class Snapshot:
    """An evaluation during a restoration, in the image's units; with noise of Poisson's kind, errors in those of the noise.

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
class RestoredPart:
    """An estimate that a result was mixed from: its name, one of `guide.Part`'s, and its share.

    `image` makes it, float64, in the shape and the units of the input.
    """

    name: str
    image: Callable[[], Array]
    weight: float


@dataclass(frozen=True)
class RestorationResult:
    """How a restoration went.

    Attributes
    ----------
    noise : NoiseModel
        The noise that was assumed, in the image's units, and why.
    sigma_estimated : bool
        Whether its level was estimated from the image.
    depth : int
        Chosen depth of the generator; 0 if there was nothing to fit.
    fits : tuple of FitSummary
        In the order they ran. Empty for a constant image, which is given back as it is.
    parts : tuple of RestoredPart
        What the result was mixed from, each with its share; what it was made from has a share of 0.
    interrupted : bool
        Whether `cancelled` ended it early.
    device : str
        Where it ran.
    seconds : float
        Wall time.
    warnings : tuple of str
        What the user should know of how the result came about: one sentence each.
    """

    noise: NoiseModel
    sigma_estimated: bool
    depth: int
    fits: tuple[FitSummary, ...]
    parts: tuple[RestoredPart, ...]
    interrupted: bool
    device: str
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def sigma(self) -> float:
        """Standard deviation of the noise, in the image's units."""
        return self.noise.sigma


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
    noise: str | NoiseKind = NoiseKind.AUTO,
    gain: float | None = None,
    offset: float = 0.0,
    channel_axis: int | None = None,
    preset: str | Preset = "balanced",
    seed: int = 0,
    device: str = "auto",
    observers: Sequence[Callable[[Snapshot], None]] = (),
    progress: Callable[[Progress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Denoised:
    """Remove the noise from one image, by fitting a generator to it and stopping early.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array
        Of any real dtype, in any unit: restoring `a * image + b`, a > 0, gives `a * result + b`; with noise of Poisson's kind
        the offset has to follow. NaN marks missing values, which are filled; a masked array's masked values are missing, too.
    sigma : float, optional
        Standard deviation of the noise in the image's units (with Poisson noise, of its Gaussian part); estimated from the image
        if not given.
    noise : str or NoiseKind
        "auto" chooses the model from the image; "gaussian", "poisson", "poisson-gaussian", "impulse" or "correlated".
    gain : float, optional
        What one count of Poisson noise adds to a value, in the image's units; estimated if not given.
    offset : float
        Value of a pixel that has received no light, in the image's units, for Poisson noise.
    channel_axis : int, optional
        Which axis of a three-dimensional array has the channels. Not given it is the last, unless the first looks more like it:
        that is an error.
    preset : str or Preset
        "fast", "balanced", "best", "paper", or a `Preset` of your own (`dataclasses.replace` changes single choices).
    seed : int
        The same seed on the same CPU and number of threads gives the same bytes.
    device : str
        "auto", "cpu", "cuda" or "mps".
    observers : sequence of callables
        Each sees every evaluation.
    progress : callable
        Sees several times a second how much is done and how much is left.
    cancelled : callable
        Asked several times a second; True ends the restoration with the best result so far.

    Returns
    -------
    Denoised
        `(image, result)`.

    Raises
    ------
    ImageError
        If the array is not a real image, or has infinite values, or no finite ones, or may have its channels first.
    OptionError
        If a parameter is out of its range.
    RestorationError
        If no fit came near the image; it holds the least bad one.
    MemoryLimitError
        If the image is too large for the device.
    """
    start = time.perf_counter()
    chosen = preset_of(preset) if isinstance(preset, str) else preset
    kind = _check(sigma, noise, gain, offset, seed)
    place = choose_device(device)
    shape = np.shape(image)
    axis = find_channel_axis(shape, channel_axis)
    values = check_image(image, axis)
    constant = is_constant(values)
    scale = Scale(0.0, 1.0) if constant else Scale.of(values, whole_range=any(spec.sigmoid for spec in chosen.decoders))
    # Everything is computed from the normalised values: even a rounding that hangs on the unit could tip a decision.
    normalised = scale.normalise(values)
    if constant:
        model = NoiseModel(NoiseKind.GAUSSIAN, sigma or 0.0, np.zeros(values.shape, bool), reasons=("the image is constant",))
    else:
        progress(Progress("noise", 0.0, chosen.most_iterations))
        model = choose(
            normalised,
            kind,
            sigma=None if sigma is None else sigma / scale.factor,
            gain=None if gain is None else gain / scale.factor,
            offset=(offset - scale.offset) / scale.factor,
        )
    in_units = _in_units(model, scale)

    def finish(
        restored: Array, depth: int, fits: tuple[FitSummary, ...], interrupted: bool, parts: Sequence[Part] = ()
    ) -> Denoised:
        seconds = time.perf_counter() - start
        images = tuple(RestoredPart(part.name, partial(to_array, part.image[None]), part.weight) for part in parts)
        result = RestorationResult(in_units, sigma is None, depth, fits, images, interrupted, place.type, seconds)
        return Denoised(restored, result)

    if constant:
        filled = np.broadcast_to(np.nanmin(values, axis=(0, 1)), values.shape)
        return finish(in_layout(filled, len(shape), axis).copy(), 0, (), False)
    prepared = prepare(normalised, model)

    def to_array(fitted: Tensor) -> Array:
        return scale.to_array(prepared.restored(fitted), len(shape), axis)

    # Errors of what was not stabilised are in the image's units.
    unit = scale.factor if prepared.stabiliser is None else prepared.scale.factor

    meter = Meter(chosen.most_iterations, _stages(chosen, prepared), values[..., 0].size, progress, cancelled)

    def on_step(label: FitLabel, step: Step) -> None:
        meter.fitted(label, step.evaluation.iteration)
        for observer in observers:
            observer(snapshot_of(label, step, unit, lambda: to_array(step.image)))

    ensemble = Ensemble(
        y=prepared.y.to(place),
        valid=prepared.valid.to(place),
        preset=chosen,
        sigma=prepared.noise.level,
        seed=seed,
        split=partial(hold_out, block=model.length + 1),
        dtype=choose_dtype(place, chosen.reduced_precision),
        together=1 if place.type == "cpu" else chosen.members,
        on_step=on_step,
        cancelled=cancelled,
    )
    with memory_error(
        f"not enough memory on {place.type} for an image of {values.shape[1]}x{values.shape[0]} pixels; expected a smaller one"
    ):
        try:
            outcome = ensemble.run()
        except CollapsedError as error:
            fits = tuple(summary_of(member, unit) for member in error.members)
            kept = finish(to_array(error.best.result.image), error.best.label.depth, fits, False)
            raise RestorationError(str(error), *kept) from error
        fits = tuple(summary_of(member, unit) for member in outcome.members)
        mixture = _mixture(ensemble, outcome, prepared, rng_for(seed, 2), meter)
    return finish(to_array(mixture.image[None]), outcome.depth, fits, outcome.interrupted or cancelled(), mixture.parts)


def _check(sigma: float | None, noise: str | NoiseKind, gain: float | None, offset: float, seed: int) -> NoiseKind:
    """Check what does not depend on the image; return the kind of noise."""
    if sigma is not None and not (np.isfinite(sigma) and sigma >= 0):
        raise OptionError(f"sigma {sigma}; expected a finite number, 0 or above")
    if gain is not None and not (np.isfinite(gain) and gain > 0):
        raise OptionError(f"gain {gain}; expected a finite number above 0")
    if not np.isfinite(offset):
        raise OptionError(f"offset {offset}; expected a finite number")
    if seed < 0:
        raise OptionError(f"seed {seed}; expected 0 or above")
    if noise not in list(NoiseKind):
        raise OptionError(f"noise {str(noise)!r}; expected one of {', '.join(NoiseKind)}")
    return NoiseKind(noise)


def _in_units(model: NoiseModel, scale: Scale) -> NoiseModel:
    """Return a model of the normalised image's noise in the units of the image."""
    return replace(
        model,
        sigma=model.sigma * scale.factor,
        gain=model.gain * scale.factor,
        offset=model.offset * scale.factor + scale.offset,
        read_sigma=model.read_sigma * scale.factor,
        covariance=None if model.covariance is None else model.covariance * scale.factor**2,
    )


def _stages(preset: Preset, prepared: Prepared) -> dict[str, int]:
    """Return what follows the fits, with the pixels that are filtered in each."""
    shape = tuple(prepared.y.shape[1:])
    stages = {
        _GAPS: pixels_filled(shape) if _share_of_gaps(prepared.valid) > _FEW_GAPS else 0,
        _GROUPS: pixels_filtered((shape[1], shape[2]), prepared.noise) if prepared.noise.level else 0,
    }
    return stages if preset.guided else {}


def _share_of_gaps(valid: Tensor) -> float:
    return float((valid == 0).float().mean())


def _mixture(ensemble: Ensemble, outcome: EnsembleResult, prepared: Prepared, rng: torch.Generator, meter: Meter) -> Guided:
    """Fill the gaps and remove what noise there is, by groups of similar patches that the generators guide."""
    y, valid, generated, noise = ensemble.y[0], ensemble.valid[0], outcome.image[0], prepared.noise
    alone = Guided((Part(GENERATOR, generated, 1.0),))
    if outcome.interrupted or not ensemble.preset.guided:
        return alone
    gaps = _share_of_gaps(valid)
    try:
        filled = fill_gaps(y, valid, generated, noise.level, meter.tick(_GAPS)) if gaps > _FEW_GAPS else generated
        filled = torch.where(valid > 0, y, filled)
        if noise.level:
            return guided(filled, generated, outcome.leverage, noise, rng, meter.tick(_GROUPS))
    except Cancelled:
        return alone
    return Guided((Part(BOTH, filled, 1.0), Part(GENERATOR, generated, 0.0))) if gaps else alone


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
