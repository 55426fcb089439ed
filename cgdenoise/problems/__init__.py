"""Inverse problems posed: what was measured, how, and what will be looked at. No files here."""

from cgdenoise.problems.blind import blind_deblurring, find_blur
from cgdenoise.problems.calls import solve
from cgdenoise.problems.counts import CountNoise, counted, inpainting_of_counts
from cgdenoise.problems.espirit import estimate_maps
from cgdenoise.problems.mri import fourier_problem, parallel_problem
from cgdenoise.problems.outliers import without_outliers
from cgdenoise.problems.pictures import deblurring, inpainting, upscaling
from cgdenoise.problems.problem import LinearProblem
from cgdenoise.problems.sensing import fourier_lines, linear_problem
from cgdenoise.problems.tomography import tomography_problem
from cgdenoise.problems.whitening import Whitening, whitening

__all__ = [
    "CountNoise",
    "LinearProblem",
    "Whitening",
    "blind_deblurring",
    "counted",
    "deblurring",
    "estimate_maps",
    "find_blur",
    "fourier_lines",
    "fourier_problem",
    "inpainting",
    "inpainting_of_counts",
    "linear_problem",
    "parallel_problem",
    "solve",
    "tomography_problem",
    "upscaling",
    "whitening",
    "without_outliers",
]
