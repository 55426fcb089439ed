"""Counts: each measurement is weighed by the noise of its mean, whatever the operator."""

import numpy as np
import pytest
import torch
from skimage import data

from cgdenoise.errors import CgDenoiseError
from cgdenoise.noise import NoiseKind
from cgdenoise.operators import DenseMatrix, gaussian_psf
from cgdenoise.problems import CountNoise, counted, deblurring, inpainting_of_counts, linear_problem

PICTURE = data.camera()[64:256:2, 128:320:2].astype(float)
ALL = DenseMatrix(np.eye(4), (2, 2))


def counts(mean, gain, seed=0):
    return gain * np.random.default_rng(seed).poisson(mean / gain).astype(float)


def levels(problem, operator, image):
    """Return the noise's standard deviation after the weights, over the level, for the bright half and for the dark one."""
    means = operator(torch.from_numpy(image)).numpy()
    noise = (problem.y - problem.operator(torch.from_numpy(image)).numpy()) / problem.sigma
    bright = means > np.median(means)
    return noise[bright].std(), noise[~bright].std()


@pytest.mark.parametrize("gain", [1.0, 8.0])
def test_counts_of_a_matrix_have_noise_of_one_level(gain):
    image = np.linspace(1, 40, 144).reshape(12, 12) ** 2
    # Rows that see little and rows that see much.
    matrix = np.random.default_rng(1).random((1000, 144)) * np.geomspace(0.01, 1, 1000)[:, None]
    operator = DenseMatrix(matrix, (12, 12))
    y = counts(operator(torch.from_numpy(image)).numpy(), gain)
    problem = counted(linear_problem(operator, y, 0.0), CountNoise(gain))
    assert levels(problem, operator, image) == (pytest.approx(1, abs=0.1), pytest.approx(1, abs=0.1))
    assert (problem.noise.kind, problem.noise.gain) == (NoiseKind.POISSON, gain)
    assert problem.sigma == pytest.approx(np.sqrt(gain * y.mean()), rel=0.02)


def test_gaussian_noise_on_top_counts_too():
    psf = gaussian_psf(1.0)
    clean = deblurring(PICTURE, psf, 0.0)
    wide = np.pad(PICTURE, (len(psf) - 1) // 2, mode="reflect")[None]
    y = counts(clean.operator(torch.from_numpy(wide)).numpy(), 4.0) + np.random.default_rng(3).normal(0, 12, (1, *PICTURE.shape))
    problem = counted(deblurring(y[0], psf, 0.0), CountNoise(4.0, 12.0))
    assert levels(problem, clean.operator, wide) == (pytest.approx(1, abs=0.06), pytest.approx(1, abs=0.06))
    assert (problem.noise.kind, problem.noise.read_sigma) == (NoiseKind.POISSON_GAUSSIAN, 12.0)


def test_strong_noise_under_a_blur_is_weighed_by_the_image_and_not_by_itself():
    """Least squares of a blur hold much more noise than image: weights by them came out anyhow."""
    psf = gaussian_psf(1.2)
    clean = deblurring(PICTURE, psf, 0.0)
    wide = np.pad(PICTURE, (len(psf) - 1) // 2, mode="reflect")[None]
    means = clean.operator(torch.from_numpy(wide)).numpy()[0]
    y = counts(means, 10.0)
    weights = counted(deblurring(y, psf, 0.0), CountNoise(10.0)).y[0][y > 0] / y[y > 0]
    ideal = np.sqrt(np.maximum(means, 10.0))[y > 0]
    assert (weights * ideal).std() < 0.15 * (weights * ideal).mean()


def test_missing_pixels_among_counts_are_posed_where_the_noise_is_of_one_level():
    keep = np.random.default_rng(2).random(PICTURE.shape) < 0.7
    problem = inpainting_of_counts(counts(PICTURE, 5.0), keep, CountNoise(5.0))
    assert problem.sigma == 1
    assert problem.noise.sigma == pytest.approx(np.sqrt(5 * PICTURE.mean()), rel=0.02)
    stabilised = inpainting_of_counts(PICTURE, keep, CountNoise(5.0)).y
    bright = PICTURE[None] > np.median(PICTURE)
    for half in (bright, ~bright):
        assert (problem.y - stabilised)[half & keep].std() == pytest.approx(1, abs=0.08)
    # The way back is unbiased: the mean of many noisy values is the mean.
    flat = inpainting_of_counts(counts(np.full((64, 64), 20.0), 5.0), keep[:64, :64], CountNoise(5.0))
    assert flat.view(np.full((1, 64, 64), flat.y[flat.y != 0].mean())).mean() == pytest.approx(20, rel=0.02)


def test_a_gain_that_nobody_told_is_found_in_a_picture_or_is_1():
    assert CountNoise().in_picture(counts(PICTURE, 5.0)).gain == pytest.approx(5, rel=0.1)
    assert CountNoise().in_numbers(np.array([3.0, 0.0, 7.0])).gain == 1
    assert CountNoise(2.5).in_numbers(np.array([0.3])).gain == 2.5


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: CountNoise().in_numbers(np.array([0.5, 1.0])), "no whole numbers; expected what one count adds"),
        (lambda: CountNoise().in_picture(np.full((16, 16), np.nan)), "expected its gain"),
        (lambda: counted(linear_problem(ALL, np.array([1.0, -2, 3, 4]), 0.0), CountNoise(1.0)), "down to -2;"),
        (lambda: counted(linear_problem(ALL, np.ones(4) * 1j, 0.0), CountNoise(1.0)), "complex"),
        (lambda: counted(linear_problem(ALL, np.ones(4), 0.0), CountNoise()), "without its gain"),
    ],
)
def test_what_cannot_be_counts_is_refused(call, expected):
    with pytest.raises(CgDenoiseError, match=expected):
        call()
