"""Noise that may have been coarse before an image was stored as JPEG."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

from cgdenoise import denoise
from cgdenoise.noise import NoiseKind, choose
from cgdenoise.restoration import whole
from cgdenoise.restoration.presets import PRESETS, within

NOISE = 5 / 0.48 * gaussian_filter(np.random.default_rng(0).standard_normal((144, 144, 3)), (0.6, 0.6, 0))


def stored(page: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(np.clip(np.round(page), 0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file), float)


def test_even_noise_of_which_no_fine_frequency_is_left_may_have_been_coarse():
    model = choose(stored(128 + NOISE, 75))
    assert model.kind is NoiseKind.CORRELATED
    assert model.stored.jpeg.quality == 75
    assert model.correlation_length > 1
    assert "or coarse before" in model.reasons[1]
    assert choose(stored(128 + NOISE, 75), NoiseKind.GAUSSIAN).kind is NoiseKind.GAUSSIAN
    assert choose(stored(128 + NOISE, 50)).kind is NoiseKind.GAUSSIAN  # that makes all noise coarse
    assert choose(stored(128 + 3 * NOISE, 75)).kind is NoiseKind.GAUSSIAN  # enough is left to tell


def test_texture_is_possibly_noise_if_a_fit_says_that_it_is_weak():
    noise, texture = (stored(page, 75) for page in (128 + NOISE, data.astronaut()[40:184, 130:274].astype(float)))
    assert choose(texture).kind is NoiseKind.GAUSSIAN
    possible = choose(texture, fit_follows=True)
    assert possible.kind is NoiseKind.CORRELATED
    assert possible.stored.believed_coarse < 1 < choose(noise).stored.believed_coarse
    assert choose(noise, fit_follows=True).stored == choose(noise).stored


@pytest.mark.parametrize(("heard", "kind"), [(0.2, NoiseKind.CORRELATED), (4.0, NoiseKind.GAUSSIAN)])
def test_what_a_fit_misses_decides(heard, kind, monkeypatch):
    image = stored(128 + NOISE, 75)
    most = choose(image / 255).stored.level / np.ptp(image)  # in the unit of the fit, or twice that
    monkeypatch.setattr(whole, "held_out_level", lambda *_: heard * most)
    preset = within(PRESETS["fast"], members=1, max_iterations=3)
    result = denoise(image, preset=preset)
    assert result.noise.kind is kind
    assert result.noise.stored is not None
    assert np.square(result.image - 128).mean() < 0.3 * np.square(image - 128).mean()
