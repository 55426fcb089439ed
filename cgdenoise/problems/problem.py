"""A linear inverse problem as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgdenoise.fitting.holdout import Sampling
from cgdenoise.fitting.plan import Preset
from cgdenoise.noise.model import NoiseModel
from cgdenoise.operators import ForwardOperator
from cgdenoise.restoration.evidence import PREDICTED
from cgdenoise.restoration.reconstructing import ReconstructionRequest
from cgdenoise.restoration.results import Restoration

Array = NDArray[Any]


@dataclass(frozen=True)
class Start:
    """What is usual without any prior, to compare with: its name, and what makes the image, of the operator's `in_shape`."""

    name: str
    image: Callable[[], Array]


@dataclass(frozen=True)
class LinearProblem:
    """Measurements y = A x + noise of an image x.

    Attributes
    ----------
    operator : ForwardOperator
        A.
    y : array
        Of the operator's `out_shape`.
    view : callable
        Takes a reconstruction, of the operator's `in_shape`, to the picture that is looked at and compared with a reference:
        real, (H, W) or (H, W, C); of a volume (D, H, W, C), of a signal (N,).
    sampling : Sampling or None
        As `reconstruct` takes it.
    sigma : float
        Noise level in the unit of `y`; 0 for exact measurements; None for one that hold-out has to tell.
    sigma_estimated : bool
        Whether it was estimated.
    consistency : int
        As `ReconstructionRequest` has it.
    predicted : float
        Largest share of a constant image's error that a right operator leaves of the held-out measurements.
    certain : bool
        Whether the operator is beyond doubt, as a mask is: if nothing is explained, the image lacks structure.
    missing : float or None
        Share of the image's values that are to be filled in; None where that is not the problem.
    warnings : tuple of str
        What looks wrong before anything is computed.
    support : bool array or None
        Of the operator's `in_shape`: where the image may be other than 0. None everywhere.
    found : mapping of str to str
        What was found of the operator while the problem was posed, for the log.
    start : Start or None
        Compared with a reference beside the reconstruction; it does nothing else.
    noise : NoiseModel or None
        Law of the measurements' noise, for the log, where it is more than a level.
    """

    operator: ForwardOperator
    y: Array
    view: Callable[[Array], Array]
    sampling: Sampling | None = None
    sigma: float | None = 0.0
    sigma_estimated: bool = False
    consistency: int = 10
    predicted: float = PREDICTED
    certain: bool = False
    missing: float | None = None
    warnings: tuple[str, ...] = ()
    found: Mapping[str, str] = field(default_factory=dict)
    start: Start | None = None
    support: Array | None = None
    noise: NoiseModel | None = None

    def within(self, image: Array) -> Array:
        """Return an image, or any reconstruction of it, with 0 where it has to be."""
        return image if self.support is None else np.where(self.support, image, 0)

    def shown(self, image: Array) -> Array:
        """Return the picture of an image within its support."""
        return self.view(self.within(image))

    def in_unit(self, unit: float) -> LinearProblem:
        """Return the same problem with measurements, and an image, of so many times the numbers."""
        noise = None if self.noise is None else self.noise.in_unit(0.0, 1 / unit)
        scaled = replace(self, y=unit * self.y, sigma=None if self.sigma is None else unit * self.sigma, noise=noise)
        if (start := self.start) is None:
            return scaled
        return replace(scaled, start=replace(start, image=lambda: unit * start.image()))

    @property
    def is_estimated(self) -> bool:
        """Whether the noise level that counts was not told."""
        return self.sigma_estimated or self.sigma is None

    def solved(self, result: Restoration) -> Restoration:
        """Return what `run_reconstruction` made of it, with 0 where it has to be, and with where its noise level came from."""
        noise = result.noise if self.noise is None else self.noise
        if self.sigma_estimated:
            noise = replace(noise, reasons=("its level was estimated from the measurements, before any fit",))
        return replace(result, image=self.within(result.image), noise=noise, sigma_estimated=self.is_estimated)

    def request(self, preset: Preset, seed: int, device: str) -> ReconstructionRequest:
        """Return what `run_reconstruction` is asked to solve it."""
        return ReconstructionRequest(
            self.operator, self.y, preset, self.sampling, self.sigma, seed, device, consistency=self.consistency
        )
