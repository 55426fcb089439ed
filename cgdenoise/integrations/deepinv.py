"""Restoration as models of deepinv: a `Denoiser` of noisy tensors, and a `Reconstructor` of measurements by its physics.

Both fit a generator to every image by itself, and have no weights to train or to load. They run without gradients: what comes out
does not depend, for autograd, on what went in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from cgdenoise.errors import MeasurementError, OptionError
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.fitting.plan import Preset
from cgdenoise.noise.known import KnownNoise
from cgdenoise.operators import ForwardOperator, wrap
from cgdenoise.restoration.denoise import denoise
from cgdenoise.restoration.reconstruct import reconstruct

try:
    from deepinv import models
    from deepinv.physics import GaussianNoise, ZeroNoise
except ImportError as error:
    raise ImportError(f"{error}; deepinv comes with pip install 'cgdenoise[deepinv]'") from error

__all__ = ["Denoiser", "Reconstructor"]


class Denoiser(models.Denoiser):
    """`cgdenoise.denoise` as a denoiser of deepinv.

    Parameters
    ----------
    preset : str or Preset
        As of `cgdenoise.denoise`.
    noise : str or KnownNoise
        Its kind, or all that is known of it, where it is not white and Gaussian; `forward` is then called without `sigma`.
    seed : int
        Of the first image of a batch; the following have the following ones.
    device : str
        Where the fits run, wherever the tensors are.
    """

    def __init__(
        self, preset: str | Preset = "balanced", noise: str | KnownNoise = "auto", seed: int = 0, device: str = "auto"
    ) -> None:
        super().__init__()
        self.preset, self.noise, self.seed, self.fit_device = preset, noise, seed, device

    @torch.inference_mode(False)
    @torch.enable_grad()  # which a fit needs, whatever surrounds the call
    def forward(self, x: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """Return the images without their noise.

        Parameters
        ----------
        x : Tensor
            [B, C, H, W], real, in any unit. NaN marks missing values.
        sigma : float or Tensor, optional
            Standard deviation of white Gaussian noise, one or [B]; estimated of each image if not given.

        Returns
        -------
        Tensor
            Of the shape, the dtype and on the device of `x`.

        Raises
        ------
        ImageError, OptionError
            As `cgdenoise.denoise`.
        """
        if x.ndim != 4:
            raise OptionError(f"x of shape {list(x.shape)}; expected [B, C, H, W]")
        restored = [
            denoise(
                image.numpy(force=True),
                level,
                noise=self.noise,
                channel_axis=0,
                preset=self.preset,
                seed=self.seed + index,
                device=self.fit_device,
            ).image
            for index, (image, level) in enumerate(zip(x, _levels(sigma, len(x)), strict=True))
        ]
        return torch.from_numpy(np.stack(restored)).to(x.device, x.dtype)


class Reconstructor(models.Reconstructor):
    """`cgdenoise.reconstruct` as a reconstructor of deepinv, for any linear physics.

    Parameters
    ----------
    preset : str or Preset
        As of `cgdenoise.reconstruct`.
    sigma : float, optional
        Standard deviation of the noise of the measurements. If not given it is that of the physics' noise model, which then has
        to be Gaussian, or none.
    seed, device
        As of `Denoiser`.
    """

    def __init__(
        self, preset: str | Preset = "balanced", sigma: float | None = None, seed: int = 0, device: str = "auto"
    ) -> None:
        super().__init__()
        self.preset, self.sigma, self.seed, self.fit_device = preset, sigma, seed, device

    @torch.inference_mode(False)
    @torch.enable_grad()  # which a fit needs, whatever surrounds the call
    def forward(self, y: Tensor, physics: Any) -> Tensor:
        """Return the images that the physics measured.

        Parameters
        ----------
        y : Tensor
            [B, ...], measurements.
        physics : deepinv.physics.LinearPhysics
            With `A` and `A_adjoint`, the same for all of the batch.

        Returns
        -------
        Tensor
            [B, C, H, W], of the precision and on the device of `y`.

        Raises
        ------
        MeasurementError
            If `y` is no tensor, or the noise of the physics is not Gaussian and its level was not told.
        OperatorError
            If the physics is not linear in images, or not the same for all of the batch.
        """
        if not isinstance(y, Tensor):
            raise MeasurementError(
                f"measurements are a {type(y).__name__}; expected a tensor (stacked physics: one after the other)"
            )
        in_shape = tuple(physics.A_adjoint(y[:1]).shape[1:])
        operator = wrap(physics, in_shape, y.device)
        sampling = sampling_of(operator)
        sigma = _level_of(physics) if self.sigma is None else self.sigma
        images = [
            reconstruct(
                operator,
                measured.numpy(force=True),
                sampling=sampling,
                sigma=sigma,
                preset=self.preset,
                seed=self.seed + index,
                device=self.fit_device,
            ).image
            for index, measured in enumerate(y)
        ]
        found = torch.from_numpy(np.stack(images))
        return found.to(y.device, y.dtype if found.is_complex() == y.is_complex() else y.real.dtype)


def _levels(sigma: float | Tensor | None, count: int) -> list[float | None]:
    """Return the level of each image of a batch."""
    if sigma is None:
        return [None] * count
    levels = torch.as_tensor(sigma, dtype=torch.float64).flatten()
    if levels.numel() not in (1, count):
        raise OptionError(f"sigma of {levels.numel()} values for {count} images; expected one, or as many")
    return [float(level) for level in levels.expand(count)]


def _level_of(physics: Any) -> float:
    noise = getattr(physics, "noise_model", None)
    if noise is None or isinstance(noise, ZeroNoise):
        return 0.0
    if not isinstance(noise, GaussianNoise):
        raise MeasurementError(f"noise of {type(noise).__name__}; expected GaussianNoise, or Reconstructor(sigma=...)")
    levels = torch.unique(noise.sigma)
    if levels.numel() != 1:
        raise MeasurementError(f"noise of {levels.numel()} levels in a batch; expected one, or Reconstructor(sigma=...)")
    return float(levels)


def sampling_of(operator: ForwardOperator) -> Sampling:
    """Return what is measured at all, and what is held out together: lines of a Fourier plane, pixels, or single numbers.

    A mask of deepinv's leaves zeros where nothing was measured, whatever the image.
    """
    image = torch.randn(operator.in_shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    valid = operator(image) != 0
    if valid.ndim < 3 or not torch.equal(valid, valid[:1].expand_as(valid)):
        return Sampling(valid.float(), torch.arange(valid.numel()).view(valid.shape))
    plane = valid.reshape(-1, *valid.shape[-2:])[0]
    lines = any(torch.equal(plane, plane.all(axis, keepdim=True).expand_as(plane)) for axis in (0, 1))
    return Sampling.lines(plane, tuple(valid.shape)) if lines and not plane.all() else Sampling.pixels(valid)
