"""Pictures that are no photographs come out no worse, and clean ones as they were. `benchmarks/harmless.py` has all of them."""

from dataclasses import replace

import numpy as np
import pytest
from skimage import data
from structured import PICTURES, noisy

import cgdenoise
from cgdenoise.fitting.plan import Preset
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.noise import NoiseKind, NoiseModel

SHORT = Preset(
    generators=(DecoderSpec((32, 32, 16)),), probe_iterations=0, members=1, max_iterations=40, patience=20, guided=True
)
INK = ["text 10", "text 14, white, two values", "plot", "modules 2", "comb 3", "drawing", "screen", "stars 0.7"]


def restored(picture, preset=SHORT, **known):
    result = cgdenoise.denoise(picture, preset=preset, **known)
    image = result.image
    return np.clip(np.round(image), 0, 255), result


def psnr(picture, clean):
    return cgdenoise.psnr(picture, clean.astype(float), 255)


@pytest.mark.parametrize("name", INK)
def test_clean_ink_stays_as_it_is(name):
    picture = PICTURES[name](96)
    image, _ = restored(picture)
    assert psnr(image, picture) > 45


@pytest.mark.parametrize("name", INK[::2])
def test_noise_on_ink_gets_less(name):
    clean = PICTURES[name](96)
    data = noisy(clean, 15, 3)
    image, _ = restored(data)
    assert psnr(image, clean) > psnr(data, clean) + 0.5


@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize("picture", [data.camera()[:128, 200:328], data.coffee()[100:228, 200:328], data.brick()[:128, :128]])
def test_clean_photographs_stay_as_they_are(picture, clipped):
    if clipped:
        picture = np.clip((picture - np.median(picture)) * 4 + 128, 0, 255).astype(np.uint8)
    image, _ = restored(picture)
    assert psnr(image, picture) > 45


COARSE = np.outer([1, 0.7, 0.3, 0.05], [1, 0.7, 0.3, 0.05])
"""An autocorrelation."""

CAMERA = data.camera()[100:196, 180:276].astype(float)


@pytest.mark.parametrize("kind", ["correlated", "poisson", "impulse", "gaussian"])
def test_a_model_that_takes_ink_for_noise_is_not_believed(monkeypatch, kind):
    clean = PICTURES["text 14"](96)
    data = noisy(clean, 5, 4).astype(float)
    right = NoiseModel(NoiseKind.GAUSSIAN, 5 / 255, np.zeros((96, 96, 1), bool))
    wrong = {
        "correlated": replace(right, kind=NoiseKind.CORRELATED, sigma=0.3, autocorrelation=COARSE),
        "poisson": replace(right, kind=NoiseKind.POISSON, sigma=0.3, gain=0.2, offset=-0.1),
        "impulse": replace(right, kind=NoiseKind.IMPULSE, impulses=data[..., None] < 128),
        "gaussian": replace(right, sigma=0.35),
    }[kind]
    monkeypatch.setattr("cgdenoise.restoration.whole.choose", lambda *args, **known: wrong)
    image, result = restored(data)
    assert psnr(image, clean) > psnr(data, clean) - 0.1
    assert "does not look like" in result.warnings[0]
    assert result.noise.kind == "gaussian"


def test_what_the_user_says_of_the_noise_is_done_and_doubted():
    clean = PICTURES["text 14"](96)
    _, result = restored(noisy(clean, 5, 4), sigma=2, noise="gaussian")
    assert result.sigma == 2
    assert result.warnings == ()
    image, result = restored(clean, sigma=90)
    assert result.sigma == 90
    assert psnr(image, clean) < 30
    assert "does not look like" in result.warnings[0]
    assert "instead" not in result.warnings[0]
