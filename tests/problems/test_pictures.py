"""Pictures as measurements: what is assumed of their noise where nobody tells."""

import numpy as np
import pytest
from skimage import data

from cgdenoise.operators import Kernel
from cgdenoise.problems import inpainting, upscaling

PICTURE = data.camera()[64:192, 128:256].astype(float)
NOISE = np.random.default_rng(1).standard_normal(PICTURE.shape)
KEEP = np.random.default_rng(0).random(PICTURE.shape) < 0.5


@pytest.mark.parametrize(
    "level",
    [lambda page: inpainting(page, KEEP, None), lambda page: upscaling(page, 2, Kernel.BOX, None)],
    ids=["holes", "small"],
)
def test_noise_is_assumed_where_it_is_certain_and_in_no_texture(level):
    clean, noisy = level(PICTURE), level(PICTURE + 15 * NOISE)
    assert (clean.sigma, clean.sigma_estimated) == (0, True)
    assert (noisy.sigma, noisy.sigma_estimated) == (pytest.approx(15, rel=0.15), True)


def test_small_or_constant_pictures_show_no_noise():
    assert upscaling(PICTURE[:64, :64] + 15 * NOISE[:64, :64], 2, Kernel.BOX, None).sigma == 0
    assert inpainting(np.full((128, 128), 3.0), KEEP, None).sigma == 0
