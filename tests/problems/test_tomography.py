"""Computed tomography: the start, the noise, dead bins, an axis that is elsewhere."""

import numpy as np
import pytest
import torch
from skimage.data import shepp_logan_phantom
from skimage.transform import iradon, resize

from cgdenoise.errors import MeasurementError
from cgdenoise.metrics import psnr
from cgdenoise.operators.tomography import Fan, Scan, projector
from cgdenoise.problems import solve
from cgdenoise.problems.tomography import filtered_back_projection, tomography_problem, unevenness

SIDE = 48
ANGLES = np.linspace(0, 180, 40, endpoint=False)
WHOLE_TURN = np.linspace(0, 360, 80, endpoint=False)
PARALLEL = Scan(ANGLES, SIDE, SIDE // 2)
FANS = Scan(WHOLE_TURN, 80, 41.5, 1.2, Fan(120, 50))


@pytest.fixture(scope="module")
def phantom():
    return resize(shepp_logan_phantom(), (SIDE, SIDE), anti_aliasing=True)


def sinogram(scan, image):
    return projector(scan, image.shape)(torch.from_numpy(image)).numpy()


def test_filtered_back_projection_is_that_of_scikit_image(phantom):
    y = sinogram(PARALLEL, phantom)
    expected = iradon(y.T, ANGLES, circle=True)
    at = np.arange(SIDE) - SIDE // 2
    inside = np.hypot(at, at[:, None]) < SIDE // 2 - 2
    assert np.abs(filtered_back_projection(y, PARALLEL, phantom.shape) - expected)[inside].max() < 1e-6


def test_filtered_back_projection_of_fans_is_as_good(phantom):
    found = filtered_back_projection(sinogram(FANS, phantom), FANS, phantom.shape)
    parallel = filtered_back_projection(sinogram(PARALLEL, phantom), PARALLEL, phantom.shape)
    assert psnr(found, phantom, 1.0) > psnr(parallel, phantom, 1.0) - 0.5


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_the_noise_is_estimated(phantom, sigma):
    y = sinogram(PARALLEL, phantom) + np.random.default_rng(0).normal(0, sigma, (40, SIDE))
    assert unevenness(y) == pytest.approx(sigma, rel=0.2)
    assert tomography_problem(y, PARALLEL, (SIDE, SIDE)).sigma == unevenness(y)


def test_integrals_count_by_the_photons_that_passed(phantom):
    y = sinogram(PARALLEL, phantom) / 5
    problem = tomography_problem(y, PARALLEL, (SIDE, SIDE), photons=1e4)
    rng = np.random.default_rng(0)
    counted = -np.log(rng.poisson(1e4 * np.exp(-y)) / 1e4)
    residual = problem.y - np.sqrt(np.exp(-y)) * counted
    assert residual.std() / problem.sigma == pytest.approx(1, rel=0.1)
    assert problem.operator(torch.from_numpy(phantom / 5)).numpy() == pytest.approx(problem.y, rel=1e-5)


def test_dead_bins_do_not_count(phantom):
    y = sinogram(PARALLEL, phantom)
    y[:, 20] = np.nan
    problem = tomography_problem(y, PARALLEL, (SIDE, SIDE), 0.1)
    assert not problem.sampling.valid[:, 20].any()
    assert problem.sampling.valid[:, :20].all()
    assert psnr(problem.start.image(), phantom, 1.0) > 20


def test_an_axis_elsewhere_is_told_of(phantom):
    wide = Scan(ANGLES, 64, 32)
    y = sinogram(Scan(ANGLES, 64, 35.0), phantom)
    (warning,) = tomography_problem(y, wide, (SIDE, SIDE), 0.1).warnings
    assert warning == "the views turn about bin 35.0, and the axis was taken to be at 32; see --axis"
    assert tomography_problem(sinogram(wide, phantom), wide, (SIDE, SIDE), 0.1).warnings == ()


@pytest.mark.parametrize("y", [np.zeros((3, 4)), np.zeros((40, SIDE), complex), np.full((40, SIDE), np.nan)])
def test_what_is_no_sinogram_of_the_scan_is_refused(y):
    with pytest.raises(MeasurementError, match="a sinogram of shape"):
        tomography_problem(y, PARALLEL, (SIDE, SIDE))


@pytest.mark.slow
def test_a_phantom_from_few_views_is_far_ahead_of_its_start(phantom):
    scan = Scan(ANGLES[::2], SIDE, SIDE // 2)
    problem = tomography_problem(sinogram(scan, phantom), scan, phantom.shape)
    assert psnr(solve(problem).image, phantom, 1.0) > psnr(problem.start.image(), phantom, 1.0) + 8
