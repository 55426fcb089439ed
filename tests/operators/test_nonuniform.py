"""The transform at any points of the plane."""

import numpy as np
import pytest
import torch

from cgdenoise.errors import OperatorError
from cgdenoise.operators import Fourier
from cgdenoise.operators.nonuniform import NonUniformFourier, density_compensation

SHAPE = (7, 10)


def grid():
    down, across = np.meshgrid((np.arange(7) - 3) / 7, (np.arange(10) - 5) / 10, indexing="ij")
    return np.stack([across.ravel(), down.ravel()], 1)


def test_at_the_points_of_the_grid_it_is_the_transform_of_the_grid():
    x = torch.randn(2, *SHAPE, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    found = NonUniformFourier((2, *SHAPE), grid())(x).reshape(2, *SHAPE)
    assert torch.allclose(found, Fourier((2, *SHAPE))(x), atol=1e-10)


def test_weights_of_spokes_grow_with_the_distance():
    angles, reach = np.pi * np.arange(48)[:, None] / 48, (np.arange(64) - 32) / 64
    points = np.stack([reach * np.cos(angles), reach * np.sin(angles)], -1).reshape(-1, 2)
    weights = density_compensation(NonUniformFourier((32, 32), points)).reshape(48, 64).mean(0)
    middle = weights[40:56] / np.abs(reach[40:56])
    assert middle.max() < 1.2 * middle.min()


@pytest.mark.parametrize(
    ("points", "told"),
    [(np.full((3, 2), 0.6), "points up to 0.6 cycles"), (np.zeros((3, 3)), "expected .m, 2."), (np.full((3, 2), np.nan), "nan")],
)
def test_points_outside_of_the_plane_are_refused(points, told):
    with pytest.raises(OperatorError, match=told):
        NonUniformFourier(SHAPE, points)
