"""The stopping rules, by the names that they have in a preset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cgdenoise.errors import OptionError
from cgdenoise.fitting.stopping.base import StoppingRule
from cgdenoise.fitting.stopping.budget import Budget
from cgdenoise.fitting.stopping.discrepancy import NoiseLevel
from cgdenoise.fitting.stopping.holdout import HoldOut
from cgdenoise.fitting.stopping.plateau import Plateau


@dataclass(frozen=True)
class Circumstances:
    """What a rule may depend on.

    Attributes
    ----------
    patience : int
        Iterations that a fit may go on without improvement.
    sigma : float
        Noise level in the units of the data.
    sees_pixels : bool
        Whether the data are the image's pixels; else they are seen through an operator.
    """

    patience: int
    sigma: float
    sees_pixels: bool


def _by_held_out_data(at: Circumstances) -> StoppingRule:
    if not at.sees_pixels and not at.sigma:
        return Plateau(at.patience)
    # `predicted_error` is that of the fitted pixels; through an operator the others are wanted.
    return HoldOut(at.patience, at.sigma if at.sees_pixels else 0.0)


RULES: dict[str, Callable[[Circumstances], StoppingRule]] = {
    "holdout": _by_held_out_data,
    "noise-level": lambda at: NoiseLevel(at.sigma),
    "none": lambda at: Budget(),
}
"""What `Preset.stop` may say, and the rule that it stands for."""


def rule_of(name: str, at: Circumstances) -> StoppingRule:
    """Return the rule of a name.

    Raises
    ------
    OptionError
        If there is none of that name.
    """
    if name not in RULES:
        raise OptionError(f"stop {name!r}; expected one of {', '.join(RULES)}")
    return RULES[name](at)
