"""One call to restore an array: what its noise is, the fits, the groups of patches, and back to the array's own units."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from torch import Tensor

from cgdenoise.errors import OptionError
from cgdenoise.fitting.holdout import hold_out
from cgdenoise.fitting.members import EnsembleResult, FailedFitsError
from cgdenoise.fitting.plan import Preset
from cgdenoise.noise import NoiseKind, NoiseModel, choose, estimate_sigma
from cgdenoise.noise.held_out import held_out_level
from cgdenoise.noise.known import KnownNoise
from cgdenoise.operators import Identity, Measurement
from cgdenoise.restoration.denoising import Denoising, DenoisingRequest, Generated
from cgdenoise.restoration.hooks import Hooks, Watch, watching
from cgdenoise.restoration.mixture import GENERATOR, Mixture, Part
from cgdenoise.restoration.patch_stages import patch_stages
from cgdenoise.restoration.pipeline import Context, Stage, made, run_stages
from cgdenoise.restoration.preprocess import Prepared, prepare, values_of
from cgdenoise.restoration.presets import preset_of
from cgdenoise.restoration.results import Restoration, RestoredPart, summary_of
from cgdenoise.restoration.units import Array, Scale, check_image, find_channel_axis, in_layout, is_constant
from cgdenoise.runtime import choose_device, memory_error

_NOISE = 30.0
"""Iterations of a fit that take as long as measuring the noise. Measured: 1 s for 256x256 pixels in colour on one core, half more
or less depending on the noise, where an iteration takes 0.03 s."""

_LARGEST_BLOCK = 3
"""Side of the squares of pixels that are held out together, at most. A fit has to bridge larger ones, and what it misses of them
is no longer noise: with the whole correlation length the level was 1.4 to 1.9 times the true one on cameras."""


def denoise(
    image: Array,
    sigma: float | None = None,
    *,
    noise: str | NoiseKind | KnownNoise = NoiseKind.AUTO,
    channel_axis: int | None = None,
    preset: str | Preset = "balanced",
    seed: int = 0,
    device: str = "auto",
    progress: Watch = False,
) -> Restoration:
    """Remove the noise from one image, by fitting a generator to it and stopping early.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array
        Of any real dtype, in any unit: restoring `a * image + b`, a > 0, gives `a * result + b`; with Poisson noise the offset
        has to change along. NaN marks missing values, which are filled; masked values of a masked array are missing, too.
    sigma : float, optional
        Standard deviation of the noise in the image's units; estimated from the image if not given.
    noise : str, NoiseKind or KnownNoise
        Its kind, or all that is known of it, such as a detector's gain; "auto" chooses the model from the image.
    channel_axis : int, optional
        Which axis of a three-dimensional array has the channels: the last if not given, unless the first looks more like it.
    preset : str or Preset
        "fast", "balanced", "best", "paper", or a `Preset` of your own (`dataclasses.replace` changes single choices).
    seed : int
        The same seed on the same CPU and number of threads gives the same bytes.
    device : str
        "auto", "cpu", "cuda" or "mps".
    progress : bool, callable or Hooks
        True draws a bar; a callable sees each `Progress`; `Hooks` may end the restoration and see each evaluation, too.

    Raises
    ------
    ImageError
        If the array is not a real image, or has infinite values, or no finite ones, or may have its channels first.
    OptionError
        If a parameter is out of its range.
    MemoryLimitError
        If the image is too large for the device.
    """
    if isinstance(noise, KnownNoise) and sigma is not None:
        raise OptionError(f"sigma {sigma} beside a KnownNoise; expected it in there")
    known = noise if isinstance(noise, KnownNoise) else KnownNoise(noise, sigma)
    with watching(progress) as hooks:
        return run_denoising(DenoisingRequest(image, preset_of(preset), known, channel_axis, seed, device), hooks)


def run_denoising(request: DenoisingRequest, hooks: Hooks) -> Restoration:
    """Restore an image as `denoise` does."""
    start = time.perf_counter()
    if request.seed < 0:
        raise OptionError(f"seed {request.seed}; expected 0 or above")
    device = choose_device(request.device)
    layout = _Layout(np.ndim(request.image), find_channel_axis(np.shape(request.image), request.channel_axis))
    values = check_image(request.image, layout.channel_axis)
    height, width = values.shape[:2]
    if is_constant(values):
        model = NoiseModel(
            NoiseKind.GAUSSIAN, request.known.sigma or 0.0, np.zeros(values.shape, bool), reasons=("the image is constant",)
        )
        image = layout.of(np.broadcast_to(np.nanmin(values, axis=(0, 1)), values.shape)).copy()
        seconds = time.perf_counter() - start
        return Restoration(image, model, request.known.sigma is None, 0, (), (), False, device.type, seconds)
    with memory_error(f"not enough memory on {device.type} for an image of {width}x{height} pixels; expected a smaller one"):
        preset = request.preset
        scale = Scale.of(values, whole_range=any(spec.sigmoid for spec in preset.generators))
        # Everything is computed from the normalised values: even a rounding that hangs on the unit could tip a decision.
        known = request.known.in_unit(scale.offset, scale.factor)
        context = Context.of(device, request.seed, hooks, height * width)
        state = run_stages(_stages(layout), Denoising(preset, scale.normalise(values), scale, known), context)
        shown = partial(layout.shown, made(state.prepared), scale)
        mixture, fits = made(state.mixture), made(state.fits)
        return Restoration(
            image=shown(mixture.image[None]),
            noise=_in_units(made(state.model), scale),
            sigma_estimated=not request.known.tells_level,
            depth=fits.depth,
            fits=tuple(summary_of(member, state.error_unit) for member in fits.members),
            parts=tuple(RestoredPart(part.name, partial(shown, part.image[None]), part.weight) for part in mixture.parts),
            interrupted=context.interrupted or hooks.cancelled(),
            device=device.type,
            seconds=time.perf_counter() - start,
            warnings=state.warnings,
        )


@dataclass(frozen=True)
class _Layout:
    """How many axes the user's array has, and which of them the channels are."""

    ndim: int
    channel_axis: int

    def of(self, values: Array) -> Array:
        """Return (H, W, C) values in the layout of the user's array."""
        return in_layout(values, self.ndim, self.channel_axis)

    def shown(self, prepared: Prepared, scale: Scale, fitted: Tensor) -> Array:
        """Return what was fitted, [1, C, H, W], as the user's array is."""
        return scale.to_array(prepared.restored(fitted), self.ndim, self.channel_axis)


def _stages(layout: _Layout) -> list[Stage[Denoising]]:
    return [
        Stage("noise", measure_noise, lambda state: _NOISE),
        Stage("fits", partial(fit_generators, layout), lambda state: state.preset.most_iterations, fallback=do_without_fits),
        *patch_stages(),
    ]


def measure_noise(state: Denoising, context: Context) -> Denoising:
    """Choose the model of the noise, and bring the image to noise of one level."""
    known = state.known
    if known.law is not None:
        model = known.law.model_of(state.normalised)
    elif known.transform is None:
        zero = -state.scale.offset / state.scale.factor
        kind = NoiseKind(known.kind)
        model = choose(state.normalised, kind, sigma=known.sigma, gain=known.gain, offset=known.offset, zero=zero)
    else:
        level, none = estimate_sigma(state.normalised), np.zeros(state.normalised.shape, bool)
        model = NoiseModel(NoiseKind.GAUSSIAN, level, none, reasons=("its law was given",), transform=known.transform)
    warnings = state.warnings
    if known.kind in (NoiseKind.POISSON, NoiseKind.POISSON_GAUSSIAN) and not model.gain:
        doubt = f"no {known.kind} noise: its variance does not grow with brightness"
        warnings = (*warnings, f"{doubt}; {model.kind} noise was assumed (--gain says it)")
    if known.kind == NoiseKind.CORRELATED and not model.correlation_length:
        warnings = (*warnings, f"no correlated noise: neighbours share none of it; {model.kind} noise was assumed")
    prepared = prepare(state.normalised, model)
    unit = state.scale.factor if prepared.stabiliser is None else prepared.scale.factor
    return replace(state, model=model, prepared=prepared, error_unit=unit, warnings=warnings)


def fit_generators(layout: _Layout, state: Denoising, context: Context) -> Denoising:
    """Fit the generators to the image and average them."""
    prepared = made(state.prepared)
    y, valid = (tensor[0].to(context.device) for tensor in (prepared.y, prepared.valid))
    measurement = Measurement(Identity(tuple(y.shape)), y, valid, prepared.noise.level)
    split = partial(hold_out, block=min(made(state.model).correlation_length + 1, _LARGEST_BLOCK))
    shown = partial(layout.shown, prepared, state.scale)
    fits = context.fit(measurement, state.preset, split, state.error_unit, shown)
    return _with_measured_level(_with_fits(state, fits, failed=False))


def _with_measured_level(state: Denoising) -> Denoising:
    """Take the level of correlated noise from what the fits missed of the pixels that they were not shown.

    Flat parts of an image tell how its noise is correlated, but the level of the darkest or the smoothest alone.
    """
    model = made(state.model)
    if not model.correlation_length or state.known.tells_level:
        return state
    values, levels = made(state.prepared).measured, []
    for member in made(state.fits).members:
        if member.weight:
            fitted = values_of(member.result.image[0])
            level = held_out_level(values - fitted, fitted, member.held_out.permute(1, 2, 0).numpy())
            levels += [level] if level else []
    if not levels:
        return state
    reason = "its level is that of what a generator missed of the pixels it was not shown"
    model = replace(model, sigma=float(np.mean(levels)), reasons=(*model.reasons, reason))
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
        transform=None,
    )
