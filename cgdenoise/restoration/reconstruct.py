"""One call to reconstruct an image from linear measurements: scaling, the fits through the operator, consistency."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from cgdenoise.errors import OptionError
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.fitting.members import FailedFitsError
from cgdenoise.fitting.plan import Preset
from cgdenoise.noise import NoiseKind, NoiseModel
from cgdenoise.operators import ForwardOperator, Measurement
from cgdenoise.operators.least_squares import conjugate_gradients, pilot
from cgdenoise.progress import filtered_at_a_time
from cgdenoise.restoration.evidence import gather_evidence
from cgdenoise.restoration.hooks import Hooks, Watch, watching
from cgdenoise.restoration.measured import check_measurements, is_complex, on_channels, on_grid, scale_of, to_array
from cgdenoise.restoration.mixture import GENERATOR, Part
from cgdenoise.restoration.phase import smooth_phase, without_phase
from cgdenoise.restoration.pipeline import Context, made, run_stages
from cgdenoise.restoration.plug_and_play import Mixing
from cgdenoise.restoration.presets import RECONSTRUCTION, within
from cgdenoise.restoration.reconstructing import ERROR, RECONSTRUCTION_STAGES, Reconstructing, ReconstructionRequest
from cgdenoise.restoration.results import Restoration, RestorationError, RestoredPart, summary_of
from cgdenoise.restoration.units import Array, Scale
from cgdenoise.runtime import choose_device, memory_error

_PILOT_ITERATIONS = 10
"""Conjugate gradients towards the image whose range is the scale of the fit. By hand; not measured."""


def reconstruct(
    operator: ForwardOperator,
    y: Array,
    *,
    sampling: Sampling | None = None,
    sigma: float | None = 0.0,
    preset: str | Preset = "balanced",
    members: int | None = None,
    max_iterations: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Watch = False,
) -> Restoration:
    """Reconstruct an image from y = A x + noise, by fitting a generator through A and stopping by held-out measurements.

    (Heckel & Soltanolkotabi, "Compressive sensing with un-trained neural networks: Gradient descent finds a smooth
    approximation", ICML 2020, arXiv 2005.03991.)

    Parameters
    ----------
    operator : ForwardOperator
        A, from images (H, W) or (C, H, W), from volumes (C, D, H, W), whose channel cannot be left out, or from signals (N,). The
        image is complex if A takes complex images only, or takes either field and `y` is complex.
    y : array
        Measurements of the operator's `out_shape`, real or complex, finite, in any unit: those of `a * x` give `a` times the
        image. Where nothing was measured their value does not count.
    sampling : Sampling, optional
        What was measured, and what is held out together; every number by itself if not given.
    sigma : float
        Standard deviation of the noise (of a complex number: the root of E |noise|²), in the unit of `y`. 0 says that the
        measurements are exact: the image is then made to agree with them. None says that nothing is known of it: the level is
        then that with which held-out measurements are explained best, which is rough.
    preset, members, max_iterations, seed, device, progress
        As of `denoise`, but presets from `presets.RECONSTRUCTION`. Errors of a `Snapshot` are in the unit of `y`.

    Raises
    ------
    MeasurementError, OperatorError
        If `y` does not go with the operator (`check_measurements`).
    OptionError
        If a parameter is out of its range.
    RestorationError
        If no fit came near the measurements; it holds the least bad image.
    MemoryLimitError
        If the image is too large for the device.
    """
    chosen = within(preset, members, max_iterations, RECONSTRUCTION)
    with watching(progress) as hooks:
        return run_reconstruction(ReconstructionRequest(operator, y, chosen, sampling, sigma, seed, device), hooks)


@torch.inference_mode(False)
@torch.enable_grad()  # which a fit needs, whatever surrounds the call
def run_reconstruction(request: ReconstructionRequest, hooks: Hooks) -> Restoration:
    """Reconstruct an image as `reconstruct` does."""
    start = time.perf_counter()
    operator, sigma = request.operator, request.sigma
    if sigma is not None and not (np.isfinite(sigma) and sigma >= 0):
        raise OptionError(f"sigma {sigma}; expected a finite number, 0 or above")
    if request.seed < 0 or request.consistency < 0:
        raise OptionError(f"seed {request.seed}, consistency {request.consistency}; expected 0 or above")
    device = choose_device(request.device)
    sampling = Sampling.entries(operator.out_shape) if request.sampling is None else request.sampling
    measured = check_measurements(operator, request.y, sampling)
    through = on_channels(operator, measured.dtype.kind == "c")
    # Beside the fit everything is double precision on the CPU: an image may have little contrast on a high level.
    unit = float(np.abs(measured).max())
    data = Measurement(through, on_grid(torch.from_numpy(measured / unit)), sampling.valid, (sigma or 0.0) / unit)
    with memory_error(f"not enough memory on {device.type} for {operator}; expected a smaller image"):
        context = Context.of(device, request.seed, hooks, filtered_at_a_time(through.in_shape))
        first = pilot(data, _PILOT_ITERATIONS)
        image, phase = to_array(operator, through, first), None
        if is_complex(operator, through) and (phase := smooth_phase(image)) is not None:
            data, first = without_phase(operator, data, image, phase)
        scale = scale_of(first, with_phase=is_complex(operator, through))
        noise = _gaussian(sigma or 0.0, estimated=sigma is None)
        result = Restoration(image * unit, noise, sigma is None, 0, (), (), False, device.type, 0.0, scale=Scale(0.0, unit))
        if scale is not None:
            normalised = data.normalised(scale.offset, scale.factor)
            fitted = normalised.to(device, torch.float32)
            view = partial(to_array, operator, through, phase=phase)
            begun = Reconstructing(request, sampling, data, normalised, fitted, scale, unit, view, Mixing.of(data))
            result = _fitted(begun, context, result)
    return replace(result, seconds=time.perf_counter() - start)


def _fitted(begun: Reconstructing, context: Context, blank: Restoration) -> Restoration:
    """Run the stages, bring the image to agree with exact measurements, and say what they say of it."""
    unit = begun.error_unit
    blank = replace(blank, scale=Scale(begun.scale.offset * begun.unit, unit))
    try:
        state = run_stages(RECONSTRUCTION_STAGES, begun, context)
    except FailedFitsError as error:
        least_bad, all_fits = error.best, tuple(summary_of(member, unit) for member in error.members)
        image = begun.shown(begun.restored(least_bad.result.image[0]))
        best = replace(blank, image=image, depth=least_bad.label.depth, fits=all_fits)
        raise RestorationError(str(error), best) from error
    fits, mixture = made(state.fits), state.mixture
    final = _agreeing(state, mixture.image, any(part.weight and part.name != GENERATOR for part in mixture.parts))
    in_fit = (final - state.scale.offset) / state.scale.factor
    image = state.shown(final)
    return replace(
        blank,
        image=image,
        noise=blank.noise if begun.request.sigma is not None else _gaussian(state.data.sigma * begun.unit, estimated=True),
        depth=fits.depth,
        fits=tuple(summary_of(member, unit) for member in fits.members),
        parts=tuple(RestoredPart(part.name, partial(_of_part, state, part), part.weight) for part in mixture.parts),
        interrupted=context.interrupted or context.hooks.cancelled(),
        warnings=state.warnings,
        evidence=gather_evidence(state.normalised, in_fit, fits.members, unit, state.sampling.is_fair),
    )


def _gaussian(sigma: float, *, estimated: bool) -> NoiseModel:
    reason = "with its level, what was held out is explained best" if estimated else "its level was given"
    return NoiseModel(NoiseKind.GAUSSIAN, sigma, np.zeros((0, 0, 0), bool), reasons=(reason,))


def _agreeing(state: Reconstructing, fitted: Tensor, has_seen_noise: bool) -> Tensor:
    """Return a scaled image in the unit of `data`, brought to agree with the measurements where its priors have not done that."""
    request, image = state.request, state.restored(fitted)
    if not request.consistency or (state.data.sigma and has_seen_noise):
        return image
    weight = state.data.variance / (ERROR * state.scale.factor) ** 2
    return conjugate_gradients(state.data, image, request.consistency, weight)


def _of_part(state: Reconstructing, part: Part) -> Array:
    """Return the image of a prior alone: what the generators made as it is, as they are no more than a start."""
    generated = made(state.generated).image
    alone = state.restored(generated) if part.name == GENERATOR else _agreeing(state, part.image, has_seen_noise=True)
    return state.shown(alone)
