"""Quality on real pictures, with the noise level not given. Minutes long: `pytest -m slow`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

import cgdenoise
from cgdenoise.fitlog.outcome import peak_of
from cgdenoise.restoration.hooks import Hooks
from cgdenoise.restoration.presets import PRESETS

pytestmark = pytest.mark.slow
SHARED = Path(__file__).parents[2] / "shared" / "data"


def noisy(clean: np.ndarray, seed: int) -> np.ndarray:
    return clean + 25 / 255 * np.random.default_rng(seed).standard_normal(clean.shape)


def test_fast_preset_on_a_colour_photograph():
    clean = data.astronaut()[:256, 96:352] / 255
    seen = {}
    result = cgdenoise.denoise(
        noisy(clean, 0),
        preset="fast",
        progress=Hooks(observers=[lambda s: seen.setdefault(s.label.index, {}).update({s.iteration: s.image()})]),
    )
    restored = result.image
    assert cgdenoise.psnr(restored, clean, peak_of(clean)) > 28.4  # 28.7 when written
    # The held-out stop lies within 0.15 dB of the best iterate of the same fit.
    fit = result.fits[-1]
    quality = {iteration: cgdenoise.psnr(image, clean, 1.0) for iteration, image in seen[fit.label.index].items()}
    assert quality[fit.iteration] > max(quality.values()) - 0.15


def test_members_and_depths_improve_on_one_fit():
    clean = data.camera()[100:228, 180:308] / 255
    one = cgdenoise.denoise(noisy(clean, 1), preset="fast").image
    many = cgdenoise.denoise(noisy(clean, 1), preset="balanced").image
    assert cgdenoise.psnr(many, clean, 1.0) > cgdenoise.psnr(one, clean, 1.0) + 0.2


@pytest.mark.skipif(not (SHARED / "set12").is_dir(), reason="the measurement images are not here")
@pytest.mark.parametrize("name", ["01", "07"])
def test_grey_measurement_images(name):
    clean = np.asarray(Image.open(SHARED / "set12" / f"{name}.png").convert("L"), float) / 255
    preset = replace(PRESETS["balanced"], members=3)
    # 29.2 and 29.0 from a like run when written; the generators alone give 26.
    assert cgdenoise.psnr(cgdenoise.denoise(noisy(clean, 2), preset=preset).image, clean, 1.0) > 28.5
