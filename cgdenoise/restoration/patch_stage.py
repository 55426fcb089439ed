"""What follows the fits: gaps are filled and noise is removed by groups of similar patches, and the last check is made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.fitting.plan import Preset
from cgdenoise.noise import NoiseKind, NoiseModel, choose
from cgdenoise.noise.choose import MOSTLY_CLIPPED, TEXTURE
from cgdenoise.noise.clipping import clipped_share
from cgdenoise.noise.quiet import quietest_level
from cgdenoise.noise.residual import objection_to
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.inpainting import fill_missing, pixels_filled
from cgdenoise.patches.ridge import nl_ridge
from cgdenoise.progress import Cancelled, Meter
from cgdenoise.restoration.mixture import BOTH, COARSE, GENERATOR, GUIDE, Guided, Part, guided, pixels_filtered
from cgdenoise.restoration.preprocess import Prepared, prepare

Array = NDArray[Any]

INPUT = "input"
"""Name of the part that is the image as it was, its gaps filled."""

_WEAKER = 0.7
"""Part of a white noise's level from which a weaker one would be no other model: its power is half of it."""

_GAPS, _GROUPS = "missing pixels", "similar patches"
"""Names of the stages that follow the fits."""

_FEW_GAPS = 0.01
"""Share of missing values up to which they stay as the generators fill them."""


@dataclass(frozen=True)
class Generated:
    """The generators' image, [C, H, W] in the units of what was fitted.

    `leverage` is the share that a pixel's own value has in it, None if every fit collapsed: it then only fills gaps.
    """

    image: Tensor
    leverage: float | None


@dataclass(frozen=True)
class LastStage:
    """A restoration's end: the mixture, in the units of `prepared`; the noise that was assumed; what the user should know."""

    mixture: Guided
    prepared: Prepared
    model: NoiseModel
    warnings: tuple[str, ...] = ()


def stages_after_fits(preset: Preset, prepared: Prepared) -> dict[str, int]:
    """Return what follows the fits, with the pixels that are filtered in each."""
    shape = tuple(prepared.y.shape[1:])
    stages = {
        _GAPS: pixels_filled(shape) if _share_of_gaps(prepared.valid) > _FEW_GAPS else 0,
        _GROUPS: pixels_filtered((shape[1], shape[2]), prepared.noise) if prepared.noise.level else 0,
    }
    return stages if preset.guided else {}


def after_fits(
    normalised: Array,
    model: NoiseModel,
    prepared: Prepared,
    generated: Generated,
    trusted: bool,
    place: torch.device,
    rng: torch.Generator,
    meter: Meter,
) -> LastStage:
    """Restore an image by its groups of similar patches, and see whether what was taken out is the noise that was assumed.

    If it is not, white noise of the level of the image's quietest parts is assumed, and if that is no better the image is given
    back as it is. No fit is repeated.

    Parameters
    ----------
    normalised : (H, W, C) array
        The image, of a range of about 1; NaN where missing.
    model : NoiseModel
        Of its noise.
    prepared : Prepared
        The image as it was fitted.
    generated : Generated
        By the fits.
    trusted : bool
        Whether the user told the noise: then an objection is no more than a warning.
    place : torch.device
        Where to compute.
    rng : torch.Generator
        For the shares of the parts.
    meter : Meter
        Of the progress.
    """
    mixture = _mixture(prepared, generated, place, rng, meter)
    objection = None if mixture.interrupted else _objection(prepared, mixture, model)
    if objection is None:
        return LastStage(mixture, prepared, model)
    doubt = f"what was taken out does not look like {model.kind} noise: {objection}"
    if trusted:
        return LastStage(mixture, prepared, model, (doubt,))
    in_image = prepared.restored(generated.image[None]).float()[0].to(place)
    weaker = _weaker(normalised, model)
    if weaker is not None:
        again = prepare(normalised, weaker)
        mixture = _mixture(again, replace(generated, image=in_image), place, rng, meter)
        if mixture.interrupted or _objection(again, mixture, weaker) is None:
            return LastStage(mixture, again, weaker, (f"{doubt}; weaker, white noise was assumed instead",))
    none = NoiseModel(NoiseKind.GAUSSIAN, 0.0, np.zeros_like(model.impulses), reasons=model.reasons)
    kept = prepare(normalised, none)
    image = torch.where(kept.valid[0] > 0, kept.y[0], in_image.to(kept.y))
    return LastStage(Guided((Part(INPUT, image, 1.0),)), kept, none, (f"{doubt}; the image was left as it is",))


def _weaker(normalised: Array, model: NoiseModel) -> NoiseModel | None:
    """Return white noise of a level that the quietest parts of the image allow; None if that is what was assumed, or none."""
    white = choose(normalised, NoiseKind.GAUSSIAN)
    level = min(white.sigma, quietest_level(normalised, 0.05))
    if not level or (model.kind is NoiseKind.GAUSSIAN and level >= _WEAKER * model.sigma):
        return None
    reason = "what would have been taken out as other noise had structure"
    return replace(white, sigma=level, covariance=None, reasons=(*model.reasons, reason))


def _objection(prepared: Prepared, mixture: Guided, model: NoiseModel) -> str | None:
    noise = prepared.noise
    if not noise.level:
        return None
    level = noise.level * (COARSE if noise.correlation_area > 1 else 1.0)
    y, valid = (tensor[0].permute(1, 2, 0).double().numpy() for tensor in (prepared.y, prepared.valid))
    restored = mixture.image.cpu().permute(1, 2, 0).double().numpy()
    residual = np.where(valid > 0, y - restored, np.nan) / level
    may_be_texture = noise.level < TEXTURE and clipped_share(np.where(valid > 0, y, np.nan)) < MOSTLY_CLIPPED
    return objection_to(residual, y, noise.correlation_area, model.impulses, may_be_texture)


def _mixture(prepared: Prepared, generated: Generated, place: torch.device, rng: torch.Generator, meter: Meter) -> Guided:
    """Fill the gaps and remove what noise there is, by groups of similar patches that the generators guide."""
    y, valid = prepared.y[0].to(place), prepared.valid[0].to(place)
    image, noise = generated.image, prepared.noise
    gaps = _share_of_gaps(valid)
    try:
        filled = fill_missing(y, valid, image, noise.level, meter.tick(_GAPS)) if gaps > _FEW_GAPS else image
        filled = torch.where(valid > 0, y, filled)
        if generated.leverage is None:
            return Guided((Part(GUIDE, _alone(filled, noise, meter), 1.0),))
        if noise.level:
            return guided(filled, image, generated.leverage, noise, rng, meter.tick(_GROUPS))
    except Cancelled:
        return Guided((Part(GENERATOR, image, 1.0),), interrupted=True)
    # Without noise what was measured stays.
    return Guided((Part(BOTH if gaps else INPUT, filled, 1.0), Part(GENERATOR, image, 0.0)))


def _alone(filled: Tensor, noise: ChannelNoise, meter: Meter) -> Tensor:
    return nl_ridge(filled, noise, meter.tick(_GROUPS)) if noise.level else filled


def _share_of_gaps(valid: Tensor) -> float:
    return float((valid == 0).float().mean())
