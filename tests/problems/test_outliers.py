"""Measurements that are far off: found, left out and told; and none where there are none."""

import numpy as np
import pytest
import torch
from skimage import data, transform

from cgdenoise.errors import MeasurementError
from cgdenoise.operators import DenseMatrix, random_matrix
from cgdenoise.operators.tomography import Scan
from cgdenoise.problems import deblurring, fourier_problem, linear_problem, tomography_problem, without_outliers
from cgdenoise.problems.outliers import impulses_in

SIDE = 40
IMAGE = transform.resize(data.camera()[60:300, 120:360].astype(float), (SIDE, SIDE), anti_aliasing=True)
MATRIX = random_matrix((SIDE, SIDE), SIDE**2 // 3, 0)
SCAN = Scan(np.linspace(0, 180, 30, endpoint=False), 60, 30)


def matrix():
    return linear_problem(MATRIX, MATRIX(torch.from_numpy(IMAGE)).numpy(), 0.0)


def scan():
    blank = tomography_problem(np.zeros((30, 60)) + 1.0, SCAN, (SIDE, SIDE), 0.0)
    return tomography_problem(blank.operator(torch.from_numpy(IMAGE)).numpy(), SCAN, (SIDE, SIDE), 0.0)


@pytest.mark.parametrize("pose", [matrix, scan])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.05])
def test_spikes_are_left_out_and_nothing_else(pose, share):
    problem, rng = pose(), np.random.default_rng(1)
    spikes = rng.random(problem.y.shape) < share
    y = np.where(spikes, problem.y + 5 * problem.y.std() * rng.choice([-1, 1], problem.y.shape), problem.y)
    found = without_outliers(type(problem)(**{**vars(problem), "y": y}))
    left_out = found.sampling.valid.numpy() == 0
    assert left_out[spikes].mean() > 0.95 if share else True
    assert left_out[~spikes].mean() < 0.001
    count = int(left_out.sum())
    assert found.found["outliers"] == str(count)
    assert found.warnings == problem.warnings + (() if not count else found.warnings[-1:])


def test_pixels_far_from_their_neighbours_are_found_in_a_picture():
    rng = np.random.default_rng(2)
    picture = data.camera()[60:188, 120:248].astype(float)
    spikes = rng.random(picture.shape) < 0.03
    noisy = np.where(spikes, rng.choice([0, 255], picture.shape), picture)
    found = impulses_in(noisy)
    assert found[spikes].mean() > 0.95
    assert found[~spikes].mean() < 0.002
    assert not impulses_in(picture).any()
    problem = deblurring(noisy, np.ones((3, 3)), None, found)
    assert np.array_equal(problem.sampling.valid[0].numpy() == 0, found)
    assert problem.sigma < deblurring(noisy, np.ones((3, 3)), None).sigma


def test_between_missing_pixels_those_beyond_the_range_are():
    rng = np.random.default_rng(3)
    keep, spikes = rng.random(IMAGE.shape) < 0.6, rng.random(IMAGE.shape) < 0.02
    noisy = np.where(spikes, IMAGE + 400, IMAGE)
    found = impulses_in(noisy, keep)
    assert np.array_equal(found, spikes & keep)
    assert not impulses_in(IMAGE, keep).any()
    assert not impulses_in(IMAGE, np.zeros(IMAGE.shape, bool)).any()


def test_complex_measurements_are_refused():
    samples = fourier_problem(np.ones((8, 8), complex), None, False, 0.0)
    with pytest.raises(MeasurementError, match="expected real measurements"):
        without_outliers(samples)


def test_constant_measurements_have_none():
    blank = linear_problem(DenseMatrix(np.eye(16), (4, 4)), np.ones(16), 0.0)
    assert without_outliers(blank).warnings == ()
