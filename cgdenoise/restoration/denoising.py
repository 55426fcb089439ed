"""What is known of an image while it is restored: the state that passes through the stages of denoising."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cgdenoise.fitting.members import EnsembleResult
from cgdenoise.fitting.plan import Preset
from cgdenoise.fitting.warm import Start
from cgdenoise.noise import NoiseModel
from cgdenoise.noise.known import KnownNoise
from cgdenoise.noise.stripes import Stripes
from cgdenoise.restoration.mixture import Mixture
from cgdenoise.restoration.preprocess import Prepared
from cgdenoise.restoration.units import Array, Scale


@dataclass(frozen=True)
class DenoisingRequest:
    """One image and how it is to be restored.

    Attributes
    ----------
    image : (H, W) or (H, W, C) array
        As `denoise` takes it.
    preset : Preset
        How.
    known : KnownNoise
        What the user knows of the noise, in the image's units.
    channel_axis : int or None
        Of the channels.
    seed : int
        Of all random numbers.
    device : str
        "auto", "cpu", "cuda" or "mps".
    memory : int or None
        Bytes that the process may hold; None for half of the machine's memory, or less if so much is not free.
    start : Start or None
        What the fit may start from: what another frame's has left.
    """

    image: Array
    preset: Preset
    known: KnownNoise = field(default_factory=KnownNoise)
    channel_axis: int | None = None
    seed: int = 0
    device: str = "auto"
    memory: int | None = None
    start: Start | None = None


@dataclass(frozen=True)
class Generated:
    """The generators' image, [C, H, W] in the units of what was fitted; if every fit `failed` it only fills gaps."""

    image: Tensor
    failed: bool


@dataclass(frozen=True)
class Denoising:
    """An image and what the stages so far have made of it; None where they have not come to it.

    Attributes
    ----------
    preset : Preset
        How it is restored.
    normalised : (H, W, C) array
        The image, of a range of about 1; NaN where missing.
    scale : Scale
        From the user's units to those of `normalised`.
    known : KnownNoise
        What the user knows of the noise, in the units of `normalised`.
    model : NoiseModel
        Of its noise, likewise.
    prepared : Prepared
        The image as it is fitted.
    error_unit : float
        Factor that brings the fits' errors to the user's units or, where the noise was stabilised, to the noise's.
    fits : EnsembleResult
        The fits.
    generated : Generated
        What they are used for.
    filled : Tensor
        `prepared.y` with its missing pixels filled, [C, H, W].
    mixture : Mixture
        The best restoration so far, in the units of `prepared`.
    warnings : tuple of str
        What the user should know.
    stripes : Stripes
        What was taken from the image first; `normalised` is without them.
    settled : bool
        Whether the level of the noise was measured on more than this image, which is a part of it.
    out_of_memory : bool
        Whether a stage after the fits was given up: those after it lack their input.
    """

    preset: Preset
    normalised: NDArray[np.float64]
    scale: Scale
    known: KnownNoise
    model: NoiseModel | None = None
    prepared: Prepared | None = None
    error_unit: float = 1.0
    fits: EnsembleResult | None = None
    generated: Generated | None = None
    filled: Tensor | None = None
    mixture: Mixture | None = None
    warnings: tuple[str, ...] = ()
    stripes: Stripes | None = None
    settled: bool = False
    out_of_memory: bool = False

    @property
    def failed(self) -> bool:
        """Whether no fit came near the data: the groups of patches then restore the image without them."""
        return self.generated is not None and self.generated.failed
