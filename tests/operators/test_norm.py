import math
from itertools import islice

import numpy as np
import pytest
import torch

from cgdenoise.operators import DenseMatrix, Fourier, PixelMask, SubsampledDCT
from cgdenoise.operators.norm import power_iteration, spectral_norm

WEIGHTS = torch.linspace(-1, 2, 35)
WEIGHTED = DenseMatrix(torch.diag(WEIGHTS), (5, 7))


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


def test_power_iteration_yields_the_largest_eigenvalue_from_below():
    estimates = [float(found) for found in islice(power_iteration(lambda x: WEIGHTS**2 * x, torch.ones(35)), 300)]
    assert estimates[0] == pytest.approx(float((WEIGHTS**4).mean().sqrt()))
    assert estimates[0] < estimates[1] < estimates[5] < estimates[-1] == pytest.approx(4)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_spectral_norm_is_the_largest_singular_value(dtype, rng):
    numbers = np.random.default_rng(0)
    matrix = numbers.standard_normal((9, 35)) + (1j * numbers.standard_normal((9, 35)) if dtype is np.complex128 else 0)
    found = spectral_norm(DenseMatrix(matrix, (5, 7)), rng, rtol=1e-8, max_iterations=1000, dtype=torch.float64)
    assert found == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-4)


def test_spectral_norms_that_are_known(rng):
    assert spectral_norm(Fourier((5, 7)), rng) == pytest.approx(1)
    assert spectral_norm(PixelMask(WEIGHTS.view(5, 7) > 0) @ Fourier((5, 7)), rng) == pytest.approx(1, rel=1e-3)
    assert spectral_norm(SubsampledDCT((5, 7), 10, 0), rng) == pytest.approx(math.sqrt(3.5), rel=1e-3)
    assert spectral_norm(WEIGHTED, rng, rtol=1e-6) == pytest.approx(2, rel=1e-3)
    assert spectral_norm(DenseMatrix(torch.zeros(3, 35), (5, 7)), rng) == 0


def test_spectral_norm_only_grows_with_the_iterations(rng):
    norms = [spectral_norm(WEIGHTED, torch.Generator().manual_seed(0), rtol=0, max_iterations=n) for n in (1, 2, 5, 20, 100)]
    assert norms == sorted(norms)
    assert norms[0] < 1.5 < norms[-1]
