"""When to stop: rules over the numbers of a fit. None of them sees an image."""

from cgdenoise.stopping.base import Monitor, StoppingRule, Verdict
from cgdenoise.stopping.budget import Budget
from cgdenoise.stopping.discrepancy import NoiseLevel
from cgdenoise.stopping.holdout import HoldOut, predicted_error
from cgdenoise.stopping.plateau import Plateau

__all__ = ["Budget", "HoldOut", "Monitor", "NoiseLevel", "Plateau", "StoppingRule", "Verdict", "predicted_error"]
