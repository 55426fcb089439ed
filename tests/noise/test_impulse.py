import numpy as np
import pytest
from skimage import data
from structured import PICTURES as STRUCTURED
from structured import noisy as with_noise

from cgdenoise.errors import ImageError
from cgdenoise.noise.impulse import find_impulses

CAMERA = data.camera()[60:252, 130:322].astype(float)
COFFEE = data.coffee()[100:228, 200:328].astype(float)
PICTURES = {"camera": CAMERA, "coffee": COFFEE, "moon": data.moon()[:192, :192].astype(float)}


def salt_and_pepper(image, share, rng):
    u = rng.random(image.shape[:2] + (1,) * (image.ndim - 2)) * np.ones(image.shape)
    return np.where(u < share / 2, 0.0, np.where(u > 1 - share / 2, 255.0, image))


def random_valued(image, share, rng):
    return np.where(rng.random(image.shape) < share, rng.uniform(0, 255, image.shape), image)


def clipped(image):
    return np.clip(np.round(image), 0, 255)


def gaussian(image, sigma, rng):
    return image + sigma * rng.standard_normal(image.shape)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("name", PICTURES)
def test_salt_and_pepper_is_found_almost_completely(name, share):
    image = PICTURES[name]
    noisy = salt_and_pepper(image, share, np.random.default_rng(0))
    found = find_impulses(noisy)
    assert found.share == pytest.approx(share, abs=max(5 * found.share_error, 0.1 * share))
    assert ((noisy != image) & ~found.mask).mean() < 1e-3
    assert ((noisy == image) & found.mask).mean() < 0.01


@pytest.mark.parametrize("finish", [clipped, np.asarray], ids=["clipped", "unclipped"])
@pytest.mark.parametrize("share", [0.02, 0.4])
def test_salt_and_pepper_on_gaussian_noise(share, finish):
    rng = np.random.default_rng(1)
    before = finish(gaussian(CAMERA, 20, rng))
    noisy = salt_and_pepper(before, share, rng)
    found = find_impulses(noisy)
    assert (found.low, found.high) == (0, 255)
    assert ((noisy != before) & ~found.mask).mean() < 2e-3


def noises(image, rng):
    return {
        "clean": image,
        "gaussian 25": gaussian(image, 25, rng),
        "clipped 10": clipped(gaussian(image, 10, rng)),
        "clipped 50": clipped(gaussian(image, 50, rng)),
        "poisson": rng.poisson(image / 25.5).astype(float),
        "poisson clipped": np.minimum(rng.poisson(image / 25.5), 10.0),
    }


@pytest.mark.parametrize("name", PICTURES)
def test_other_noise_is_not_taken_for_impulses(name):
    for kind, noisy in noises(PICTURES[name], np.random.default_rng(2)).items():
        found = find_impulses(noisy)
        assert not found.present, kind
        assert not found.mask.any()


@pytest.mark.parametrize("name", STRUCTURED)
def test_ink_is_not_taken_for_impulses(name):
    picture = STRUCTURED[name](128)
    for sigma in (0, 5, 15, 25):
        found = find_impulses(with_noise(picture, sigma, seed=11).astype(float))
        assert not found.mask.any(), sigma


@pytest.mark.parametrize("share", [0.05, 0.3, 0.7])
@pytest.mark.parametrize("name", ["text 14", "text 20, two values", "text 40", "plot", "drawing", "screen"])
def test_salt_and_pepper_on_ink(name, share):
    picture = STRUCTURED[name](192).astype(float)
    noisy = salt_and_pepper(picture, share, np.random.default_rng(12))
    found = find_impulses(noisy)
    # Salt in a black stroke cannot be told from the white beside it, nor a stroke under many impulses from those.
    assert found.mask[(noisy == 0) & (picture > 200)].mean() > 0.8
    assert found.mask[noisy == picture].mean() < 0.2


@pytest.mark.parametrize("share", [0.05, 0.1])
@pytest.mark.parametrize("name", ["text 20", "text 40", "plot", "drawing"])
def test_random_values_on_ink(name, share):
    picture = STRUCTURED[name](192).astype(float)
    noisy = random_valued(picture, share, np.random.default_rng(13))
    found = find_impulses(noisy)
    assert found.mask[np.abs(noisy - picture) > 60].mean() > 0.6
    assert found.mask[noisy == picture].mean() < 0.08


def test_sparse_photons_follow_the_light_and_are_no_salt():
    light = np.where(np.indices((128, 128))[1] < 64, 0.02, 0.1)
    assert not find_impulses((np.random.default_rng(14).random((128, 128)) < light).astype(float)).present


def test_a_saturated_area_is_image_and_impulses_beside_it_are_not():
    image = np.tile(np.linspace(60, 160, 128), (128, 1))
    image[40:90, 40:90] = 255
    noisy = salt_and_pepper(image, 0.3, np.random.default_rng(3))
    found = find_impulses(noisy)
    inside = np.s_[44:86, 44:86]
    assert (found.mask & (noisy == image))[inside].mean() < 0.01
    assert found.mask[inside][noisy[inside] == 0].all()
    assert ((noisy != image) & ~found.mask).mean() < 1e-3


def test_an_extreme_in_one_channel_alone_is_image_where_impulses_take_whole_pixels():
    image = COFFEE.copy()
    bars = np.zeros(image.shape[:2], dtype=bool)
    bars[20:100, 30:32] = True
    image[bars, 0] = 255
    noisy = salt_and_pepper(image, 0.2, np.random.default_rng(4))
    found = find_impulses(noisy)
    kept = bars & (noisy == image).all(axis=2)
    assert found.mask[kept, 0].mean() < 0.1
    assert found.mask[noisy[..., 1] != image[..., 1]].all()


def test_impulses_of_one_sign():
    noisy = np.where(np.random.default_rng(5).random(CAMERA.shape) < 0.05, 255.0, CAMERA)
    found = find_impulses(noisy)
    assert found.low is None
    assert found.high == 255
    assert not (found.mask & (noisy != 255)).any()


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_random_values_far_from_the_image_are_found(share):
    noisy = random_valued(CAMERA, share, np.random.default_rng(6))
    found = find_impulses(noisy)
    assert found.present
    assert found.low is None
    assert found.mask[np.abs(noisy - CAMERA) > 60].mean() > 0.9
    assert found.mask[noisy == CAMERA].mean() < 0.06


def test_salt_and_pepper_smeared_by_later_noise():
    rng = np.random.default_rng(7)
    before = salt_and_pepper(CAMERA, 0.2, rng)
    found = find_impulses(gaussian(before, 10, rng))
    assert found.mask[np.abs(before - CAMERA) > 60].mean() > 0.9


@pytest.mark.parametrize("make", [salt_and_pepper, random_valued])
@pytest.mark.parametrize(("scale", "offset"), [(2.0, 64.0), (-0.5, 0.0), (1024.0, -8192.0)])
def test_result_follows_the_unit(make, scale, offset):
    # Multiples of 1/16 stay exact in all these units.
    noisy = np.round(make(CAMERA, 0.2, np.random.default_rng(8)) * 16) / 16
    one, other = find_impulses(noisy), find_impulses(scale * noisy + offset)
    assert np.array_equal(one.mask, other.mask)
    assert other.share == pytest.approx(one.share)
    values = [None if v is None else scale * v + offset for v in (one.low, one.high)]
    assert [other.low, other.high] == (values if scale > 0 else values[::-1])


def test_missing_values_are_no_impulses_and_hide_none():
    noisy = salt_and_pepper(CAMERA, 0.2, np.random.default_rng(9))
    holes = noisy.copy()
    holes[30:60, 40:90] = np.nan
    found = find_impulses(holes)
    assert not found.mask[np.isnan(holes)].any()
    away = np.s_[70:]
    assert found.mask[away][noisy[away] != CAMERA[away]].all()
    assert (found.mask != find_impulses(noisy).mask)[away].mean() < 1e-4


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 200), (20, 20, 3), (0, 4)])
def test_small_and_empty_images(shape):
    for image in (np.zeros(shape), np.full(shape, np.nan), np.random.default_rng(10).integers(0, 3, shape).astype(float)):
        assert find_impulses(image).mask.shape == shape


def test_what_is_no_image_is_refused():
    with pytest.raises(ImageError, match="1 dimensions"):
        find_impulses(np.zeros(5))
