import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from structured import PICTURES, noisy

from cgdenoise.noise.quiet import quietest_level, quietest_of_coarse

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("quantile", [0.05, 0.1])
@pytest.mark.parametrize("ends", [(-np.inf, np.inf), (-np.inf, 0.0), (0.0, np.inf)])
def test_white_noise_has_its_level_clipped_or_not(quantile, ends):
    noise = np.clip(3 * np.random.default_rng(1).standard_normal((200, 200, 1)), *ends)
    assert quietest_level(noise, quantile) == pytest.approx(3, rel=0.3)


@pytest.mark.parametrize(
    "name", ["text 8", "text 10, two values", "modules 2", "checkerboard 1", "comb 3", "bar code 1", "stars 0.7"]
)
def test_ink_does_not_count(name):
    picture = np.atleast_3d(PICTURES[name](128)).astype(float)
    assert quietest_level(picture, 0.05) <= 0.3
    assert quietest_level(np.atleast_3d(noisy(picture, 15, 2)).astype(float), 0.05) == pytest.approx(15, rel=0.25)


def test_it_follows_the_unit_and_leaves_out_missing_values():
    image = RNG.standard_normal((60, 70, 3))
    image[10:20] = np.nan
    level = quietest_level(image, 0.1)
    assert quietest_level(5 * image - 3, 0.1) == pytest.approx(5 * level)
    assert quietest_level(np.full((9, 9, 1), np.nan), 0.1) == np.inf


@pytest.mark.parametrize("width", [0.0, 0.7, 1.5, 3.0])
def test_coarse_noise_shows_what_is_expected_of_it(width):
    noise = gaussian_filter(np.random.default_rng(2).standard_normal((500, 500, 1)), (width, width, 0), mode="wrap")
    distance = np.hypot(*np.indices((8, 8)))
    autocorrelation = np.exp(-np.square(distance) / (4 * width**2)) if width else (distance == 0).astype(float)
    expected = quietest_of_coarse(autocorrelation, 0.1)
    assert quietest_level(noise / noise.std(), 0.1) == pytest.approx(expected, rel=0.12)
