"""Which measurements there are, and which of them are held out together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cgdenoise.errors import OperatorError

_CENTRE = 0.08
"""Share of an axis of the Fourier plane that is never held out: it carries most of the image, and the coils' maps. It is what
fastMRI's masks of four-fold acceleration sample throughout (arXiv 1811.08839)."""

_FEWEST = 4
"""Units to hold out at least, if they are not more than an eighth (by hand) of all. With two of 64 lines the worse depth was
chosen on two images of three, with four the better one (256², a quarter of the lines)."""


def hold_out(valid: Tensor, fraction: float, rng: torch.Generator, block: int = 1) -> tuple[Tensor, Tensor]:
    """Split the pixels into those that are fitted and those that judge.

    Parameters
    ----------
    valid : Tensor
        [1, C, H, W], 1 where a value was measured and 0 where it is missing.
    fraction : float
        Share of the pixels to hold out, 0 to 1. A pixel is held out whole, in all its channels: they may share noise. At
        least one is if `fraction` is above 0.
    rng : torch.Generator
        On the CPU.
    block : int
        Side of the squares of pixels that are held out together: more than 1 where neighbours share their noise, as a fit that
        sees one pixel would know the noise of the next.

    Returns
    -------
    training, held_out : Tensor
        Weights of `valid`'s shape; they add up to `valid`.
    """
    height, width = valid.shape[2:]
    rows, columns = (torch.arange(side) // min(block, side) for side in (height, width))
    cells = (rows[:, None] * (int(columns[-1]) + 1) + columns).flatten()
    measured = torch.unique(cells[valid.amax(dim=1).flatten() > 0])
    count = min(max(1, round(fraction * len(measured))), len(measured) - 1) if fraction > 0 else 0
    chosen = measured[torch.randperm(len(measured), generator=rng)[:count]]
    held = torch.zeros(int(cells[-1]) + 1).index_fill(0, chosen, 1.0)
    mask = held[cells].view(1, 1, height, width)
    return valid * (1 - mask), valid * mask


@dataclass(frozen=True)
class Sampling:
    """What was measured, and the units in which it is held out: measurements of one unit predict one another.

    Attributes
    ----------
    valid : Tensor
        1 where there is a measurement and 0 elsewhere, float32, of the measurements' shape.
    units : Tensor
        Number of the unit that a measurement belongs to, int64, of the same shape. -1 is never held out.
    """

    valid: Tensor
    units: Tensor

    @staticmethod
    def entries(shape: tuple[int, ...]) -> Sampling:
        """Return the sampling where every number is a unit: random measurements of the whole image."""
        valid = torch.ones(shape)
        return Sampling(valid, torch.arange(valid.numel()).view(shape))

    @staticmethod
    def pixels(mask: Tensor) -> Sampling:
        """Return the sampling of an image, [C, H, W] 0 or 1, or of a volume: a unit is a pixel with all its channels."""
        units = torch.arange(mask[0].numel()).view(mask.shape[1:])
        return Sampling(mask.float(), units.expand(mask.shape).contiguous())

    @staticmethod
    def lines(mask: Tensor, shape: tuple[int, ...]) -> Sampling:
        """Return the sampling of the centred Fourier plane, where a unit is a line with all coils.

        Neighbouring samples of a line predict each other, those of different lines hardly: held-out samples on fitted lines would
        flatter the fit. Lines are the columns or the rows if the mask consists of whole ones, single points otherwise. Those
        within 4 % of the centre are not held out.

        Parameters
        ----------
        mask : Tensor
            [H, W], 0 or 1.
        shape : tuple of int
            Of the measurements, (..., H, W).

        Raises
        ------
        OperatorError
            If the mask does not have the shape of the plane.
        """
        if tuple(mask.shape) != tuple(shape[-2:]):
            raise OperatorError(f"a mask of shape {list(mask.shape)} for measurements of {list(shape)}")
        sampled = mask > 0
        height, width = sampled.shape
        rows, columns = torch.arange(height), torch.arange(width)
        near = [(axis - len(axis) // 2).abs() <= _CENTRE / 2 * len(axis) for axis in (rows, columns)]
        if torch.equal(sampled, sampled.all(0).expand_as(sampled)):
            units = torch.where(near[1], -1, columns).expand(height, width)
        elif torch.equal(sampled, sampled.all(1)[:, None].expand_as(sampled)):
            units = torch.where(near[0], -1, rows)[:, None].expand(height, width)
        else:
            units = torch.where(near[0][:, None] & near[1], -1, torch.arange(height * width).view(height, width))
        return Sampling(sampled.float().expand(shape).contiguous(), units.expand(shape).contiguous())

    @property
    def is_fair(self) -> bool:
        """Whether every measurement can be held out: those that are then speak for all."""
        return bool((self.units[self.valid > 0] >= 0).all())

    def split(self, valid: Tensor, fraction: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Split the measurements into those that are fitted and those that judge, as `hold_out` does with pixels.

        Parameters
        ----------
        valid : Tensor
            [1, ...]: 1 where there is a measurement.
        fraction : float
            Share of the units to hold out, 0 to 1; at least four if it is above 0 and there are enough, never all measurements.
        rng : torch.Generator
            On the CPU.

        Returns
        -------
        training, held_out : Tensor
            Weights of the shape of `valid`; they add up to it.
        """
        measured = torch.unique(self.units[(valid[0] > 0) & (self.units >= 0)])
        others = bool(((valid[0] > 0) & (self.units < 0)).any())
        most = len(measured) - (0 if others else 1)
        least = max(1, min(_FEWEST, len(measured) // 8))
        count = min(max(least, round(fraction * len(measured))), most) if fraction > 0 else 0
        chosen = measured[torch.randperm(len(measured), generator=rng)[: max(count, 0)]]
        mask = torch.isin(self.units, chosen).to(valid.dtype)[None]
        return valid * (1 - mask), valid * mask
