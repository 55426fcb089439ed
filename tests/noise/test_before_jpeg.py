"""The level of noise before an image was stored as JPEG."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

from cgdenoise.noise import NoiseKind, choose
from cgdenoise.noise.before_jpeg import StoredNoise, find_stored_noise
from cgdenoise.noise.jpeg import Jpeg

CLEAN = data.astronaut()[40:168, 130:258].astype(float)


def stored(sigma: float, quality: int, clean: np.ndarray = CLEAN) -> np.ndarray:
    file = io.BytesIO()
    page = np.clip(np.round(clean + sigma * np.random.default_rng(0).standard_normal(clean.shape)), 0, 255)
    Image.fromarray(page.astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.atleast_3d(np.asarray(Image.open(file), float))


@pytest.mark.parametrize(("sigma", "quality"), [(10, 90), (10, 70), (15, 90), (15, 50), (15, 30), (25, 50)])
def test_noise_that_was_mostly_rounded_away_is_measured(sigma, quality):
    found = find_stored_noise(stored(sigma, quality))
    assert found is not None
    assert found.is_white
    assert found.level == pytest.approx(sigma, rel=0.1)
    grey = find_stored_noise(stored(sigma, quality, CLEAN[..., 1]))
    assert grey is not None
    assert grey.level == pytest.approx(sigma, rel=0.15)


def test_without_noise_only_as_much_as_rounding_hides_is_assumed():
    found = find_stored_noise(stored(0, 50))
    assert found is not None
    assert found.level == StoredNoise(Jpeg(50, 1.0), 0.0).level == pytest.approx(10, rel=0.05)
    assert found.sigma < found.hidden


def test_coarse_noise_is_not_taken_for_white():
    noise = gaussian_filter(np.random.default_rng(0).standard_normal((128, 128, 3)), (0.8, 0.8, 0))
    found = find_stored_noise(stored(0, 90, 128 + 40 * noise))
    assert found is not None
    assert not found.is_white
    assert choose(stored(0, 97, 128 + 40 * noise)).kind is NoiseKind.CORRELATED
    assert choose(stored(0, 90, 128 + 40 * noise)).kind is NoiseKind.CORRELATED
    assert choose(stored(0, 80, 128 + 40 * noise)).stored is not None  # it may be texture, and so much is lost


def test_what_is_left_is_what_quantisation_leaves():
    flat = np.full((256, 256, 3), 128.0)
    for quality in (90, 60):
        noise = find_stored_noise(stored(12, quality, flat))
        assert noise is not None
        left = stored(12, quality, flat) - flat
        assert np.sqrt(np.trace(noise.covariance) / 3) == pytest.approx(left.std(), rel=0.1)


def test_the_model_says_so_unless_the_user_says_more():
    image = stored(15, 70)
    model = choose(image / 255)
    assert model.kind is NoiseKind.GAUSSIAN
    assert model.reasons == (f"stored as JPEG of quality 70; before, it had white noise of {model.stored.level:.2g} of 255",)
    assert 3 * model.sigma**2 == pytest.approx(np.trace(model.covariance))
    in_unit = model.in_unit(0.5, 4)
    assert in_unit.stored.jpeg.unit == pytest.approx(model.stored.jpeg.unit / 4)
    np.testing.assert_allclose(in_unit.stored.covariance, in_unit.covariance)
    assert "of at most" in choose(stored(0, 50) / 255).reasons[0]
    assert choose(image / 255, sigma=0.06).stored is None
    assert choose(image / 255, NoiseKind.CORRELATED).stored is None
