"""A restoration as stages, one after the other: progress, cancellation and fallbacks are the same in all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from cgdenoise.fitting.ensemble import Ensemble, Split
from cgdenoise.fitting.members import EnsembleResult, FailedFitsError
from cgdenoise.fitting.plan import Preset
from cgdenoise.fitting.results import FitLabel, Step
from cgdenoise.fitting.spending import Spending
from cgdenoise.fitting.warm import Start
from cgdenoise.operators import Measurement
from cgdenoise.progress import Cancelled, Meter
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.results import snapshot_of
from cgdenoise.restoration.units import Array
from cgdenoise.runtime import choose_dtype, lacks_memory, rng_for

State = TypeVar("State")
Made = TypeVar("Made")


@dataclass
class Context:
    """What every stage is given beside its state.

    Attributes
    ----------
    device : torch.device
        Where to compute.
    seed : int
        Of all random numbers.
    hooks : Hooks
        Of the caller.
    meter : Meter
        Adds up the work, and calls the hooks.
    rng : torch.Generator
        For the stages after the fits, on the CPU.
    start : Start or None
        What the fit may start from.
    interrupted : bool
        Whether the caller asked for an end: no further stage begins.
    """

    device: torch.device
    seed: int
    hooks: Hooks
    meter: Meter
    rng: torch.Generator
    start: Start | None = None
    interrupted: bool = False

    @staticmethod
    def of(device: torch.device, seed: int, hooks: Hooks, area: float, start: Start | None = None) -> Context:
        """Return the context of the restoration of an image of so many pixels."""
        return Context(device, seed, hooks, Meter(area, hooks.progress, hooks.cancelled), rng_for(seed, 2), start)

    def fit(
        self, measurement: Measurement, preset: Preset, split: Split, factor: float, shown: Callable[[torch.Tensor], Array]
    ) -> EnsembleResult:
        """Make a preset's fits of what was measured, tell of each evaluation, and note whether the caller ended them.

        Parameters
        ----------
        measurement : Measurement
            On the device, scaled.
        preset : Preset
            How to fit.
        split : callable
            Which measurements are held out together.
        factor : float
            Takes the fits' errors to the user's units.
        shown : callable
            Takes a fitted image, [1, C, H, W], to an array as the user has it.

        Raises
        ------
        FailedFitsError, TooEarlyError
            As `Ensemble.run`.
        """
        spending = Spending(preset.most_iterations)

        def on_step(label: FitLabel, step: Step) -> None:
            spent, remaining = spending.spend(label, step.evaluation.iteration)
            detail = f"fit {label.group + 1} at depth {label.depth}, iteration {step.evaluation.iteration}"
            self.meter.advance(spent, remaining, "probe fits" if label.probe else "fits", detail)
            for observer in self.hooks.observers:
                observer(snapshot_of(label, step, factor, lambda: shown(step.image)))

        ensemble = Ensemble(
            measurement,
            preset,
            self.seed,
            split=split,
            dtype=choose_dtype(self.device, preset.reduced_precision),
            together=1 if self.device.type == "cpu" else preset.members,
            on_step=on_step,
            cancelled=self.hooks.cancelled,
            start=self.start,
        )
        fits = ensemble.run()
        self.interrupted = fits.interrupted
        return fits


@dataclass(frozen=True)
class Stage(Generic[State]):
    """A step of a restoration.

    Attributes
    ----------
    name : str
        As progress shows it.
    run : callable
        Takes the state to the next. If the caller wants an end it raises `Cancelled`, and the state stays as it was, or it sets
        `Context.interrupted` and returns what there is.
    work : callable
        Takes the state to the work that the stage will be, as far as one can tell, in iterations of a fit.
    applies : callable
        Tells by the state whether the stage is needed.
    fallback : callable or None
        Takes the state and the error to the next state if no fit came near the data, or memory is lacking; it may raise the error
        again. None lets every error through.
    """

    name: str
    run: Callable[[State, Context], State]
    work: Callable[[State], float] = lambda state: 0.0
    applies: Callable[[State], bool] = lambda state: True
    fallback: Callable[[State, Exception], State] | None = None


def run_stages(stages: Sequence[Stage[State]], state: State, context: Context) -> State:
    """Take a state through the stages that apply, as far as the caller lets them, and return the last one."""
    for number, stage in enumerate(stages):
        if context.interrupted or not stage.applies(state):
            continue
        ahead = sum(later.work(state) for later in stages[number + 1 :] if later.applies(state))
        context.meter.begin(stage.name, stage.work(state), ahead)
        try:
            state = stage.run(state, context)
        except Cancelled:
            context.interrupted = True
        except Exception as error:
            if stage.fallback is None or not (isinstance(error, FailedFitsError) or lacks_memory(error)):
                raise
            state = stage.fallback(state, error)
    return state


def made(value: Made | None) -> Made:
    """Return what an earlier stage has made."""
    assert value is not None
    return value
