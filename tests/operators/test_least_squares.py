"""Conjugate gradients against NumPy's least squares; projections that arrive at once; the range of a pilot."""

import numpy as np
import pytest
import torch

from cgdenoise.operators import (
    Blur,
    ComplexFromChannels,
    ComplexFromReal,
    DenseMatrix,
    Downsample,
    Measurement,
    PixelMask,
    SubsampledDCT,
    gaussian_psf,
    random_matrix,
    subsampled_fourier,
)
from cgdenoise.operators.least_squares import conjugate_gradients, constant_image, pilot


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("rows", [8, 30])
def test_agrees_with_numpy_from_any_start(rng, rows):
    matrix, y, start = rng.standard_normal((rows, 16)), rng.standard_normal(rows), rng.standard_normal(16)
    measurement = Measurement.complete(DenseMatrix(matrix, (4, 4)), torch.from_numpy(y))
    found = conjugate_gradients(measurement, torch.from_numpy(start.reshape(4, 4)), iterations=40)
    expected = start + np.linalg.lstsq(matrix, y - matrix @ start, rcond=None)[0]  # the solution nearest to the start
    np.testing.assert_allclose(found.flatten(), expected, rtol=1e-6, atol=1e-8)


def fourier(rng):
    mask = np.tile(rng.random(12) < 0.5, (10, 1))
    return subsampled_fourier(mask, (10, 12)) @ ComplexFromReal((10, 12))


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: PixelMask(rng.random((3, 10, 12)) < 0.5),
        lambda rng: Downsample((2, 10, 12), 2),
        lambda rng: SubsampledDCT((10, 12), 30, 1),
        lambda rng: subsampled_fourier(np.tile(rng.random(12) < 0.5, (10, 1)), (10, 12)),
    ],
    ids=["mask", "means", "dct", "fourier"],
)
def test_measured_values_come_back_in_one_iteration_and_nothing_else_changes(rng, make):
    operator = make(rng)
    complex_images = operator.domain == "complex"
    truth, start = (torch.from_numpy(rng.standard_normal((*operator.in_shape, 2))) for _ in range(2))
    truth, start = (torch.view_as_complex(x) if complex_images else x[..., 0] for x in (truth, start))
    y = operator(truth)
    found = conjugate_gradients(Measurement.complete(operator, y), start, 1)
    torch.testing.assert_close(operator(found), y, rtol=1e-9, atol=1e-9)
    change = found - start
    norm = operator.normal(change).norm() / change.norm()  # what the operator does not see is orthogonal to the change
    torch.testing.assert_close(operator.normal(change), norm * change, rtol=1e-4, atol=1e-4)


def test_consistent_image_stays(rng):
    operator = PixelMask(rng.random((1, 8, 8)) < 0.5)
    image = torch.from_numpy(rng.standard_normal((1, 8, 8)))
    assert torch.equal(conjugate_gradients(Measurement.complete(operator, operator(image)), image, 10), image)


@pytest.mark.parametrize(
    "make",
    [
        lambda: random_matrix((1, 32, 32), 256, 0),
        lambda: SubsampledDCT((1, 32, 32), 256, 0),
        lambda: PixelMask(np.random.default_rng(0).random((1, 32, 32)) < 0.2),
    ],
    ids=["gaussian", "dct", "mask"],
)
def test_pilot_has_the_level_and_the_contrast_of_the_image(make):
    operator = make()
    rows = torch.linspace(0, 1, 32, dtype=torch.float64)
    image = (200 + 50 * torch.sin(3 * rows)[:, None] * torch.cos(3 * rows))[None]
    found = pilot(Measurement.complete(operator, operator(image)), 10)
    assert float(found.mean()) == pytest.approx(float(image.mean()), rel=0.02)
    assert float(found.std()) == pytest.approx(float(image.std()), rel=0.4)


@pytest.mark.parametrize(
    "operator",
    [
        PixelMask(torch.ones(2, 6, 7)),
        random_matrix((2, 6, 7), 30, 0),
        subsampled_fourier(torch.ones(6, 7), (6, 7)) @ ComplexFromChannels((2, 6, 7)),
    ],
    ids=["identity", "matrix", "fourier"],
)
def test_constant_image_is_the_least_squares_one_of_what_was_measured(rng, operator):
    image, levels = torch.from_numpy(rng.random((2, 6, 7))), torch.tensor([3.0, -2.0], dtype=torch.float64)[:, None, None]
    valid = torch.from_numpy((rng.random(operator.out_shape) < 0.7).astype(np.float32))
    y = torch.where(valid > 0, operator(image + levels), torch.nan)
    measurement = Measurement(operator, y, valid)
    found = constant_image(measurement)
    assert torch.equal(found, found[:, :1, :1].expand(2, 6, 7))
    columns = torch.stack([measurement.forward(torch.eye(2).double()[c, :, None, None].expand(2, 6, 7)) for c in (0, 1)])
    real = [torch.view_as_real(x).flatten(-2) if x.is_complex() else x for x in (columns, measurement.residual(0 * image))]
    expected = np.linalg.lstsq(real[0].flatten(1).mT.numpy(), real[1].flatten().numpy(), rcond=None)[0]
    np.testing.assert_allclose(found[:, 0, 0], expected)


def test_constant_that_is_not_seen_is_0():
    matrix = torch.tensor([[1.0, -1.0, 0.0, 0.0]], dtype=torch.float64)
    found = constant_image(Measurement.complete(DenseMatrix(matrix, (1, 2, 2)), torch.ones(1, dtype=torch.float64)))
    assert torch.equal(found, torch.zeros(1, 2, 2, dtype=torch.float64))


def test_the_range_of_a_blurred_noisy_image_is_no_inverted_noise():
    """The last blocks lie beyond the frame and are hardly seen: they came out a hundred times as wide as the image."""
    image = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64).repeat_interleave(12, 1)
    image = image.repeat_interleave(12, 2)[:, :90, :90]
    blur, sigma = Blur((1, 90, 90), gaussian_psf(1.2)), 0.15
    y = blur(image)
    noisy = y + sigma * torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    low, high = pilot(Measurement.complete(blur, noisy, sigma), 10).quantile(torch.tensor([0.01, 0.99], dtype=torch.float64))
    assert low > -2
    assert high < 3
