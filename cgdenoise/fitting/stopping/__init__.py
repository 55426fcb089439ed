"""When to stop: rules over the numbers of a fit. None of them sees an image."""

from cgdenoise.fitting.stopping.base import Monitor, StoppingRule, Verdict
from cgdenoise.fitting.stopping.budget import Budget
from cgdenoise.fitting.stopping.choice import RULES, Circumstances, rule_of
from cgdenoise.fitting.stopping.discrepancy import NoiseLevel
from cgdenoise.fitting.stopping.holdout import HoldOut, leverage, predicted_error
from cgdenoise.fitting.stopping.plateau import Plateau

__all__ = [
    "RULES",
    "Budget",
    "Circumstances",
    "HoldOut",
    "Monitor",
    "NoiseLevel",
    "Plateau",
    "StoppingRule",
    "Verdict",
    "leverage",
    "predicted_error",
    "rule_of",
]
