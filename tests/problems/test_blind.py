"""A blur that nobody told: its kind and its numbers, by the spectrum."""

import numpy as np
import pytest
from scipy.signal import fftconvolve
from skimage import data
from skimage.transform import resize

from cgdenoise.errors import ImageError
from cgdenoise.operators import disk_psf, gaussian_psf, motion_psf
from cgdenoise.problems.blind import blind_deblurring, find_blur


@pytest.fixture(scope="module")
def photographs():
    def grey(values):
        side = min(values.shape[:2])
        return resize(values[:side, :side].astype(float), (192, 192), anti_aliasing=True)

    return {"camera": grey(data.camera()), "coffee": grey(data.coffee().mean(2))}


def blurred(image, psf):
    y = fftconvolve(image, psf, mode="valid")
    return np.clip(np.rint(y + np.random.default_rng(0).normal(0, 2, y.shape)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "psf", "kind", "numbers"),
    [
        ("camera", gaussian_psf(1.6), "gaussian", (1.6,)),
        ("coffee", disk_psf(3.0), "disk", (3.0,)),
        ("camera", motion_psf(15, 30), "motion", (15, 30)),
    ],
)
def test_a_blur_is_found(photographs, name, psf, kind, numbers):
    found = find_blur(blurred(photographs[name], psf))
    assert found.kind == kind
    assert found.numbers == pytest.approx(numbers, rel=0.1)


@pytest.mark.slow
def test_colours_and_units_make_no_difference(photographs):
    grey = blurred(photographs["camera"], disk_psf(2.5)).astype(np.float64)
    colour = np.dstack([grey, 0.5 * grey, 0.2 * grey])
    assert find_blur(7 * colour - 300).kind == "disk"
    problem = blind_deblurring(grey, None)
    assert problem.found == {"psf_found": str(find_blur(grey))}
    assert problem.warnings[-1].startswith(f"the blur was found to be {find_blur(grey)}")


def test_a_sharp_picture_is_left_alone(photographs):
    with pytest.raises(ImageError, match="no blur was found in it"):
        find_blur(photographs["camera"])


@pytest.mark.parametrize("page", [np.zeros((63, 200)), np.full((90, 90), 7.0), np.full((90, 90, 3), np.nan)])
def test_what_has_no_spectrum_is_refused(page):
    with pytest.raises(ImageError, match="expected"):
        blind_deblurring(page, None)
