"""What is known of an image while it is reconstructed: the state that passes through the stages, and the stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor

from cgdenoise.fitting.holdout import Sampling
from cgdenoise.fitting.members import EnsembleResult
from cgdenoise.fitting.plan import Preset
from cgdenoise.operators import ForwardOperator, Measurement
from cgdenoise.operators.least_squares import conjugate_gradients
from cgdenoise.patches.planes import Shares, equal_shares
from cgdenoise.progress import FILTER, Cancelled, filtered_at_a_time
from cgdenoise.restoration.competition import Contender, Trial, mixed, unseen
from cgdenoise.restoration.courses import contend, pixels_contending
from cgdenoise.restoration.mixture import BOTH, GENERATOR, VARIATION, WAVELETS, Mixture, Part
from cgdenoise.restoration.noise_level import FOLDS, HELD_OUT, estimate_by_hold_out, pixels_estimated
from cgdenoise.restoration.patch_stages import OUT_OF_MEMORY
from cgdenoise.restoration.pipeline import Context, Stage, made
from cgdenoise.restoration.plug_and_play import ITERATIONS, Mixing, pixels_refined, plug_and_play
from cgdenoise.restoration.total_variation import choose_course, follow_course, pixels_varied
from cgdenoise.restoration.units import Array, Scale
from cgdenoise.restoration.wavelets import choose_weights, follow_weights, pixels_shrunk

ERROR = 0.05
"""Error of the generators' image, in parts of its range, by which it is weighed against noisy measurements. By hand: 26 dB, amid
what generators alone reach ("Inverse problems" in benchmarks/README.md)."""

_SHARE_OF_VARIATION = 0.2
"""Of the iterations that total variation may take, those it does take: a twentieth to a quarter of them on three problems."""


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
    sigma: float | None = 0.0
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
    mixing : Mixing
        What `data` mixes a pixel up with.
    fits : EnsembleResult
        The fits.
    trial : Trial
        The measurements that the fits have not seen, by which priors are judged, and the others.
    generated, agreeing, variation, refined, sparse : Contender
        Their average, the same brought to the measurements, the image of least total variation, what the groups of patches made
        of the first, and that of few wavelets; scaled.
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
    mixing: Mixing
    fits: EnsembleResult | None = None
    trial: Trial | None = None
    generated: Contender | None = None
    agreeing: Contender | None = None
    variation: Contender | None = None
    refined: Contender | None = None
    sparse: Contender | None = None
    warnings: tuple[str, ...] = ()

    def restored(self, fitted: Tensor) -> Tensor:
        """Return a scaled image in the unit of `data`, in double precision on the CPU."""
        return fitted.cpu().double() * self.scale.factor + self.scale.offset

    def shown(self, image: Tensor) -> Array:
        """Return an image of `data` as the user has it."""
        return self.view(image) * self.unit

    @property
    def contested(self) -> bool:
        """Whether there is another prior than the generators to make an image without what judges."""
        return self.trial is not None and self.variation is not None

    @property
    def mixture(self) -> Mixture:
        """What the image is mixed from: all priors where they are in contest, else the last that there is."""
        generated = self.agreeing or self.generated
        priors = [prior for prior in (self.refined, self.variation, self.sparse, generated) if prior is not None]
        if self.contested:
            return mixed(priors, made(self.trial))
        last = made(self.refined or self.generated)
        return Mixture(tuple(Part(prior.name, prior.image, float(prior is last)) for prior in priors))

    @property
    def preset(self) -> Preset:
        """How the image is fitted."""
        return self.request.preset

    @property
    def error_unit(self) -> float:
        """By which the fits' errors are multiplied, to be in the unit of the user's measurements."""
        return self.scale.factor * self.unit

    def agreed(self, measurement: Measurement, image: Tensor) -> Tensor:
        """Return a scaled image that was brought to agree with measurements as far as their noise allows."""
        iterations = self.request.consistency or ITERATIONS
        return conjugate_gradients(measurement, image, iterations, measurement.variance / ERROR**2)

    def with_noise(self, level: float) -> Reconstructing:
        """Return the same with another noise level, in the scaled image's unit."""
        return replace(
            self,
            data=replace(self.data, sigma=level * self.scale.factor),
            normalised=replace(self.normalised, sigma=level),
            on_device=replace(self.on_device, sigma=level),
        )


def find_noise_level(state: Reconstructing, context: Context) -> Reconstructing:
    """Estimate the level of a noise of which nothing is known."""
    splits = [state.sampling.split(state.sampling.valid[None], HELD_OUT, context.rng) for _ in range(FOLDS)]
    choices = [held_out[0] > 0 for _, held_out in splits]
    try:
        return state.with_noise(estimate_by_hold_out(state.on_device, choices, context.meter.tick))
    except Cancelled:  # it is for the fits to say what there is so far
        return state


def fit_through(state: Reconstructing, context: Context) -> Reconstructing:
    """Fit the generators through the operator and average them."""

    def shown(image: Tensor) -> Array:
        return state.shown(state.restored(image[0]))

    fits = context.fit(state.on_device, state.preset, state.sampling.split, state.error_unit, shown)
    judged, held_out = unseen(fits.members)
    generated = Contender(GENERATOR, judged, fits.image[0])
    trial = Trial.of(state.on_device, held_out, state.sampling.units)
    return replace(state, fits=fits, trial=trial, generated=generated)


def minimise_total_variation(state: Reconstructing, context: Context) -> Reconstructing:
    """Minimise total variation as far as what the fits have not seen says, then with all measurements, for the contest.

    The generators' image enters it as the measurements want it: what it leaves of those that it has seen is no prior's choice.
    """
    trial, generated, tick = made(state.trial), made(state.generated), context.meter.tick
    judged, course = choose_course(trial.training, trial.error, generated.judged, tick)
    image = follow_course(state.on_device, course, generated.image, tick)
    pairs = ((trial.training, generated.judged), (state.on_device, generated.image))
    agreeing = Contender(GENERATOR, *(state.agreed(measurement, image) for measurement, image in pairs))
    return replace(state, agreeing=agreeing, variation=Contender(VARIATION, judged, image))


def refine_by_patches(state: Reconstructing, context: Context) -> Reconstructing:
    """Bring in the groups of similar patches as a prior; for a contest first without what the fits have not seen."""
    refine = partial(plug_and_play, iterations=state.request.consistency or ITERATIONS, tick=context.meter.tick)
    generated, trial = made(state.generated), made(state.trial)
    if _weighs_planes(state):
        judged, shares = _judge_planes(trial, generated.judged, refine)
        image = refine(state.on_device, judged, shares=shares)
        return replace(state, refined=Contender(BOTH, judged, image))
    if not state.contested:
        image = refine(state.on_device, generated.image)
        return replace(state, refined=Contender(BOTH, image, image))
    return replace(state, refined=contend(trial, state.on_device, state.mixing, generated.judged, refine))


def _judge_planes(trial: Trial, start: Tensor, refine: Callable[..., Tensor]) -> tuple[Tensor, Shares]:
    """Return what the planes of a volume make of it, and the shares of those across each axis: they contend among themselves."""
    axes = list(equal_shares(tuple(start.shape)))
    alone = [refine(trial.training, start, shares={axis: 1.0}) for axis in axes]
    mixture = mixed([Contender(str(axis), image, image) for axis, image in zip(axes, alone, strict=True)], trial)
    return mixture.image, {axis: part.weight for axis, part in zip(axes, mixture.parts, strict=True) if part.weight}


def shrink_wavelets(state: Reconstructing, context: Context) -> Reconstructing:
    """Let the image of few wavelets into the contest if it says more than each other prior of what none of them has seen."""
    trial, tick = made(state.trial), context.meter.tick
    others = [prior for prior in (state.refined, state.variation, state.generated) if prior is not None]
    judged, course = choose_weights(trial.training, trial.error, made(state.generated).judged, tick)
    if trial.error(judged) >= min(trial.error(prior.judged) for prior in others):
        return state
    image = follow_weights(state.on_device, course, made(state.generated).image, tick)
    return replace(state, sparse=Contender(WAVELETS, judged, image))


def do_without_prior(state: Reconstructing, error: Exception) -> Reconstructing:
    """Leave a prior out of the contest if the memory does not suffice for it."""
    return state


def do_without_patches(state: Reconstructing, error: Exception) -> Reconstructing:
    """Keep what the generators made if the memory does not suffice for more."""
    return replace(state, warnings=(*state.warnings, OUT_OF_MEMORY))


def _has_patches(state: Reconstructing) -> bool:
    """Tell whether there is more than a line, which a generator continues well and similar patches do not tell of."""
    return state.preset.guided and min(state.data.operator.in_shape[-2:]) > 1


def _weighs_planes(state: Reconstructing) -> bool:
    """Tell whether there are planes across several axes, of which the measurements can tell which are worth more."""
    return _competes(state) and len(equal_shares(state.data.operator.in_shape)) > 1


def _may_be_contested(state: Reconstructing) -> bool:
    return state.contested or (state.variation is None and _competes(state))


def _is_noisy_contest(state: Reconstructing) -> bool:
    """Tell whether wavelets have a chance: without noise they never came first (`benchmarks/NOTES.md`, "Wavelets")."""
    return state.preset.guided and state.data.sigma > 0 and _may_be_contested(state)


def _competes(state: Reconstructing) -> bool:
    return state.preset.competition and state.preset.hold_out > 0


def _filters(state: Reconstructing, pixels: float) -> float:
    return FILTER * pixels / filtered_at_a_time(state.data.operator.in_shape)


def _work_of_variation(state: Reconstructing) -> float:
    return _SHARE_OF_VARIATION * _filters(state, pixels_varied(state.data.operator.in_shape))


def _work_of_level(state: Reconstructing) -> float:
    return _filters(state, pixels_estimated(state.data.operator.in_shape))


def _work_of_patches(state: Reconstructing) -> float:
    if _weighs_planes(state):
        return _filters(state, 2 * pixels_refined(state.data, state.mixing))
    pixels = pixels_contending if _may_be_contested(state) else pixels_refined
    return _filters(state, pixels(state.data, state.mixing))


def _work_of_wavelets(state: Reconstructing) -> float:
    return _filters(state, pixels_shrunk(state.data.operator.in_shape))


RECONSTRUCTION_STAGES = (
    Stage("noise level", find_noise_level, _work_of_level, lambda state: state.request.sigma is None, do_without_prior),
    Stage("fits", fit_through, lambda state: state.preset.most_iterations),
    Stage("total variation", minimise_total_variation, _work_of_variation, _competes, do_without_prior),
    Stage("similar patches", refine_by_patches, _work_of_patches, _has_patches, do_without_patches),
    Stage("wavelets", shrink_wavelets, _work_of_wavelets, _is_noisy_contest, do_without_prior),
)
