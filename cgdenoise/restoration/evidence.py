"""Whether a reconstruction explains its measurements, or the operator is not the one that made them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cgdenoise.fitting.members import Member, had_fair_chance
from cgdenoise.operators import Measurement
from cgdenoise.operators.least_squares import constant_image

_SURE = 1.5
"""Errors up to this many noise levels may be noise. By hand: estimated levels are within 5 % on nearly all photographs, and at
most a factor of 1.46 off on drawings ("Noise estimation" in benchmarks/NOTES.md, |log| 0.38)."""

_NOTHING = 0.95
"""Share of a constant image's error above which nothing is explained. Measured: operators of another seed leave 0.98 to 1.17 of
the held-out measurements, sensitivities of other coils 0.97 of all (benchmarks/NOTES.md)."""

_FEWEST = 30
"""Held-out values below which chance decides. By hand: with 6 to 19 of them right operators left 0.16 to 1.2 of a constant
image's error (benchmarks/NOTES.md)."""

PREDICTED = 0.8
"""Share of a constant image's error that right operators leave of the held-out measurements: at most 0.73 with 90 % of the pixels
missing and 0.63 with a tenth as many random measurements as pixels (benchmarks/NOTES.md)."""

SMOOTH = 0.14
"""The same for blurred pictures, whose pixels predict their neighbours, and for all measurements if they are compared with the
result itself. Right PSFs leave 0.12 at most, sharp pictures that are taken for blurred ones 0.15 to 0.53
(benchmarks/NOTES.md)."""


@dataclass(frozen=True)
class Misfit:
    """Root mean square of y - A x over some of the measurements, in the unit of `y`.

    Attributes
    ----------
    rms : float
        For the image in question.
    constant_rms : float
        For the constant image that explains all the measurements best: what there is to explain.
    count : int
        Of the measurements.
    """

    rms: float
    constant_rms: float
    count: int

    def share(self, sigma: float) -> float:
        """Return the quotient of the two, both without the noise's part; 0 where noise may be all there is."""
        if self.rms <= _SURE * sigma:
            return 0.0
        structure = self.constant_rms**2 - sigma**2
        return math.sqrt((self.rms**2 - sigma**2) / structure) if structure > 0 else math.inf


@dataclass(frozen=True)
class Evidence:
    """What the measurements say of a reconstruction.

    Attributes
    ----------
    held_out : Misfit
        Of the generators, on what they were judged by.
    result : Misfit
        Of the result, on everything that was measured.
    sigma : float
        Noise level, in the unit of `y`.
    sampled_fairly : bool
        Whether any measurement could have been held out. The centre of a Fourier plane cannot, and its other lines tell nothing:
        right operators may leave as much of them as a constant image does.
    """

    held_out: Misfit
    result: Misfit
    sigma: float
    sampled_fairly: bool

    @property
    def explains_nothing(self) -> bool:
        """Whether a constant image explains as much, or noise everything."""
        return self.result.constant_rms * _SURE < self.sigma or self._telling.share(self.sigma) > _NOTHING

    def doubt(self, bound: float) -> str | None:
        """Return what speaks against the operator or the noise level, or None.

        Parameters
        ----------
        bound : float
            Share of a constant image's error that the held-out measurements may leave.
        """
        known = f"noise {self.sigma:.4g}" if self.sigma else "no noise"
        if self._telling is self.held_out and self.held_out.share(self.sigma) > bound:
            return f"held-out error {_compared(self.held_out)}, with {known}"
        if self.result.share(self.sigma) > SMOOTH:
            return f"error of the result {_compared(self.result)}, with {known}"
        return None

    def summary(self) -> str:
        """Return the figures by which `explains_nothing` judges."""
        if self.result.constant_rms * _SURE < self.sigma:
            return f"noise {self.sigma:.4g} is more than a constant image leaves ({self.result.constant_rms:.4g})"
        kind = "held-out error" if self._telling is self.held_out else "error of the result"
        return f"{kind} {_compared(self._telling)}"

    @property
    def _telling(self) -> Misfit:
        return self.held_out if self.sampled_fairly and self.held_out.count >= _FEWEST else self.result


def gather_evidence(
    measurement: Measurement, image: Tensor, members: Sequence[Member], unit: float, sampled_fairly: bool
) -> Evidence | None:
    """Compare a reconstruction, and the fits it came from, with the best constant image.

    Parameters
    ----------
    measurement : Measurement
        What the generators were fitted to.
    image : Tensor
        The result, [C, H, W].
    members : sequence of Member
        All fits; those with a weight count.
    unit : float
        By which errors are multiplied.
    sampled_fairly : bool
        As `Evidence` has it.

    Returns
    -------
    Evidence or None
        None if every fit was cut short.
    """
    counted = [member for member in members if member.weight and had_fair_chance(member.result)]
    if not counted:
        return None
    of_constant = measurement.residual(constant_image(measurement)).abs().square()
    valid = measurement.valid > 0

    # Each fit has its mean square over its own measurements.
    weights = [member.weight / sum(other.weight for other in counted) for member in counted]
    held_out = sum(weight * member.result.chosen.held_out for weight, member in zip(weights, counted, strict=True))
    constant = sum(weight * float(of_constant[member.held_out].mean()) for weight, member in zip(weights, counted, strict=True))
    count = int(torch.stack([member.held_out for member in counted]).any(0).sum())
    of_result = float(measurement.residual(image).abs().square()[valid].mean())
    return Evidence(
        held_out=Misfit(unit * math.sqrt(held_out), unit * math.sqrt(constant), count),
        result=Misfit(unit * math.sqrt(of_result), unit * math.sqrt(float(of_constant[valid].mean())), measurement.count),
        sigma=unit * measurement.sigma,
        sampled_fairly=sampled_fairly,
    )


def _compared(misfit: Misfit) -> str:
    return f"{misfit.rms:.4g}, that of a constant image {misfit.constant_rms:.4g}"
