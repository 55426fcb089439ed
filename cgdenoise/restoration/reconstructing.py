"""What is known of an image while it is reconstructed: the state that passes through the stages, and the stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from cgdenoise.fitting.holdout import Sampling
from cgdenoise.fitting.members import EnsembleResult
from cgdenoise.fitting.plan import Preset
from cgdenoise.operators import ForwardOperator, Measurement
from cgdenoise.progress import FILTER
from cgdenoise.restoration.patch_stages import OUT_OF_MEMORY
from cgdenoise.restoration.pipeline import Context, Stage, made
from cgdenoise.restoration.plug_and_play import ITERATIONS, pixels_refined, plug_and_play
from cgdenoise.restoration.units import Array, Scale


@dataclass(frozen=True)
class ReconstructionRequest:
    """Measurements and how an image is to come from them.

    Attributes
    ----------
    operator, y, sampling, sigma
        As `reconstruct` takes them.
    preset : Preset
        How.
    seed : int
        Of all random numbers.
    device : str
        "auto", "cpu", "cuda" or "mps".
    consistency : int
        Most iterations of the projection onto exact measurements, and of each step towards them before. 0 leaves the projection
        out: right for operators that nearly lose parts of the image, as no data are exact enough for these. 10 as in
        `plug_and_play.ITERATIONS`.
    """

    operator: ForwardOperator
    y: Array
    preset: Preset
    sampling: Sampling | None = None
    sigma: float = 0.0
    seed: int = 0
    device: str = "auto"
    consistency: int = 10


@dataclass(frozen=True)
class Reconstructing:
    """Measurements and what the stages so far have made of them; None where they have not come to it.

    Attributes
    ----------
    request : ReconstructionRequest
        What was asked for.
    sampling : Sampling
        What was measured.
    data, normalised, on_device : Measurement
        Of real images (C, H, W), in double precision on the CPU; of these scaled by `scale`; and that as it is fitted.
    scale : Scale
        From their unit to a range of about 0 to 1.
    unit : float
        By which the user's measurements were divided.
    view : callable
        Takes an image of `data` to an array as the user has it.
    fits : EnsembleResult
        The fits.
    generated, refined : Tensor
        Their average, and what the groups of patches made of it: [C, H, W], scaled.
    warnings : tuple of str
        What the user should know.
    """

    request: ReconstructionRequest
    sampling: Sampling
    data: Measurement
    normalised: Measurement
    on_device: Measurement
    scale: Scale
    unit: float
    view: Callable[[Tensor], Array]
    fits: EnsembleResult | None = None
    generated: Tensor | None = None
    refined: Tensor | None = None
    warnings: tuple[str, ...] = ()

    def restored(self, fitted: Tensor) -> Tensor:
        """Return a scaled image in the unit of `data`, in double precision on the CPU."""
        return fitted.cpu().double() * self.scale.factor + self.scale.offset

    def shown(self, image: Tensor) -> Array:
        """Return an image of `data` as the user has it."""
        return self.view(image) * self.unit

    @property
    def preset(self) -> Preset:
        """How the image is fitted."""
        return self.request.preset

    @property
    def error_unit(self) -> float:
        """By which the fits' errors are multiplied, to be in the unit of the user's measurements."""
        return self.scale.factor * self.unit


def fit_through(state: Reconstructing, context: Context) -> Reconstructing:
    """Fit the generators through the operator and average them."""

    def shown(image: Tensor) -> Array:
        return state.shown(state.restored(image[0]))

    fits = context.fit(state.on_device, state.preset, state.sampling.split, state.error_unit, shown)
    return replace(state, fits=fits, generated=fits.image[0])


def refine_by_patches(state: Reconstructing, context: Context) -> Reconstructing:
    """Bring in the groups of similar patches as a prior."""
    steps = state.request.consistency or ITERATIONS
    refined = plug_and_play(state.on_device, made(state.generated), iterations=steps, tick=context.meter.tick)
    return replace(state, refined=refined)


def do_without_patches(state: Reconstructing, error: Exception) -> Reconstructing:
    """Keep what the generators made if the memory does not suffice for more."""
    return replace(state, warnings=(*state.warnings, OUT_OF_MEMORY))


def _work_of_patches(state: Reconstructing) -> float:
    shape = state.data.operator.in_shape
    return float(FILTER * pixels_refined(shape) / (shape[1] * shape[2]))


RECONSTRUCTION_STAGES = (
    Stage("fits", fit_through, lambda state: state.preset.most_iterations),
    Stage("similar patches", refine_by_patches, _work_of_patches, lambda state: state.preset.guided, do_without_patches),
)
