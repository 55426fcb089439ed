"""Inverse problems from files: what was measured, how, and what becomes of the reconstruction."""

from cgdenoise.inverse.files import Simulation, Sources, read_kspace_problem, read_problem, simulate_problem
from cgdenoise.inverse.inputs import read_array, read_mask, read_psf
from cgdenoise.inverse.kspace import fourier_problem, parallel_problem
from cgdenoise.inverse.maps import estimate_maps
from cgdenoise.inverse.pictures import deblurring, inpainting, upscaling
from cgdenoise.inverse.problem import LinearProblem, Solution, solve
from cgdenoise.inverse.sensing import fourier_lines, linear_problem

__all__ = [
    "LinearProblem",
    "Simulation",
    "Solution",
    "Sources",
    "deblurring",
    "estimate_maps",
    "fourier_lines",
    "fourier_problem",
    "inpainting",
    "linear_problem",
    "parallel_problem",
    "read_array",
    "read_kspace_problem",
    "read_mask",
    "read_problem",
    "read_psf",
    "simulate_problem",
    "solve",
    "upscaling",
]
