"""Fourier samples: on the grid or alone, calibration, and maps from the centre."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_erosion
from skimage import data
from skimage.transform import resize

from cgdenoise.errors import MeasurementError
from cgdenoise.operators import Fourier
from cgdenoise.problems import estimate_maps, fourier_lines, fourier_problem, parallel_problem, solve
from cgdenoise.problems.espirit import calibration, estimate_sensitivities
from cgdenoise.restoration.presets import RECONSTRUCTION


@pytest.fixture
def image():
    rows, columns = np.mgrid[-1:1:48j, -1:1:40j]
    inside = rows**2 + columns**2 < 0.8
    return inside * (1 + 0.5 * np.cos(9 * rows) * np.sin(7 * columns)) * np.exp(1j * rows)


@pytest.fixture
def maps():
    rows, columns = np.mgrid[-1:1:48j, -1:1:40j]
    raw = np.stack([np.exp(-((rows - r) ** 2) - (columns - c) ** 2 + 1j * c * rows) for r in (-1, 1) for c in (-1, 1)])
    return raw / np.sqrt((abs(raw) ** 2).sum(0))


def transform(image):
    return Fourier(image.shape).__call__(torch.from_numpy(image)).numpy()


def test_lines_are_the_centre_and_a_share_of_all():
    mask = fourier_lines((10, 100), 0.25, 3)
    assert mask.shape == (10, 100)
    assert mask[0].sum() == 25
    assert mask[:, 46:54].all()
    assert (mask == mask[:1]).all()
    assert not np.array_equal(mask, fourier_lines((10, 100), 0.25, 4))


@pytest.mark.parametrize("shape", [(48, 40), (47, 41)])
def test_calibration_is_the_largest_centred_block(shape):
    mask = np.zeros(shape, bool)
    top, left = shape[0] // 2, shape[1] // 2
    mask[top - 6 : top + 6, left - 3 : left + 4] = True
    assert calibration(mask) == (12, 7)
    assert calibration(fourier_lines(shape, 0.3, 0)) == (shape[0], pytest.approx(0.08 * shape[1], abs=1))
    assert calibration(np.ones(shape, bool)) == shape
    assert calibration(np.zeros(shape, bool)) == (0, 0)


def test_maps_come_from_the_centre(image, maps):
    mask = np.zeros((48, 40), bool)
    mask[16:32, 12:28] = True
    found = estimate_maps(transform(maps * image) * mask, mask)
    inside = abs(image) > 0.7
    assert np.allclose((abs(found) ** 2).sum(0)[inside], 1, atol=1e-5)
    # Only up to a phase that all coils share: that is the image's.
    agreement = abs((found.conj() * maps).sum(0))[inside]
    assert agreement.min() > 0.99
    assert np.mean(agreement) > 0.999


def test_without_a_centre_every_coil_has_its_image(image, maps):
    mask = np.zeros((48, 40), bool)
    mask[:, ::4] = True
    y = transform(maps * image) * mask
    assert estimate_maps(y, mask) is None
    problem = parallel_problem(y, None, None, 0.0)
    assert problem.operator.in_shape == (4, 48, 40)
    np.testing.assert_allclose(problem.view(maps * image), abs(image), atol=1e-12)
    assert np.array_equal(problem.sampling.valid.numpy()[0] > 0, mask)


def test_given_maps_explain_the_samples(image, maps):
    y = transform(maps * image)
    problem = parallel_problem(y, None, maps, 0.0)
    np.testing.assert_allclose(problem.operator(torch.from_numpy(image)).numpy(), y, atol=1e-5)


@pytest.mark.parametrize("level", [0.02, 0.1])
def test_the_noise_level_is_what_no_image_explains(image, maps, level):
    y = transform(maps * image)
    rng = np.random.default_rng(0)
    y += level * (rng.standard_normal(y.shape) + 1j * rng.standard_normal(y.shape)) / 2**0.5
    problem = parallel_problem(y, None, maps, None)
    assert problem.sigma == pytest.approx(level, rel=0.05)
    assert problem.sigma_estimated
    assert parallel_problem(y, None, maps, 0.3).sigma == 0.3


def test_samples_alone_go_where_the_mask_says(image):
    mask = fourier_lines((48, 40), 0.5, 0)
    grid = np.where(mask, transform(image), 0)
    np.testing.assert_array_equal(fourier_problem(grid[mask], mask, False, 0.0).y, grid)
    np.testing.assert_array_equal(fourier_problem(grid, None, False, 0.0).sampling.valid.numpy() > 0, mask)


@pytest.mark.parametrize(
    ("y", "mask", "message"),
    [
        (np.ones((8, 8)), None, "complex"),
        (np.ones((2, 8, 8), complex), None, r"\(H, W\)"),
        (np.ones(9, complex), np.ones((2, 5), bool), "9 samples and a mask with 10"),
        (np.ones(9, complex), None, "9 samples and no mask"),
        (np.ones((8, 8), complex), np.ones((8, 9), bool), r"\(8, 9\)"),
    ],
)
def test_what_does_not_go_together_is_refused(y, mask, message):
    with pytest.raises(MeasurementError, match=message):
        fourier_problem(y, mask, False, 0.0)


def test_maps_of_another_shape_are_refused():
    with pytest.raises(MeasurementError, match="maps"):
        parallel_problem(np.ones((2, 8, 8), complex), None, np.ones((3, 8, 8), complex), 0.0)


@pytest.mark.parametrize("shape", [(8, 64, 4), (12, 12, 4), (16, 160, 4), (200, 200, 33)])
def test_narrow_planes_are_taken_as_they_are(shape):
    assert parallel_problem(np.ones(shape, complex), None, np.ones(shape, complex), 0.0).operator.out_shape == shape


@pytest.mark.parametrize("shape", [(96, 96, 4), (17, 160, 4), (320, 320, 32)])
def test_coils_that_come_last_are_refused(shape):
    with pytest.raises(MeasurementError, match=r"the coils came last; expected \[coils, H, W\]"):
        parallel_problem(np.ones(shape, complex), None, None, 0.0)


def test_a_mask_that_contradicts_the_samples_is_told(image):
    y, taken, others = transform(image), fourier_lines((48, 40), 0.3, 0), fourier_lines((48, 40), 0.3, 1)
    (warning,) = fourier_problem(y * taken, others, False, 0.0).warnings
    assert f"{np.count_nonzero(others & ~taken)} of {np.count_nonzero(others)} samples" in warning
    assert f"and {np.count_nonzero(taken & ~others)} others are not" in warning
    padded = y * (np.arange(40) < 34)  # a plane sampled but for its edge, of which the mask takes a part
    for samples, mask in ((y * taken, taken), (y, taken), (y * taken, np.ones_like(taken)), (padded, taken)):
        assert fourier_problem(samples, mask, False, 0.0).warnings == ()


def scanned(coils, level, side=96, width=24):
    """A phantom that several coils see, with noise, a third of its lines, and a centre: image, maps, mask, samples."""
    phantom = resize(data.shepp_logan_phantom(), (side, side), anti_aliasing=True)
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    image = phantom * np.exp(1j * (rows + columns / 2))
    angles = 2 * np.pi * np.arange(coils) / coils
    around = [(np.sin(a), np.cos(a), a) for a in angles]
    maps = np.stack([np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / 1.5 + 1j * (a + rows * c)) for r, c, a in around])
    maps /= np.sqrt((abs(maps) ** 2).sum(0))
    mask = fourier_lines((side, side), 1 / 3, 0) | (abs(np.arange(side) - side // 2) < width // 2)
    rng = np.random.default_rng(0)
    noise = level / 2**0.5 * (rng.standard_normal(maps.shape) + 1j * rng.standard_normal(maps.shape))
    return image, maps, mask, (transform(maps * image) + noise) * mask


def error(found, maps, where):
    """Distance of maps from the true ones, to a phase that all coils share, in root mean square."""
    towards = (found * maps.conj()).sum(0)
    turned = found * np.exp(-1j * np.angle(towards))
    return np.sqrt(np.mean((abs(turned - maps) ** 2).sum(0)[where]))


@pytest.mark.slow
@pytest.mark.parametrize(("coils", "level"), [(4, 0), (4, 0.01), (8, 0.03)])
def test_maps_and_their_support_are_those_of_sigpy(coils, level):
    calibration_of = pytest.importorskip("sigpy.mri.app").EspiritCalib
    image, maps, mask, y = scanned(coils, level)
    theirs = calibration_of(y.astype(np.complex64), calib_width=24, crop=0.95, show_pbar=False).run()
    ours = estimate_maps(y, mask, crop=0.95)
    supports = [abs(found).any(0) for found in (theirs, ours)]
    assert np.mean(supports[0] == supports[1]) > 0.9
    inside = abs(image) > 0.05
    assert all(support[inside].mean() > 0.999 for support in supports)
    agreement = abs((theirs.conj() * ours).sum(0))[inside & supports[0] & supports[1]]
    assert agreement.mean() > 0.999
    assert error(ours, maps, inside) < 1.02 * error(theirs, maps, inside)


def test_noise_of_the_centre_is_no_signal():
    image, maps, mask, y = scanned(8, 0.03)
    found = estimate_sensitivities(y, mask)
    assert error(found.maps, maps, abs(image) > 0.05) < 0.04  # 0.07 if the patches' noise counts as signal
    outside = binary_erosion(abs(image) < 1e-3, iterations=12)
    assert np.mean(found.eigenvalues[outside] < 0.8) > 0.6


def test_image_is_0_where_no_coil_sees_an_object():
    image, maps, mask, y = scanned(4, 0.01, side=48, width=16)
    cropped, whole = (parallel_problem(y, mask, None, 0.01, crop) for crop in (0.8, 0))
    given = parallel_problem(y, mask, maps, 0.01)
    assert given.support is None
    assert whole.support.all()
    assert cropped.support[abs(image) > 0.05].all()
    assert 0.3 < cropped.support.mean() < 0.9
    assert not cropped.shown(np.ones((48, 48)))[~cropped.support].any()


@pytest.mark.slow
def test_reconstruction_is_0_where_no_coil_sees_an_object():
    *_, mask, y = scanned(4, 0.01, side=48, width=16)
    problem = parallel_problem(y, mask, None, 0.01)
    solved = solve(problem, preset=replace(RECONSTRUCTION["fast"], members=1, max_iterations=10))
    np.testing.assert_array_equal(solved.image != 0, problem.support)
