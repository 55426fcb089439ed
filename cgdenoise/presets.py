"""The presets: every choice of a restoration that is not the user's, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cgdenoise.errors import OptionError
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.optimise import OptimiserSpec

_MUON = OptimiserSpec("muon")
_TAPERED = {
    4: DecoderSpec((512, 256, 64, 16)),
    5: DecoderSpec((512, 256, 128, 64, 16)),
    6: DecoderSpec((512, 256, 256, 128, 64, 16)),
}


@dataclass(frozen=True)
class Preset:
    """How an image is restored.

    Attributes
    ----------
    decoders : tuple of DecoderSpec
        Candidates, shallow first; the predicted error decides between them. The search ends at the first that is no
        better than the one before it.
    trial_iterations : int
        Length of the trial fits that choose the depth. 0 fits the candidates to the end instead, and all of them count.
    members : int
        Fits that are averaged. The candidates that were fitted to the end count; the depths that come nearest to the
        best share the rest.
    max_iterations, patience : int
        Budget of one fit, and how long it may go on without improvement.
    optimiser : OptimiserSpec
        How it steps.
    averaging : float
        Share of the run that the average over the outputs looks back over, as `fit` takes it.
    hold_out : float
        Share of the pixels held out.
    stop : "holdout", "noise-level" or "none"
        Stopping rule.
    nonlocal_share : float
        Share of the non-local estimate in the pilot of a last, non-local step, 0 to 1; the generators' average is the rest.
        0 leaves that step out: the result is the generators' average.
    reduced_precision : bool
        Compute the activations in bfloat16 where the hardware multiplies it natively.
    """

    decoders: tuple[DecoderSpec, ...]
    trial_iterations: int
    members: int
    max_iterations: int
    patience: int
    optimiser: OptimiserSpec = _MUON
    averaging: float = 0.25
    hold_out: float = 0.05
    stop: str = "holdout"
    nonlocal_share: float = 0.0
    reduced_precision: bool = True

    @property
    def has_trials(self) -> bool:
        """Whether short fits choose the depth."""
        return self.trial_iterations > 0 and len(self.decoders) > 1

    @property
    def most_iterations(self) -> int:
        """Iterations of all fits together, if each uses its whole budget and none collapses."""
        if self.has_trials:
            return len(self.decoders) * self.trial_iterations + self.members * self.max_iterations
        return max(len(self.decoders), self.members) * self.max_iterations


_BALANCED = Preset(
    decoders=(_TAPERED[4], _TAPERED[5], _TAPERED[6]), trial_iterations=0, members=4, max_iterations=170, patience=30
)

PRESETS = {
    "fast": Preset(decoders=(_TAPERED[4], _TAPERED[5]), trial_iterations=30, members=1, max_iterations=120, patience=20),
    "balanced": _BALANCED,
    "best": replace(_BALANCED, nonlocal_share=0.8),
    # DD-O as published: the code of its denoising experiments holds nothing out, averages nothing and runs 1500 iterations.
    "paper": Preset(
        decoders=(
            DecoderSpec((512,) * 6, sigmoid=True, random_grid=False, early_normalisation=False, initial_scale=1.0, head_gain=1.0),
        ),
        trial_iterations=0,
        members=1,
        max_iterations=1500,
        patience=0,
        optimiser=OptimiserSpec("adam", 0.01),
        averaging=0.0,
        hold_out=0.0,
        stop="none",
        reduced_precision=False,
    ),
}

_WIDE = (
    DecoderSpec((256, 128, 64, 32)),
    DecoderSpec((256, 256, 128, 64, 32)),
    DecoderSpec((256, 256, 256, 128, 64, 32)),
)
"""Without noise to keep out there is more to express: twice the channels at full resolution are worth 0.4 dB where half of the
pixels are missing."""

RECONSTRUCTION = {
    "fast": replace(PRESETS["fast"], decoders=_WIDE[:2], trial_iterations=60, max_iterations=250, patience=60),
    "balanced": replace(_BALANCED, decoders=_WIDE, max_iterations=400, patience=80),
    "best": replace(_BALANCED, decoders=_WIDE, members=6, max_iterations=800, patience=160, nonlocal_share=0.8),
    "paper": PRESETS["paper"],
}
"""The same names for images that are seen through an operator: they take longer to come out."""


def preset_of(name: str, presets: Mapping[str, Preset] = PRESETS) -> Preset:
    """Return a preset by name.

    Raises
    ------
    OptionError
        If there is none of that name.
    """
    if name not in presets:
        raise OptionError(f"preset {name!r}; expected one of {', '.join(presets)}")
    return presets[name]
