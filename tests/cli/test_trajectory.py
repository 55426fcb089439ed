"""`mri --trajectory`: samples off the grid, from files to an array and a picture."""

import json
import sys

import numpy as np
import pytest
import torch

from cgdenoise.jobs.trajectory import read_trajectory
from cgdenoise.measurements import write_cfl
from cgdenoise.operators.nonuniform import NonUniformFourier

QUICK = ("--preset", "fast", "--members", "1", "--threads", "1", "--device", "cpu", "--max-iterations", "10")
SIDE = 24


@pytest.fixture
def points():
    angles, reach = np.pi * np.arange(20)[:, None] / 20, (np.arange(48) - 24) / 48
    return np.stack([reach * np.cos(angles), reach * np.sin(angles)], -1)


@pytest.fixture
def files(folder, clean, points):
    """Write an image, its samples along spokes, and the spokes in all units and orders."""
    image = clean[..., 0] / 255
    y = NonUniformFourier((SIDE, SIDE), points.reshape(-1, 2))(torch.from_numpy(image + 0j)).numpy().reshape(20, 48)
    np.save("clean.npy", image)
    np.save("y.npy", y)
    np.save("k.npy", points)
    np.save("radians.npy", 2 * np.pi * points)
    np.save("complex.npy", points[..., 0] + 1j * points[..., 1])
    np.save("whole.npy", SIDE * np.dstack([points, np.zeros((20, 48))]))
    write_cfl("bart_k", SIDE * np.concatenate([points.T, np.zeros((1, 48, 20))]))
    write_cfl("bart_y", y.T[None])
    np.save("far.npy", 100 * points)
    np.save("deep.npy", points[..., [0, 1, 1]])
    np.save("line.npy", points[0, :, 0])
    return folder


def image(cli, *options):
    outcome = cli("mri", *options, *QUICK, "-o", "r.png", "--force", "--json", "--reference", "clean.npy")
    assert (outcome.code, outcome.err) == (0, "")
    return np.load("r.npy"), json.loads(outcome.out)


def test_all_ways_to_state_a_trajectory_are_one(cli, files, light):
    expected, end = image(cli, "y.npy", "--trajectory", "k.npy", "--shape", "24,24")
    assert end["start"]["name"] == "density-compensated adjoint"
    assert expected.shape == (SIDE, SIDE)
    assert end["psnr"] > 12
    for name in ("radians.npy", "complex.npy", "whole.npy"):
        found, _ = image(cli, "y.npy", "--trajectory", name, "--shape", "24,24")
        assert found == pytest.approx(expected, abs=1e-3)


def test_bart_s_pairs_and_the_size_of_the_image_by_the_trajectory(cli, files, light):
    cli("mri", "bart_y.cfl", "--trajectory", "bart_k.cfl", *QUICK)
    from cgdenoise.measurements import read_measurements

    found = read_measurements("bart_y_reconstructed.cfl").y.squeeze()
    expected, _ = image(cli, "y.npy", "--trajectory", "k.npy", "--shape", "24,24")
    assert np.abs(found - expected).mean() < 0.02 * np.abs(expected).mean()


@pytest.mark.parametrize(("most", "side"), [(12.0, 24), (127.5, 256), (128.0, 256), (128.4, 256)])
def test_a_trajectory_in_cycles_for_the_whole_image_tells_its_size(folder, most, side):
    np.save("k.npy", most * np.array([[[-1.0, 0], [1, 0]], [[0, -1], [0, 1]]]))
    points, shape = read_trajectory("k.npy", None)
    assert shape == (side, side)
    assert np.abs(points.points).max() == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("y.npy", "--trajectory", "absent.npy"), "absent.npy: cannot be read"),
        (("y.npy", "--trajectory", "line.npy"), "line.npy: float64 of shape [48]; expected points (..., samples, 2)"),
        (("y.npy", "--trajectory", "deep.npy", "--shape", "9,9"), "deep.npy: points of shape [20, 48, 3] that leave the plane"),
        (("y.npy", "--trajectory", "far.npy", "--shape", "24,24"), "far.npy: a trajectory up to 50, outside of the plane"),
        (
            ("clean.npy", "--trajectory", "k.npy", "--shape", "24,24"),
            "clean.npy: y of shape [24, 24] and float64; expected [20, 48]",
        ),
    ],
)
def test_wrong_files_are_refused_in_a_line(refused, files, options, told):
    refused("mri", *options, *QUICK, names=told)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("y.npy", "--trajectory", "k.npy"), "k.npy: a trajectory up to 0.5 tells no size of the image; expected --shape H,W"),
        (("y.npy", "--trajectory", "k.npy", "--mask", "k.npy"), "--trajectory with --mask; expected one of them"),
        (("y.npy", "--trajectory", "k.npy", "--slice", "3"), "--trajectory with --slice; expected one of them"),
        (("y.npy", "--shape", "24,24"), "--shape without --trajectory"),
        (("y.npy", "--trajectory", "k.npy", "--shape", "2,24,24"), "--shape 2,24,24; expected H,W"),
    ],
)
def test_wrong_options_are_refused_in_a_line(refused, files, options, told):
    refused("mri", *options, *QUICK, names=told, code=2)


def test_without_finufft_the_line_says_what_to_install(refused, files, monkeypatch):
    monkeypatch.setitem(sys.modules, "finufft", None)
    told = "finufft; install it with: pip install 'cgdenoise[nufft]', or pip install finufft"
    refused("mri", "y.npy", "--trajectory", "k.npy", "--shape", "24,24", *QUICK, names=told)
