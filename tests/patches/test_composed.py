"""What is computed of groups by torch's functions; that the compiled ones do the same is in kernels/test_native.py."""

import pytest
import torch

from cgdenoise.patches.composed import _expectation


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_the_expectation_is_that_of_a_normal_distribution(noise):
    rng = torch.Generator().manual_seed(0)
    n = 5
    root = torch.randn(n, n, generator=rng, dtype=torch.float64)
    covariance, mean = root @ root.mT, torch.randn(n, generator=rng, dtype=torch.float64)
    known = torch.tensor([[1.0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [0, 1, 0, 0, 0]], dtype=torch.float64)
    y = known * torch.randn(3, n, generator=rng, dtype=torch.float64)
    found, left = _expectation(y[None], known[None], mean[None, None], covariance[None], noise**2)
    for patch, mask, estimate, variance in zip(y, known, found[0], left[0], strict=True):
        i = mask.nonzero()[:, 0]
        weights = covariance[:, i] @ torch.linalg.inv(covariance[i][:, i] + noise**2 * torch.eye(len(i), dtype=torch.float64))
        torch.testing.assert_close(estimate, mean + weights @ (patch - mean)[i], rtol=1e-4, atol=1e-5)
        expected = covariance.diagonal() - (weights * covariance[:, i]).sum(1)
        torch.testing.assert_close(variance, expected, rtol=1e-4, atol=1e-5)
