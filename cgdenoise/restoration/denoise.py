"""One call to restore an array: checks, scaling, the ensemble, and back to the array's own units."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.errors import OptionError
from cgdenoise.fitting.ensemble import CollapsedError, Ensemble, EnsembleResult
from cgdenoise.fitting.holdout import hold_out
from cgdenoise.fitting.plan import Preset
from cgdenoise.fitting.results import FitLabel, Step
from cgdenoise.noise import NoiseKind, NoiseModel, choose
from cgdenoise.progress import Meter, Progress
from cgdenoise.restoration.mixture import GENERATOR, Guided, Part
from cgdenoise.restoration.patch_stage import Generated, LastStage, after_fits, stages_after_fits
from cgdenoise.restoration.preprocess import Prepared, prepare
from cgdenoise.restoration.presets import preset_of
from cgdenoise.restoration.results import Denoised, FitSummary, RestorationResult, RestoredPart, Snapshot, snapshot_of, summary_of
from cgdenoise.restoration.units import Scale, check_image, find_channel_axis, in_layout, is_constant
from cgdenoise.runtime import choose_device, choose_dtype, memory_error, rng_for

Array = NDArray[Any]


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
    with memory_error(
        f"not enough memory on {place.type} for an image of {values.shape[1]}x{values.shape[0]} pixels; expected a smaller one"
    ):
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

        def result_of(
            model: NoiseModel, depth: int, fits: tuple[FitSummary, ...], interrupted: bool, parts: Sequence[RestoredPart] = ()
        ) -> RestorationResult:
            seconds = time.perf_counter() - start
            noise = _in_units(model, scale)
            return RestorationResult(
                noise, sigma is None, depth, fits, tuple(parts), interrupted, place.type, seconds, tuple(warnings)
            )

        warnings: list[str] = []
        if constant:
            filled = np.broadcast_to(np.nanmin(values, axis=(0, 1)), values.shape)
            return Denoised(in_layout(filled, len(shape), axis).copy(), result_of(model, 0, (), False))
        if kind in (NoiseKind.POISSON, NoiseKind.POISSON_GAUSSIAN) and not model.gain:
            warnings.append(
                f"no {kind} noise: its variance does not grow with brightness; {model.kind} noise was assumed (--gain says it)"
            )
        prepared = prepare(normalised, model)

        def to_array(fitted: Tensor, of: Prepared = prepared) -> Array:
            return scale.to_array(of.restored(fitted), len(shape), axis)

        # Errors of what was not stabilised are in the image's units.
        unit = scale.factor if prepared.anscombe is None else prepared.scale.factor

        meter = Meter(chosen.most_iterations, stages_after_fits(chosen, prepared), values[..., 0].size, progress, cancelled)

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
            split=partial(hold_out, block=model.correlation_length + 1),
            dtype=choose_dtype(place, chosen.reduced_precision),
            together=1 if place.type == "cpu" else chosen.members,
            on_step=on_step,
            cancelled=cancelled,
        )
        try:
            outcome, fitted = ensemble.run(), True
        except CollapsedError as error:
            warnings.append(f"all {len(error.members)} fits collapsed; the groups of similar patches restored it without them")
            outcome, fitted = EnsembleResult(error.best.result.image, error.members, error.best.label.depth), False
        fits = tuple(summary_of(member, unit) for member in outcome.members)
        if outcome.interrupted or (fitted and not chosen.guided):
            last = LastStage(Guided((Part(GENERATOR, outcome.image[0], 1.0),)), prepared, model)
        else:
            generated = Generated(outcome.image[0], outcome.leverage if fitted else None)
            trusted = kind is not NoiseKind.AUTO or sigma is not None or gain is not None
            last = after_fits(normalised, model, prepared, generated, trusted, place, rng_for(seed, 2), meter)
        warnings += last.warnings
        mixture, shown = last.mixture, partial(to_array, of=last.prepared)
        parts = [RestoredPart(part.name, partial(shown, part.image[None]), part.weight) for part in mixture.parts]
        restored = shown(mixture.image[None])
        return Denoised(restored, result_of(last.model, outcome.depth, fits, outcome.interrupted or cancelled(), parts))


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
