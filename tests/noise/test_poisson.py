import math

import numpy as np
import pytest
from skimage import data

from cgdenoise.errors import ImageError, OptionError
from cgdenoise.noise.pedestal import find_poisson_gaussian
from cgdenoise.noise.poisson import estimate_poisson_gaussian

CAMERA = data.camera()[100:356, 100:356] / 255
ASTRONAUT = data.astronaut()[:256, 100:356] / 255
COFFEE = data.coffee()[50:306, 150:406] / 255
IMAGES = {"camera": CAMERA, "astronaut": ASTRONAUT, "coffee": COFFEE}
RAMP = np.repeat(np.linspace(0.05, 1, 320)[None], 320, axis=0)

each_image = pytest.mark.parametrize("clean", IMAGES.values(), ids=IMAGES.keys())


def observe(clean, peak, sigma=0.0, seed=0):
    rng = np.random.default_rng(seed)
    return rng.poisson(clean * peak) / peak + sigma * rng.standard_normal(clean.shape)


def white(clean, sigma, seed=0):
    return clean + sigma * np.random.default_rng(seed).standard_normal(clean.shape)


def to_8_bit(image):
    return np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)


@each_image
@pytest.mark.parametrize("peak", [10, 30])
def test_counts_are_recognised(clean, peak):
    noise = estimate_poisson_gaussian(observe(clean, peak).astype(np.float32))
    assert noise.counts
    assert noise.is_signal_dependent
    assert noise.gain == pytest.approx(1 / peak, rel=1e-5)
    assert noise.sigma == noise.gain_error == noise.sigma_error == 0


@pytest.mark.parametrize("peak", [10, 30])
def test_counts_are_recognised_in_an_8_bit_file(peak):
    noise = estimate_poisson_gaussian(to_8_bit(observe(ASTRONAUT, peak)))
    assert noise.counts
    assert noise.gain == pytest.approx(255 / peak, rel=0.01)


@each_image
@pytest.mark.parametrize("peak", [10, 30])
@pytest.mark.parametrize("sigma", [1 / 255, 10 / 255])
def test_the_line_alone_gives_the_gain(clean, peak, sigma):
    noise = estimate_poisson_gaussian(observe(clean, peak, sigma))
    assert not noise.counts
    assert noise.is_signal_dependent
    assert noise.gain == pytest.approx(1 / peak, rel=0.1)
    # Small next to the noise of the counts, it can only be told as well as the darkest levels are.
    assert abs(noise.sigma**2 - sigma**2) < 0.1 / peak


def test_both_parts_and_their_errors_on_a_ramp():
    gain, sigma = 0.01, 0.05
    estimates = [estimate_poisson_gaussian(observe(RAMP, 1 / gain, sigma, seed)) for seed in range(8)]
    gains = np.array([e.gain for e in estimates])
    assert gains.mean() == pytest.approx(gain, rel=0.03)
    assert np.mean([e.sigma for e in estimates]) == pytest.approx(sigma, rel=0.03)
    assert 0.4 < np.mean([e.gain_error for e in estimates]) / gains.std() < 2.5
    assert np.mean([e.rise for e in estimates]) == pytest.approx((0.0095 + 0.0025) / (0.00098 + 0.0025), rel=0.1)


@each_image
@pytest.mark.parametrize("sigma", [10 / 255, 25 / 255, 50 / 255])
@pytest.mark.parametrize("store", [np.asarray, to_8_bit], ids=["real", "8 bit"])
def test_white_noise_is_not_taken_for_counts(clean, sigma, store):
    noise = estimate_poisson_gaussian(store(white(clean, sigma)))
    assert not noise.is_signal_dependent


@pytest.mark.parametrize("centre", [0.1, 0.9])
def test_clipping_is_corrected_for(centre):
    noise = estimate_poisson_gaussian(np.clip(white(centre + 0.1 * (RAMP - 0.5), 0.1), 0, 1))
    assert noise.sigma**2 + noise.gain * centre == pytest.approx(0.01, rel=0.1)


def test_noise_that_falls_with_brightness_has_no_gain():
    noise = estimate_poisson_gaussian(1 - observe(RAMP, 30, 0.02))
    assert noise.gain == 0
    assert noise.evidence == 0
    assert noise.rise == 1


@pytest.mark.parametrize("sigma", [0.0, 0.04])
@pytest.mark.parametrize(("a", "b"), [(65535.0, 500.0), (1e-6, -1e-7)])
def test_the_estimate_follows_the_unit(sigma, a, b):
    image = observe(CAMERA, 30, sigma)
    noise = estimate_poisson_gaussian(image)
    other = estimate_poisson_gaussian(a * image + b, offset=b)
    assert other.counts == noise.counts
    assert other.gain == pytest.approx(a * noise.gain, rel=1e-6)
    assert other.sigma == pytest.approx(a * noise.sigma, rel=1e-5)
    assert other.gain_error == pytest.approx(a * noise.gain_error, rel=1e-5)
    assert (other.rise, other.evidence) == pytest.approx((noise.rise, noise.evidence), rel=1e-5)


def test_missing_pixels_are_left_out():
    image = observe(CAMERA, 30, 0.04)
    image[40:60, 80:120] = np.nan
    assert estimate_poisson_gaussian(image).gain == pytest.approx(1 / 30, rel=0.1)


@pytest.mark.parametrize("shape", [(1, 1), (7, 200), (12, 12), (20, 20, 3)])
def test_small_images_tell_nothing(shape):
    noise = estimate_poisson_gaussian(np.random.default_rng(0).standard_normal(shape))
    assert noise.gain == noise.evidence == 0
    assert math.isinf(noise.gain_error)


@pytest.mark.parametrize("image", [np.zeros((64, 64)), np.tile([0.0, 1.0], (64, 32)), RAMP], ids=["black", "stripes", "ramp"])
def test_images_without_noise_are_no_counts(image):
    noise = estimate_poisson_gaussian(image)
    assert not noise.counts
    assert all(np.isfinite([noise.gain, noise.sigma, noise.rise, noise.evidence]))


def test_unusable_input_is_refused():
    with pytest.raises(ImageError, match="finite"):
        estimate_poisson_gaussian(np.full((64, 64), np.nan))
    with pytest.raises(ImageError, match=r"\(64,\)"):
        estimate_poisson_gaussian(np.zeros(64))
    with pytest.raises(OptionError, match="offset"):
        estimate_poisson_gaussian(np.zeros((64, 64)), offset=math.nan)


@each_image
@pytest.mark.parametrize("pedestal", [2.0, 20.0])
def test_a_pedestal_is_found_where_the_law_does_not_begin_at_zero(clean, pedestal):
    image = pedestal + observe(clean, 30, 0.03)
    assert not estimate_poisson_gaussian(image).is_signal_dependent  # too flat a line, if it has to begin at 0
    noise = find_poisson_gaussian(image, None, 0.0)
    assert noise.is_signal_dependent
    assert noise.gain == pytest.approx(1 / 30, rel=0.25)
    expected = clean.mean() / 30 + 0.03**2
    assert noise.gain * (image.mean() - noise.offset) + noise.sigma**2 == pytest.approx(expected, rel=0.25)
    assert find_poisson_gaussian(image, 0.0, 5.0) == estimate_poisson_gaussian(image)  # what was told is done


@each_image
@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.2])
def test_no_pedestal_makes_white_noise_grow_with_brightness(clean, sigma):
    assert not find_poisson_gaussian(white(clean, sigma), None, 0.0).is_signal_dependent
    assert not find_poisson_gaussian(5 + white(clean, sigma), None, 0.0).is_signal_dependent


def test_zero_is_where_the_unit_has_it():
    image = observe(CAMERA, 30)
    shifted = find_poisson_gaussian(image - 3, None, -3.0)
    assert shifted.offset == -3
    assert shifted.counts


def test_a_pedestal_that_nobody_told_is_where_the_variance_ends():
    rng = np.random.default_rng(0)
    # A small one, whose noise passes for that of a flatter line from 0.
    image = 0.05 + rng.poisson(RAMP * 50) / 50 + 0.002 * rng.standard_normal(RAMP.shape)
    noise = find_poisson_gaussian(image, None, 0.0)
    assert noise.offset == pytest.approx(0.05, abs=0.01)
    assert noise.gain == pytest.approx(1 / 50, rel=0.05)


@each_image
def test_without_a_pedestal_the_noise_begins_near_zero(clean):
    noise = find_poisson_gaussian(observe(clean, 30, 0.004), None, 0.0)
    assert noise.gain == pytest.approx(1 / 30, rel=0.1)
    assert 0 <= noise.offset < 0.02


def test_an_offset_that_is_given_stays():
    noise = find_poisson_gaussian(0.05 + observe(RAMP, 50, 0.002), 0.02, 0.0)
    assert noise.offset == 0.02
