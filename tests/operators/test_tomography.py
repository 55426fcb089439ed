"""Line integrals, held against scikit-image's, the ASTRA toolbox's and those of a blob, which are known."""

import numpy as np
import pytest
import torch
from skimage.transform import radon

from cgdenoise.errors import OperatorError
from cgdenoise.operators.tomography import Fan, Scan, projector

WIDTH = 3.0
ANGLES = np.array([0.0, 20.0, 90.0, 135.0, 200.0, 290.0])


def blob(shape, row, column):
    """A Gaussian at a place that is given from the axis, whose integral along a line is known from their distance."""
    rows, columns = (np.arange(side) - side // 2 for side in shape)
    return np.exp(-((rows[:, None] - row) ** 2 + (columns - column) ** 2) / (2 * WIDTH**2))


def integrals(distance):
    return np.sqrt(2 * np.pi) * WIDTH * np.exp(-(distance**2) / (2 * WIDTH**2))


def measured(scan, image):
    return projector(scan, image.shape)(torch.from_numpy(image)).numpy()


@pytest.mark.parametrize("side", [40, 41])
def test_parallel_beams_are_those_of_scikit_image(side):
    image = blob((side, side), -6, 5) + 0.5 * blob((side, side), 3, -8)
    at = np.arange(side) - side // 2
    image[np.hypot(at, at[:, None]) > side // 2 - 1] = 0  # it wants nothing outside of the circle
    expected = radon(image, ANGLES, circle=True).T
    assert np.abs(measured(Scan(ANGLES, side, side // 2), image) - expected).max() < 0.01 * expected.max()


@pytest.mark.parametrize("fan", [None, Fan(90, 0), Fan(90, 60)])
def test_a_blob_is_seen_where_it_is(fan):
    row, column, image = -6.0, 9.0, blob((50, 37), -6, 9)
    scan = Scan(ANGLES, 60, 27.5, 1.5, fan)
    found = measured(scan, image)
    for view, angle in enumerate(np.deg2rad(ANGLES)):
        x, y, place = column, -row, (np.arange(60) - 27.5) * 1.5
        across, ahead = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        distance = place - across
        if fan is not None:
            # From the source the detector's points lie at (place, source + detector), the blob at (across, source + ahead).
            reach = fan.source + fan.detector
            distance = (place * (fan.source + ahead) - across * reach) / np.hypot(place, reach)
        assert np.abs(found[view] - integrals(distance)).max() < 0.015 * found.max()


def test_what_no_ray_meets_is_refused():
    with pytest.raises(OperatorError, match="no ray meets it"):
        projector(Scan(ANGLES, 5, 500), (8, 8))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Fan(0, 3), "a source at 0"),
        (lambda: Scan(np.array([np.nan]), 5, 2), "angles of shape"),
        (lambda: Scan(ANGLES, 5, 2, pitch=0), "5 bins of 0 pixels"),
    ],
)
def test_impossible_scans_are_refused(make, told):
    with pytest.raises(OperatorError, match=told):
        make()


@pytest.mark.slow
@pytest.mark.parametrize("fan", [None, Fan(90, 60)])
def test_it_is_the_matrix_of_the_astra_toolbox(fan):
    astra = pytest.importorskip("astra")
    side, angles = 41, np.deg2rad(ANGLES)
    beams = astra.create_proj_geom("parallel", 1.5, side, angles) if fan is None else astra.create_proj_geom(
        "fanflat", 1.5, side, angles, fan.source, fan.detector
    )  # fmt: skip
    kind = "linear" if fan is None else "line_fanflat"
    matrix = astra.matrix.get(astra.projector.matrix(astra.create_projector(kind, beams, astra.create_vol_geom(side, side))))
    image = blob((side, side), -6, 5) + 0.5 * blob((side, side), 3, -8)
    expected = (matrix @ image.ravel()).reshape(len(ANGLES), side)
    found = measured(Scan(ANGLES, side, side // 2, 1.5, fan), image)
    assert np.abs(found - expected).max() < (1e-3 if fan is None else 0.05) * expected.max()  # there a line, not interpolated
