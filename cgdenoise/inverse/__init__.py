"""Inverse problems from files: what was measured, how, and what becomes of the reconstruction."""

from cgdenoise.inverse.inputs import read_array, read_mask, read_psf
from cgdenoise.inverse.kspace import fourier_problem, parallel_problem
from cgdenoise.inverse.pictures import deblurring, inpainting, upscaling
from cgdenoise.inverse.problem import LinearProblem, Solution, solve
from cgdenoise.inverse.sensing import NAMES, fourier_lines, linear_problem, named_operator, simulated

__all__ = [
    "NAMES",
    "LinearProblem",
    "Solution",
    "deblurring",
    "fourier_lines",
    "fourier_problem",
    "inpainting",
    "linear_problem",
    "named_operator",
    "parallel_problem",
    "read_array",
    "read_mask",
    "read_psf",
    "simulated",
    "solve",
    "upscaling",
]
