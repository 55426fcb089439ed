"""One call to reconstruct an image from linear measurements: scaling, the ensemble through the operator, consistency."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.errors import MeasurementError, OperatorError, OptionError
from cgdenoise.fitting.ensemble import CollapsedError, Ensemble
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.fitting.plan import Preset
from cgdenoise.fitting.results import FitLabel, Step
from cgdenoise.noise import NoiseKind, NoiseModel
from cgdenoise.operators import ComplexFromChannels, ForwardOperator, Measurement, Reshape
from cgdenoise.operators.base import Field
from cgdenoise.operators.least_squares import conjugate_gradients, pilot, range_of
from cgdenoise.progress import Cancelled, Meter, Progress
from cgdenoise.restoration.evidence import Evidence, gather_evidence
from cgdenoise.restoration.mixture import BOTH, GENERATOR
from cgdenoise.restoration.plug_and_play import ITERATIONS, pixels_refined, plug_and_play
from cgdenoise.restoration.presets import RECONSTRUCTION, preset_of
from cgdenoise.restoration.results import (
    FitSummary,
    RestorationError,
    RestorationResult,
    RestoredPart,
    Snapshot,
    snapshot_of,
    summary_of,
)
from cgdenoise.restoration.units import Scale
from cgdenoise.runtime import choose_device, choose_dtype, memory_error

Array = NDArray[Any]

_PILOT_ITERATIONS = 10

_ERROR = 0.05
"""Of what generators make, in parts of the image's range: against noisy measurements the image counts by it."""

_GROUPS = "similar patches"
"""Name of the stage that follows the fits."""

_GRID = 2.0**36
"""Measurements are rounded to this many steps of the largest."""

_FLAT = 1e-6
"""Range of a pilot, relative to its largest value, below which there is nothing to fit."""


class Reconstruction(NamedTuple):
    """A reconstruction.

    Attributes
    ----------
    image : array
        Of the operator's `in_shape`, float64 or complex128.
    result : RestorationResult
        How it came about.
    scale : Scale
        What was divided out: the generator was fitted to (image - offset) / factor; parts of complex numbers count as real ones.
    evidence : Evidence or None
        What the measurements say of it, in their unit; None if it is constant, or no fit had time to come out.
    """

    image: Array
    result: RestorationResult
    scale: Scale
    evidence: Evidence | None


def reconstruct(
    operator: ForwardOperator,
    y: Array,
    *,
    sampling: Sampling | None = None,
    sigma: float = 0.0,
    preset: str | Preset = "balanced",
    seed: int = 0,
    device: str = "auto",
    consistency: int = 10,
    observers: Sequence[Callable[[Snapshot], None]] = (),
    progress: Callable[[Progress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Reconstruction:
    """Reconstruct an image from y = A x + noise, by fitting a generator through A and stopping by held-out measurements.

    (Heckel & Soltanolkotabi, "Compressive sensing with un-trained neural networks: Gradient descent finds a smooth
    approximation", ICML 2020, arXiv 2005.03991.)

    Parameters
    ----------
    operator : ForwardOperator
        A, from images (H, W), (C, H, W) or with more axes before the last two. The image is complex if A takes complex
        images only, or takes either field and `y` is complex.
    y : array
        Measurements of the operator's `out_shape`, real or complex, finite, in any unit: those of `a * x` give `a` times the
        image. Where nothing was measured their value does not count.
    sampling : Sampling, optional
        What was measured, and what is held out together; every number by itself if not given.
    sigma : float
        Standard deviation of the noise (of a complex number: the root of E |noise|²), in the unit of `y`. 0 says that the
        measurements are exact: the image is then made to agree with them.
    preset : str or Preset
        As of `denoise`, but from `presets.RECONSTRUCTION`.
    seed, device, observers, progress, cancelled
        As of `denoise`. Errors of a `Snapshot` are in the unit of `y`.
    consistency : int
        Iterations at most of the projection onto exact measurements, and of each step towards them before. 0 leaves the former
        out, as an operator wants that nearly loses parts of the image: its data never are as exact as that.

    Returns
    -------
    Reconstruction
        `(image, result, scale, evidence)`.

    Raises
    ------
    MeasurementError
        If `y` is of another shape than the operator's measurements, complex where they are real, not finite, or 0 throughout.
    OperatorError
        If the operator takes other arrays than images.
    OptionError
        If a parameter is out of its range.
    RestorationError
        If no fit came near the measurements; it holds the least bad image.
    MemoryLimitError
        If the image is too large for the device.
    """
    start = time.perf_counter()
    chosen = preset_of(preset, RECONSTRUCTION) if isinstance(preset, str) else preset
    if not (np.isfinite(sigma) and sigma >= 0):
        raise OptionError(f"sigma {sigma}; expected a finite number, 0 or above")
    if seed < 0 or consistency < 0:
        raise OptionError(f"seed {seed}, consistency {consistency}; expected 0 or above")
    place = choose_device(device)
    sampling = Sampling.entries(operator.out_shape) if sampling is None else sampling
    measured = check_measurements(operator, y, sampling)
    through = on_channels(operator, measured.dtype.kind == "c")
    # Beside the fit everything is double precision on the CPU: an image may have little contrast on a high level.
    unit = float(np.abs(measured).max())
    data = Measurement(through, _on_grid(torch.from_numpy(measured / unit)), sampling.valid, sigma / unit)

    def image_of(channels: Tensor) -> Array:
        return _to_array(channels, operator, through)

    noise = NoiseModel(NoiseKind.GAUSSIAN, sigma, np.zeros((0, 0, 0), bool), reasons=("its level was given",))

    def finish(
        image: Array,
        scale: Scale,
        depth: int,
        fits: tuple[FitSummary, ...],
        interrupted: bool,
        parts: tuple[RestoredPart, ...] = (),
        evidence: Evidence | None = None,
    ) -> Reconstruction:
        result = RestorationResult(noise, False, depth, fits, parts, interrupted, place.type, time.perf_counter() - start)
        return Reconstruction(image, result, scale, evidence)

    with memory_error(f"not enough memory on {place.type} for {operator}; expected a smaller image"):
        first = pilot(data, _PILOT_ITERATIONS)
        scale = _scale_of(first, is_complex=_is_complex(operator, through))
        if scale is None:
            return finish(image_of(first) * unit, Scale(0.0, unit), 0, (), False)
        in_unit = Scale(scale.offset * unit, scale.factor * unit)
        normalised = data.normalised(scale.offset, scale.factor)
        on_device = normalised.to(place, torch.float32)

        def restored(fitted: Tensor) -> Tensor:
            return fitted.cpu().double() * scale.factor + scale.offset

        def rescaled(fitted: Tensor) -> Array:
            return image_of(restored(fitted)) * unit

        stages = {_GROUPS: pixels_refined(through.in_shape)} if chosen.guided else {}
        meter = Meter(chosen.most_iterations, stages, int(np.prod(through.in_shape[1:])), progress, cancelled)

        def on_step(label: FitLabel, step: Step) -> None:
            meter.fitted(label, step.evaluation.iteration)
            for observer in observers:
                observer(snapshot_of(label, step, in_unit.factor, lambda: rescaled(step.image[0])))

        ensemble = Ensemble(
            y=on_device.y[None],
            valid=on_device.valid[None],
            preset=chosen,
            sigma=on_device.sigma,
            seed=seed,
            dtype=choose_dtype(place, chosen.reduced_precision),
            together=1 if place.type == "cpu" else chosen.members,
            on_step=on_step,
            cancelled=cancelled,
            operator=on_device.operator,
            split=sampling.split,
        )
        try:
            outcome = ensemble.run()
        except CollapsedError as error:
            fits = tuple(summary_of(member, in_unit.factor) for member in error.members)
            kept = finish(rescaled(error.best.result.image[0]), in_unit, error.best.label.depth, fits, False)
            raise RestorationError(str(error), kept.image, kept.result) from error
        generated = refined = outcome.image[0]
        if chosen.guided and not outcome.interrupted:
            steps = consistency or ITERATIONS
            with contextlib.suppress(Cancelled):
                refined = plug_and_play(on_device, generated, iterations=steps, tick=meter.tick(_GROUPS))
        final = restored(refined)
        if consistency and (not sigma or refined is generated):
            final = conjugate_gradients(data, final, consistency, data.variance / (_ERROR * scale.factor) ** 2)
        in_fit = (final - scale.offset) / scale.factor
        evidence = gather_evidence(normalised, in_fit, outcome.members, in_unit.factor, sampling.is_fair)
    image = image_of(final) * unit
    of_generator = RestoredPart(GENERATOR, lambda: rescaled(generated), 0.0)
    whole = RestoredPart(BOTH, lambda: image, 1.0)
    parts = (replace(of_generator, weight=1.0),) if refined is generated else (whole, of_generator)
    fits = tuple(summary_of(member, in_unit.factor) for member in outcome.members)
    return finish(image, in_unit, outcome.depth, fits, outcome.interrupted or cancelled(), parts, evidence)


def check_measurements(operator: ForwardOperator, y: Array, sampling: Sampling) -> Array:
    """Return measurements as float64 or complex128, 0 where there is none.

    Raises
    ------
    MeasurementError
        If they do not go with the operator, or are not finite where something was measured, or all 0.
    """
    array = np.asarray(y)
    if array.dtype.kind not in "uifc":
        raise MeasurementError(f"y of dtype {array.dtype}; expected real or complex numbers")
    if array.shape != operator.out_shape:
        raise MeasurementError(f"y of shape {list(array.shape)}; expected {list(operator.out_shape)}, which {operator} gives")
    if tuple(sampling.valid.shape) != operator.out_shape:
        raise MeasurementError(f"a sampling of {list(sampling.valid.shape)}; expected {list(operator.out_shape)}")
    if array.dtype.kind == "c" and operator.codomain is Field.REAL:
        raise MeasurementError(f"y of {array.dtype}; expected real numbers, which {operator} gives")
    is_complex = array.dtype.kind == "c" or operator.codomain is Field.COMPLEX
    measured = np.where(sampling.valid.numpy() > 0, array, 0).astype(np.complex128 if is_complex else np.float64)
    if wrong := int(np.count_nonzero(~np.isfinite(measured))):
        raise MeasurementError(f"y of shape {list(array.shape)} has {wrong} values that are NaN or infinite; expected none")
    if not measured.any():
        raise MeasurementError(f"y of shape {list(array.shape)} is 0 throughout; expected measurements")
    return measured


def on_channels(operator: ForwardOperator, complex_measurements: bool) -> ForwardOperator:
    """Return the operator on what a generator makes, real images (C, H, W): the parts of complex images are channels.

    Raises
    ------
    OperatorError
        If it takes no images.
    """
    shape = operator.in_shape
    if len(shape) < 2:
        raise OperatorError(f"{operator}: takes arrays of {list(shape)}; expected images, (H, W) or (C, H, W)")
    is_complex = operator.domain is Field.COMPLEX or (operator.domain is Field.EITHER and complex_measurements)
    parts = (2, *shape) if is_complex else shape
    channels = (int(np.prod(parts[:-2])), *shape[-2:])
    inner: ForwardOperator = Reshape(channels, parts)
    return operator @ ((ComplexFromChannels(parts) @ inner) if is_complex else inner)


def _is_complex(operator: ForwardOperator, through: ForwardOperator) -> bool:
    return bool(np.prod(through.in_shape) != np.prod(operator.in_shape))


def _scale_of(first: Tensor, is_complex: bool) -> Scale | None:
    """Return the map from the image to a range of about 0 to 1, as a first image has it; None if that is constant."""
    values = first.numpy()
    spread = np.ptp(values, axis=(1, 2)).max()
    if spread <= _FLAT * np.abs(values).max():
        return None
    if is_complex:  # a phase has no preferred sign
        reach = max(map(abs, range_of(values)))
        return Scale(-reach, 2 * reach)
    low, high = range_of(values)
    return Scale(low, high - low)


def _on_grid(values: Tensor) -> Tensor:
    """Round to multiples of a small number, so that `a * y` gives the very numbers that `y` gives."""
    if values.is_complex():
        return torch.view_as_complex(_on_grid(torch.view_as_real(values)))
    return torch.round(values * _GRID) / _GRID


def _to_array(channels: Tensor, operator: ForwardOperator, through: ForwardOperator) -> Array:
    values = channels.numpy()
    if not _is_complex(operator, through):
        return values.reshape(operator.in_shape)
    real, imaginary = values.reshape(2, *operator.in_shape)
    image: Array = real + 1j * imaginary
    return image
