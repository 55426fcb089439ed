import numpy as np
import pytest
from skimage import data

from cgdenoise.noise.missing import sigma_from_differences


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_level_of_few_known_pixels(share):
    rng, clean = np.random.default_rng(0), data.astronaut()[:256, 96:352] / 255
    image = clean + 0.1 * rng.standard_normal(clean.shape)
    image[rng.random(image.shape[:2]) < share] = np.nan
    assert sigma_from_differences(image) == pytest.approx(0.1, rel=0.15)


def test_nothing_known_gives_no_level():
    assert sigma_from_differences(np.full((40, 40, 1), np.nan)) == 0
