"""Fits that go on from the weights of another: those that the frame before had when its picture was kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cgdenoise.fitting.loop import Problem
from cgdenoise.fitting.results import Step
from cgdenoise.fitting.stopping import Monitor
from cgdenoise.generators.spec import GeneratorSpec

_NEAR = 0.5
"""Part of what fresh weights miss of the held-out measurements, without the noise, up to which a start is near. By hand: frames
that move by 1.5 pixels start at 0.02 to 0.4, such that move by 5 and lose by it at 0.51, those after a cut at 3.3
(benchmarks/NOTES.md, "Starting from the frame before")."""

WARM_PATIENCE = 0.5
"""Of a fit that starts near, relative to others: it ends ten iterations earlier and kept the same pictures in six stacks of
eight, better ones in the other two (likewise)."""


@dataclass(frozen=True, eq=False)
class Start:
    """What a fit leaves for that of another image of the same size.

    The next fit has the same input of the generator, and holds out the same pixels where it can: what judges it was then fitted
    by none before it, and noise that all frames share is no exception.

    Attributes
    ----------
    spec : GeneratorSpec
        Of its generator.
    index, split : int
        Numbers of the fit and of its split, by which the seed gives random numbers.
    weights : mapping of str to Tensor
        Of the generator, when the picture was kept.
    """

    spec: GeneratorSpec
    index: int
    split: int
    weights: Mapping[str, Tensor]


class Keeper:
    """Holds the weights that a generator of one member had when its picture was kept.

    Parameters
    ----------
    generator : nn.Module
        Which is being fitted.
    monitor : Monitor
        Of its own, by the rule of the fit: it says the same as the fit's.
    """

    def __init__(self, generator: nn.Module, monitor: Monitor) -> None:
        self._generator, self._monitor = generator, monitor
        self.weights: dict[str, Tensor] = {}

    def observe(self, member: int, step: Step) -> None:
        """Look at an evaluation, for the loop."""
        if self._monitor.observe(step.evaluation).keep or not self.weights:
            self.weights = {name: values.clone() for name, values in self._generator.state_dict().items()}


@torch.no_grad()
def is_near(weights: Mapping[str, Tensor], generator: nn.Module, problem: Problem, sigma: float) -> bool:
    """Tell whether weights predict the held-out measurements so much better than a generator's own that a fit should start there.

    They don't after a cut, where the scene is another one, nor where it moves far; nor does anything where nothing is held out.

    Parameters
    ----------
    weights : mapping of str to Tensor
        Of another fit.
    generator : nn.Module
        With fresh weights, which are lost.
    problem : Problem
        What is to be fitted.
    sigma : float
        Noise level of its measurements.
    """
    held_out = problem.held_out.sum()

    def missed() -> float:
        misfit = (problem.forward(generator()) - problem.y) * problem.held_out
        return float(misfit.abs().square().sum() / held_out) - sigma**2

    fresh = missed()
    generator.load_state_dict(weights)
    return missed() < _NEAR * fresh
