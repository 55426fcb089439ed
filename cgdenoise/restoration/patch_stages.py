"""The stages after the fits: missing pixels are filled, noise is removed by groups of similar patches, the result is checked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from cgdenoise.noise import NoiseKind, NoiseModel, choose
from cgdenoise.noise.choose import MOSTLY_CLIPPED, TEXTURE
from cgdenoise.noise.clipping import clipped_share
from cgdenoise.noise.quiet import quietest_level
from cgdenoise.noise.residual import objection_to
from cgdenoise.patches.coarse import STRONGER
from cgdenoise.patches.inpainting import fill_missing, pixels_filled
from cgdenoise.patches.white import SHARE, SHARE_OF_COUNTS
from cgdenoise.progress import FILTER
from cgdenoise.restoration.denoising import Denoising
from cgdenoise.restoration.mixture import BOTH, GENERATOR, GUIDE, Mixture, Part, filter_patches, filters
from cgdenoise.restoration.pipeline import Context, Stage, made, run_stages
from cgdenoise.restoration.preprocess import prepare, values_of
from cgdenoise.restoration.units import Array

INPUT = "input"
"""Name of the part that is the image as it was, its gaps filled."""

OUT_OF_MEMORY = "not enough memory for the groups of similar patches; the result is without them, or a part of them"
"""Warning where only the generators' result, or a part of the groups', is available."""

_WEAKER = 0.7
"""Part of the level of white noise from which a weaker level is no other model: it has half of the power. By hand; not
measured."""

_FEW_MISSING = 0.01
"""Share of missing values up to which they stay as the generators fill them. By hand; not measured."""

_QUIETEST = 0.05
"""Quantile of the windows whose level a weaker noise may have: the smaller of the two that `quietest_level` takes. By hand; not
measured."""


def patch_stages() -> list[Stage[Denoising]]:
    """Return the stages, in their order."""
    return [
        Stage(
            "missing pixels", fill_pixels, _work_of_filling, lambda state: _needs_patches(state) and _misses_many(state), give_up
        ),
        Stage("similar patches", remove_noise, _work_of_filtering, _needs_patches, give_up),
        Stage("last check", check_residual, applies=_needs_patches),
    ]


def give_up(state: Denoising, error: Exception) -> Denoising:
    """Keep the result so far if memory is lacking for more; without fits there is none."""
    if state.failed:
        raise error
    return replace(state, warnings=(*state.warnings, OUT_OF_MEMORY), out_of_memory=True)


def fill_pixels(state: Denoising, context: Context) -> Denoising:
    """Fill the missing pixels by groups of patches, guided by the generators' image."""
    prepared, generated = made(state.prepared), made(state.generated)
    y, valid = (tensor[0].to(context.device) for tensor in (prepared.y, prepared.valid))
    return replace(state, filled=fill_missing(y, valid, generated.image, prepared.noise.level, context.meter.tick))


def remove_noise(state: Denoising, context: Context) -> Denoising:
    """Remove the noise by groups of similar patches; without noise, measured values stay as they are."""
    prepared, generated = made(state.prepared), made(state.generated)
    y, valid = (tensor[0].to(context.device) for tensor in (prepared.y, prepared.valid))
    filled = torch.where(valid > 0, y, generated.image if state.filled is None else state.filled)
    noise = prepared.noise
    guides = None if state.failed or noise.is_correlated else generated.image
    if noise.level:
        image = filter_patches(
            filled,
            noise,
            guides,
            state.preset.estimates,
            context.meter.tick,
            shared=made(state.model).shared,
            exact=state.known.tells_level or made(state.model).has_own,
            share=SHARE if prepared.stabiliser is None else SHARE_OF_COUNTS,
        )
        name = GUIDE if guides is None else BOTH
    else:
        image, name = filled, BOTH if _share_missing(valid) else INPUT
    fitted = () if state.failed else (Part(GENERATOR, generated.image, 0.0),)
    return replace(state, filled=filled, mixture=Mixture((Part(name, image, 1.0), *fitted)))


def check_residual(state: Denoising, context: Context) -> Denoising:
    """Check whether what was taken out looks like the noise that was assumed.

    If not, white noise of the level of the image's quietest parts is assumed, and if that is no better the image is returned
    unchanged; no fit is repeated. If the noise is the user's statement there is a warning, and the result stays.
    """
    model, prepared, generated = made(state.model), made(state.prepared), made(state.generated)
    objection = _objection(state)
    if objection is None:
        return state
    doubt = f"what was taken out does not look like {model.kind} noise: {objection}"
    if state.known.is_told:
        return replace(state, warnings=(*state.warnings, doubt))
    in_image = prepared.restored(generated.image[None]).float()[0].to(context.device)
    weaker = _weaker(state.normalised, model)
    if weaker is not None:
        again = replace(
            state,
            model=weaker,
            prepared=prepare(state.normalised, weaker),
            generated=replace(generated, image=in_image),
            filled=None,
            mixture=Mixture((Part(GENERATOR, in_image, 1.0),)),
            warnings=(*state.warnings, f"{doubt}; weaker, white noise was assumed instead"),
        )
        again = run_stages(patch_stages()[:-1], again, context)
        if context.interrupted or _objection(again) is None:
            return again
    none = NoiseModel(NoiseKind.GAUSSIAN, 0.0, np.zeros_like(model.impulses), reasons=model.reasons)
    unchanged = prepare(state.normalised, none)
    image = torch.where(unchanged.valid[0] > 0, unchanged.y[0], in_image.to(unchanged.y))
    warnings = (*state.warnings, f"{doubt}; the image was left as it is")
    return replace(state, model=none, prepared=unchanged, mixture=Mixture((Part(INPUT, image, 1.0),)), warnings=warnings)


def _weaker(normalised: Array, model: NoiseModel) -> NoiseModel | None:
    """Return white noise of a level that the quietest parts of the image allow; None if that is 0 or what was assumed."""
    white = choose(normalised, NoiseKind.GAUSSIAN)
    level = min(white.sigma, quietest_level(normalised, _QUIETEST))
    if not level or (model.kind is NoiseKind.GAUSSIAN and level >= _WEAKER * model.sigma):
        return None
    reason = "what would have been taken out as other noise had structure"
    return replace(white, sigma=level, covariance=None, colour=None, stored=None, reasons=(*model.reasons, reason))


def _objection(state: Denoising) -> str | None:
    prepared, model = made(state.prepared), made(state.model)
    noise = prepared.noise
    # An image that was stored so keeps to its rounded coefficients; the channels' own noise was seen in what they differ by.
    if not noise.level or noise.stored is not None or (model.has_own and noise.level >= TEXTURE):
        return None
    level = noise.level * (STRONGER if noise.is_correlated else 1.0)
    measured = prepared.measured
    residual = (measured - values_of(made(state.mixture).image)) / level
    may_be_texture = noise.level < TEXTURE and clipped_share(measured) < MOSTLY_CLIPPED
    return objection_to(residual, measured, noise.correlation_area, model.impulses, may_be_texture, model.evident)


def _needs_patches(state: Denoising) -> bool:
    return (state.preset.guided or state.failed) and not state.out_of_memory


def _has_noise(state: Denoising) -> bool:
    return state.prepared is None or state.prepared.noise.level > 0


def _misses_many(state: Denoising) -> bool:
    valid = np.isfinite(state.normalised) if state.prepared is None else state.prepared.valid
    return _share_missing(torch.as_tensor(valid)) > _FEW_MISSING


def _share_missing(valid: Tensor) -> float:
    return float((valid == 0).float().mean())


def _work_of_filling(state: Denoising) -> float:
    height, width, channels = state.normalised.shape
    return float(FILTER * pixels_filled((channels, height, width)) / (height * width))


def _work_of_filtering(state: Denoising) -> float:
    if not _has_noise(state):
        return 0.0
    noise = None if state.prepared is None else state.prepared.noise
    return FILTER * filters(noise, state.preset.estimates)
