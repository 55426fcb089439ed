"""An image restored as one: what its noise is, the fits, the groups of patches, and back to the array's own units."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from torch import Tensor

from cgdenoise.fitting.holdout import hold_out
from cgdenoise.fitting.members import EnsembleResult, FailedFitsError
from cgdenoise.noise import NoiseKind, NoiseModel, choose, estimate_sigma
from cgdenoise.noise.held_out import held_out_level
from cgdenoise.noise.stripes import find_stripes
from cgdenoise.operators import Identity, Measurement
from cgdenoise.restoration.denoising import Denoising, DenoisingRequest, Generated
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.mixture import GENERATOR, Mixture, Part
from cgdenoise.restoration.patch_stages import patch_stages
from cgdenoise.restoration.pipeline import Context, Stage, made, run_stages
from cgdenoise.restoration.preprocess import Prepared, prepare, values_of
from cgdenoise.restoration.results import Restoration, RestoredPart, summary_of
from cgdenoise.restoration.units import Array, Layout, Scale, check_image, is_constant
from cgdenoise.runtime import choose_device, memory_error

_NOISE = 30.0
"""Iterations of a fit that take as long as measuring the noise. Measured: 1 s for 256x256 pixels in colour on one core, half more
or less depending on the noise, where an iteration takes 0.03 s."""

_LARGEST_BLOCK = 3
"""Side of the squares of pixels that are held out together, at most. A fit has to bridge larger ones, and what it misses of them
is no longer noise: with the whole correlation length the level was 1.4 to 1.9 times the true one on cameras."""


def denoise_whole(request: DenoisingRequest, hooks: Hooks) -> Restoration:
    """Restore an image as `denoise` does, all of it at once."""
    start = time.perf_counter()
    device = choose_device(request.device)
    layout = Layout.of(request.image, request.channel_axis)
    values = check_image(request.image, layout.channel_axis)
    height, width = values.shape[:2]
    if is_constant(values):
        image = layout.array(np.broadcast_to(np.nanmin(values, axis=(0, 1)), values.shape)).copy()
        given_back = constant(request, values.shape, device.type)
        return replace(given_back, image=image, seconds=time.perf_counter() - start)
    with memory_error(f"not enough memory on {device.type} for an image of {width}x{height} pixels; expected a smaller one"):
        preset = request.preset
        scale = Scale.of(values, whole_range=preset.is_bounded)
        context = Context.of(device, request.seed, hooks, height * width, request.start)
        state = restored_state(request, values, scale, context, stages_of_the_whole(layout))
        return restoration_of(state, request, context, time.perf_counter() - start)


def restored_state(
    request: DenoisingRequest, values: Array, scale: Scale, context: Context, stages: Sequence[Stage[Denoising]]
) -> Denoising:
    """Take an image (H, W, C), on a scale, through stages."""
    # Everything is computed from the normalised values: even a rounding that hangs on the unit could tip a decision.
    known = request.known.in_unit(scale.offset, scale.factor)
    begun = Denoising(request.preset, scale.normalise(values), scale, known)
    return run_stages(stages, begun, context)


def restoration_of(state: Denoising, request: DenoisingRequest, context: Context, seconds: float) -> Restoration:
    """Return what the last stage has left, in the user's units and layout."""
    layout = Layout.of(request.image, request.channel_axis)
    shown = partial(_shown, layout, made(state.prepared), state.scale)
    mixture, fits = made(state.mixture), made(state.fits)
    return Restoration(
        image=shown(mixture.image[None]),
        noise=_in_units(made(state.model), state.scale),
        sigma_estimated=not request.known.tells_level,
        depth=fits.depth,
        fits=tuple(summary_of(member, state.error_unit) for member in fits.members),
        parts=tuple(RestoredPart(part.name, partial(shown, part.image[None]), part.weight) for part in mixture.parts),
        interrupted=context.interrupted or context.hooks.cancelled(),
        device=context.device.type,
        seconds=seconds,
        warnings=state.warnings,
        start=fits.start,
    )


def constant(request: DenoisingRequest, shape: tuple[int, ...], device: str) -> Restoration:
    """Return what is said of a constant image, which is given back as it is; without the image."""
    sigma = request.known.sigma
    model = NoiseModel(NoiseKind.GAUSSIAN, sigma or 0.0, np.zeros(shape, bool), reasons=("the image is constant",))
    return Restoration(np.zeros(0), model, sigma is None, 0, (), (), False, device, 0.0)


def _shown(layout: Layout, prepared: Prepared, scale: Scale, fitted: Tensor) -> Array:
    """Return what was fitted, [1, C, H, W], as the user's array is."""
    return scale.to_array(prepared.restored(fitted), layout.ndim, layout.channel_axis)


def stages_of_the_whole(layout: Layout) -> list[Stage[Denoising]]:
    """Return the stages of an image of which all is there."""
    return [Stage("stripes", remove_stripes), *stages_of_a_sample(layout)]


def stages_of_a_sample(layout: Layout) -> list[Stage[Denoising]]:
    """Return the stages of windows of an image: no line of it is there, and no stripe is seen, or could be taken from tiles."""
    return [Stage("measuring noise", measure_noise, lambda state: _NOISE), fits_stage(layout), *patch_stages()]


def fits_stage(layout: Layout) -> Stage[Denoising]:
    """Return the stage that fits the generators."""
    return Stage("fits", partial(fit_generators, layout), lambda state: state.preset.most_iterations, fallback=do_without_fits)


def remove_stripes(state: Denoising, context: Context) -> Denoising:
    """Take from the image what its rows and columns add to all their pixels."""
    stripes = find_stripes(state.normalised)
    return replace(state, normalised=stripes.taken_from(state.normalised), stripes=stripes)


def measure_noise(state: Denoising, context: Context) -> Denoising:
    """Choose the model of the noise, and bring the image to noise of one level."""
    known = state.known
    if known.law is not None:
        model = known.law.model_of(state.normalised)
    elif known.transform is None:
        zero = -state.scale.offset / state.scale.factor
        kind = NoiseKind(known.kind)
        model = choose(
            state.normalised, kind, sigma=known.sigma, gain=known.gain, offset=known.offset, zero=zero, fit_follows=True
        )
    else:
        level, none = estimate_sigma(state.normalised), np.zeros(state.normalised.shape, bool)
        model = NoiseModel(NoiseKind.GAUSSIAN, level, none, reasons=("its law was given",), transform=known.transform)
    if state.stripes is not None and state.stripes.present:
        rows, columns = (f"{state.scale.factor * level:.3g}" for level in state.stripes.levels)
        reason = f"stripes were taken away first: offsets of rows {rows}, of columns {columns} (root mean square)"
        model = replace(model, reasons=(reason, *model.reasons))
    warnings = state.warnings
    if known.kind in (NoiseKind.POISSON, NoiseKind.POISSON_GAUSSIAN) and not model.gain:
        doubt = f"no {known.kind} noise: its variance does not grow with brightness"
        warnings = (*warnings, f"{doubt}; {model.kind} noise was assumed (--gain says it)")
    if known.kind == NoiseKind.CORRELATED and not model.correlation_length:
        warnings = (*warnings, f"no correlated noise: neighbours share none of it; {model.kind} noise was assumed")
    prepared = prepare(state.normalised, model)
    unit = state.scale.factor if prepared.stabiliser is None else prepared.scale.factor
    return replace(state, model=model, prepared=prepared, error_unit=unit, warnings=warnings)


def fit_generators(layout: Layout, state: Denoising, context: Context) -> Denoising:
    """Fit the generators to the image and average them."""
    prepared = made(state.prepared)
    y, valid = (tensor[0].to(context.device) for tensor in (prepared.y, prepared.valid))
    measurement = Measurement(Identity(tuple(y.shape)), y, valid, prepared.noise.level)
    split = partial(hold_out, block=min(made(state.model).correlation_length + 1, _LARGEST_BLOCK))
    shown = partial(_shown, layout, prepared, state.scale)
    fits = context.fit(measurement, state.preset, split, state.error_unit, shown)
    return _with_measured_level(_with_fits(state, fits, failed=False))


def _with_measured_level(state: Denoising) -> Denoising:
    """Take the level of correlated noise from what the fits missed of the pixels that they were not shown.

    Flat parts of an image tell how its noise is correlated, but the level of the darkest or the smoothest alone.
    """
    model = made(state.model)
    if not model.correlation_length or model.has_own or state.known.tells_level or state.settled:
        return state
    values, levels = made(state.prepared).measured, []
    for member in made(state.fits).members:
        if member.weight:
            fitted = values_of(member.result.image[0])
            level = held_out_level(values - fitted, fitted, member.held_out.permute(1, 2, 0).numpy())
            levels += [level] if level else []
    level = float(np.mean(levels)) if levels else math.inf
    if model.stored is not None and level > model.stored.most_coarse:
        model = NoiseModel.of_stored(model.stored, model.impulses)  # that is texture
    elif levels:
        reason = "its level is that of what a generator missed of the pixels it was not shown"
        model = replace(model, sigma=level, reasons=(*model.reasons, reason))
    return replace(state, model=model, prepared=prepare(state.normalised, model))


def do_without_fits(state: Denoising, error: Exception) -> Denoising:
    """Go on with the groups of patches alone if no fit came near the image; they fill gaps starting from the least bad fit."""
    if not isinstance(error, FailedFitsError):
        raise error
    warning = f"all {len(error.members)} fits failed; the groups of similar patches restored it without them"
    fits = EnsembleResult(error.best.result.image, error.members, error.best.label.depth)
    return replace(_with_fits(state, fits, failed=True), warnings=(*state.warnings, warning))


def _with_fits(state: Denoising, fits: EnsembleResult, failed: bool) -> Denoising:
    image = fits.image[0]
    mixture = Mixture((Part(GENERATOR, image, 1.0),))
    return replace(state, fits=fits, generated=Generated(image, failed), mixture=mixture)


def _in_units(model: NoiseModel, scale: Scale) -> NoiseModel:
    """Return a model of the normalised image's noise in the units of the image."""
    return replace(
        model,
        sigma=model.sigma * scale.factor,
        gain=model.gain * scale.factor,
        offset=model.offset * scale.factor + scale.offset,
        read_sigma=model.read_sigma * scale.factor,
        covariance=None if model.covariance is None else model.covariance * scale.factor**2,
        stored=None if model.stored is None else model.stored.in_unit(1 / scale.factor),
        transform=None,
    )
