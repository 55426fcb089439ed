"""How one image is fitted, as data: which generators, how many fits and iterations, and when they stop."""

from __future__ import annotations

from dataclasses import dataclass

from cgdenoise.fitting.optimiser import OptimiserSpec
from cgdenoise.generators.spec import GeneratorSpec

_MUON = OptimiserSpec("muon")


@dataclass(frozen=True)
class Preset:
    """How an image is restored.

    Attributes
    ----------
    generators : tuple of GeneratorSpec
        Candidates, shallow first; the predicted error decides between them. The search ends at the first one that is no better
        than the one before it.
    probe_iterations : int
        Length of the probe fits that choose the depth. 0 fits the candidates to the end instead, and all of them count.
    members : int
        Fits that are averaged. The candidates that were fitted to the end count; the depths that come nearest to the best one
        share the others.
    max_iterations, patience : int
        Budget of one fit, and how long it may go on without improvement.
    optimiser : OptimiserSpec
        How it steps.
    averaging : float
        Share of the run that the average over the outputs looks back over, as `Schedule` has it. Averaging was measured
        (benchmarks/README.md); 0.125 or 0.5 changes 0.04 dB at most (benchmarks/NOTES.md).
    hold_out : float
        Share of the pixels held out. With 0.05 a fit stopped within 0.2 dB of its best iterate on every image; on crops of 128²
        half of it gains 0.1 dB and twice loses 0.2 (benchmarks/NOTES.md, "Constants of the fits").
    stop : "holdout", "noise-level" or "none"
        Stopping rule.
    guided : bool
        Filter the image by its groups of similar patches, guided by the generators (`restoration.mixture`). Otherwise the result
        is the generators' average.
    competition : bool
        Through an operator: total variation competes with the generators, judged by what was held out; with groups, wavelets too.
    estimates : int
        Estimates by groups, of patches of different sizes, that are averaged.
    reduced_precision : bool
        Compute the activations in bfloat16 where the hardware multiplies it natively: 0.005 dB less in the mean, in two thirds of
        the time (benchmarks/README.md).
    """

    generators: tuple[GeneratorSpec, ...]
    probe_iterations: int
    members: int
    max_iterations: int
    patience: int
    optimiser: OptimiserSpec = _MUON
    averaging: float = 0.25
    hold_out: float = 0.05
    stop: str = "holdout"
    guided: bool = False
    competition: bool = False
    estimates: int = 1
    reduced_precision: bool = True

    @property
    def has_probes(self) -> bool:
        """Whether short fits choose the depth."""
        return self.probe_iterations > 0 and len(self.generators) > 1

    @property
    def is_bounded(self) -> bool:
        """Whether a generator's output is: the image's extremes then have to be within reach."""
        return any(spec.sigmoid for spec in self.generators)

    @property
    def most_iterations(self) -> int:
        """Iterations of all fits together, if each uses its whole budget and none fails."""
        if self.has_probes:
            return len(self.generators) * self.probe_iterations + self.members * self.max_iterations
        return max(len(self.generators), self.members) * self.max_iterations
