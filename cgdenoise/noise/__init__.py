"""What is known of the noise in an image."""

from cgdenoise.noise.estimate import estimate_sigma

__all__ = ["estimate_sigma"]
