"""Magnetic resonance off the grid: the start, the coils, the noise, what is held out."""

import numpy as np
import pytest
import torch
from skimage.data import shepp_logan_phantom
from skimage.transform import resize

from cgdenoise.errors import MeasurementError
from cgdenoise.metrics import psnr
from cgdenoise.operators.nonuniform import NonUniformFourier
from cgdenoise.problems import solve
from cgdenoise.problems.trajectory import Trajectory, trajectory_problem

SIDE = 48


def radial(spokes):
    angles, reach = np.pi * np.arange(spokes)[:, None] / spokes, (np.arange(2 * SIDE) - SIDE) / (2 * SIDE)
    return trajectory(np.stack([reach * np.cos(angles), reach * np.sin(angles)], -1))


def spiral(arms, turns=6.0):
    time = np.linspace(0, 1, 300)
    angles = 2 * np.pi * (turns * time + np.arange(arms)[:, None] / arms)
    return trajectory(0.5 * time[:, None] ** 1.5 * np.stack([np.cos(angles), np.sin(angles)], -1))


def trajectory(points):
    return Trajectory(points, np.broadcast_to(np.arange(len(points))[:, None], points.shape[:2]))


@pytest.fixture(scope="module")
def phantom():
    return resize(shepp_logan_phantom(), (SIDE, SIDE), anti_aliasing=True)


@pytest.fixture(scope="module")
def maps():
    row, column = np.meshgrid(*(np.linspace(-1, 1, SIDE),) * 2, indexing="ij")
    angles = 2 * np.pi * np.arange(4) / 4
    found = np.stack([np.exp(-((row - np.sin(a)) ** 2 + (column - np.cos(a)) ** 2) / 0.9 + 1j * (a + row)) for a in angles])
    return found / np.sqrt((np.abs(found) ** 2).sum(0))


def samples(path, images, sigma=0.0):
    transform = NonUniformFourier(images.shape, path.points.reshape(-1, 2))
    y = transform(torch.from_numpy(images + 0j)).numpy().reshape(*images.shape[:-2], *path.shape)
    noise = np.random.default_rng(0).normal(size=(2, *y.shape)) / np.sqrt(2)
    return y + sigma * (noise[0] + 1j * noise[1])


@pytest.mark.parametrize("path", [radial(64), spiral(16)], ids=["radial", "spiral"])
def test_the_start_is_near_where_samples_are_many(phantom, path):
    problem = trajectory_problem(samples(path, phantom), path, (SIDE, SIDE))
    assert psnr(np.abs(problem.start.image()), phantom, 1.0) > 23
    assert problem.operator(torch.from_numpy(phantom + 0j)).numpy() == pytest.approx(problem.y, abs=1e-5)


def test_of_coils_sensitivities_and_noise_are_estimated(phantom, maps):
    path = radial(40)
    problem = trajectory_problem(samples(path, maps * phantom, 0.02), path, (SIDE, SIDE))
    assert problem.sigma_estimated
    assert problem.sigma == pytest.approx(0.02, rel=0.2)
    assert problem.operator.in_shape == (SIDE, SIDE)
    given = trajectory_problem(samples(path, maps * phantom), path, (SIDE, SIDE), maps, 0.0)
    assert given.operator(torch.from_numpy(phantom + 0j)).numpy() == pytest.approx(given.y, abs=1e-4)


def test_without_a_dense_centre_every_coil_has_its_own_image(phantom, maps):
    path = radial(3)
    problem = trajectory_problem(samples(path, maps * phantom), path, (SIDE, SIDE))
    assert problem.operator.in_shape == (4, SIDE, SIDE)
    assert problem.view(problem.start.image()).shape == (SIDE, SIDE)


def test_readouts_are_held_out_whole_but_for_the_middle(phantom):
    path = radial(20)
    sampling = trajectory_problem(samples(path, phantom), path, (SIDE, SIDE)).sampling
    units = sampling.units.reshape(20, 2 * SIDE).numpy()
    assert (units[:, SIDE] == -1).all()
    assert (units[:, 0] == np.arange(20)).all()


@pytest.mark.parametrize("y", [np.zeros((20, 96)), np.zeros((20, 95), complex), np.zeros((96, 20), complex)])
def test_what_does_not_go_with_the_trajectory_is_refused(y):
    with pytest.raises(MeasurementError, match=r"y of shape .* as the trajectory"):
        trajectory_problem(y, radial(20), (SIDE, SIDE))


@pytest.mark.slow
@pytest.mark.parametrize("path", [radial(16), spiral(6)], ids=["radial", "spiral"])
def test_a_phantom_of_few_readouts_is_far_ahead_of_its_start(phantom, path):
    problem = trajectory_problem(samples(path, phantom, 0.01), path, (SIDE, SIDE), sigma=0.01)
    found, start = (psnr(np.abs(image), phantom, 1.0) for image in (solve(problem).image, problem.start.image()))
    assert found > start + 6
