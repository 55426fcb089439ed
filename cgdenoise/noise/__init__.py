"""What is known of the noise in an image: its level, its law, and how values share it."""

from cgdenoise.noise.anscombe import GeneralisedAnscombe
from cgdenoise.noise.certain import certain_level
from cgdenoise.noise.choose import choose
from cgdenoise.noise.estimate import estimate_sigma, sigma_with_uncertainty
from cgdenoise.noise.model import NoiseKind, NoiseModel
from cgdenoise.noise.report import NoiseReport, examine

__all__ = [
    "GeneralisedAnscombe",
    "NoiseKind",
    "NoiseModel",
    "NoiseReport",
    "certain_level",
    "choose",
    "estimate_sigma",
    "examine",
    "sigma_with_uncertainty",
]
