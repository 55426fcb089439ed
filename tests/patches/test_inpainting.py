"""Gaps filled from groups of similar patches."""

import math

import pytest
import torch
from skimage import data

from cgdenoise.patches.inpainting import fill_missing, pixels_filled
from cgdenoise.progress import Cancelled


def scene(side: int = 40) -> torch.Tensor:
    """Stripes that grow narrower, [1, H, W], from 0.25 to 0.75."""
    row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return (0.5 + 0.25 * torch.sin(0.4 * (row + column) + 0.003 * (row + 2 * column) ** 2))[None]


def holes(shape: tuple[int, ...], share: float, seed: int = 0) -> torch.Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) >= share).float()


def rms(x: torch.Tensor) -> float:
    return float(x.square().mean().sqrt())


@pytest.mark.parametrize("missing", [0.4, 0.8])
def test_missing_values_are_filled_and_known_values_stay(missing):
    image = scene()
    known = holes(image.shape, missing)
    y = torch.where(known > 0, image, math.nan)
    start = torch.where(known > 0, image, 0.5)
    filled = fill_missing(y, known, start, 0.0)
    assert torch.equal(filled[known > 0], image[known > 0])
    assert rms(filled - image) < 0.5 * rms(start - image)


def test_noise_is_removed_from_known_values():
    image, sigma = scene(), 0.1
    known = holes(image.shape, 0.3)
    y = image + sigma * torch.randn(image.shape, generator=torch.Generator().manual_seed(1))
    filled = fill_missing(y, known, torch.where(known > 0, y, 0.5), sigma)
    assert rms((filled - image)[known > 0]) < 0.7 * sigma


def test_channels_tell_of_one_another():
    texture = 0.5 + 0.1 * torch.randn(1, 40, 40, generator=torch.Generator().manual_seed(4))
    image = torch.cat([texture, 1 - texture, texture])
    together, apart = holes((1, *image.shape[1:]), 0.5).expand(image.shape), holes(image.shape, 0.5)
    errors = [rms(fill_missing(image, known, torch.where(known > 0, image, 0.5), 0.0) - image) for known in (together, apart)]
    assert errors[1] < 0.6 * errors[0]


def test_what_no_patch_shows_is_taken_from_the_nearest_values():
    """Kriging: a known value that the groups do not explain draws its neighbours along, the nearest most."""
    known = torch.zeros(1, 31, 31)
    known[0, 15, 15] = 1
    beside = fill_missing(known, known, torch.zeros_like(known), 0.0)[0, 15, 15:20]
    assert beside[0] == 1
    assert (beside.diff() < 0).all()
    assert beside[1] > 0.1
    assert beside[-1] < 0.03


@pytest.mark.parametrize("shape", [(1, 3, 5), (2, 1, 7), (9, 8, 6), (3, 1, 1)])
def test_small_images_and_many_channels(shape):
    image = torch.rand(shape, generator=torch.Generator().manual_seed(2))
    known = holes(shape, 0.5, seed=3)
    filled = fill_missing(image, known, torch.full(shape, 0.5), 0.0)
    assert filled.shape == shape
    assert torch.isfinite(filled).all()


def test_everything_known_and_nothing_known():
    image = scene()
    assert torch.equal(fill_missing(image, torch.ones_like(image), image, 0.0), image)
    filled = fill_missing(image, torch.zeros_like(image), torch.full_like(image, 0.3), 0.0)
    torch.testing.assert_close(filled, torch.full_like(image, 0.3))


@pytest.mark.parametrize(("channels", "missing", "share"), [(1, 0.5, 0.5), (6, 0.5, 0.5), (1, 0.9, 1)])
def test_the_pixels_are_told_as_they_are_filled(channels, missing, share):
    image = scene(100).expand(channels, -1, -1)
    told = []
    fill_missing(image, holes(image.shape, missing), image, 0.0, told.append)
    assert len(told) > 8 * math.ceil(channels / 4)  # several tiles in each of four passes
    assert sum(told) == pytest.approx(share * pixels_filled(image.shape))


def test_filling_ends_when_it_is_told_to():
    image, told = scene(), []

    def tick(pixels):
        told.append(pixels)
        raise Cancelled

    with pytest.raises(Cancelled):
        fill_missing(image, holes(image.shape, 0.5), image, 0.0, tick)
    assert len(told) == 1


def test_whole_pixels_of_a_photograph_are_filled_by_large_patches():
    image = torch.from_numpy(data.astronaut()[40:104, 180:244].transpose(2, 0, 1) / 255).float()
    known = holes((1, 64, 64), 0.5).expand(image.shape)
    start = torch.where(known > 0, image, image.mean((1, 2), keepdim=True))
    assert rms(fill_missing(image, known, start, 0.0) - image) < 0.0282  # 0.0287 by patches of 4


def test_any_number_of_channels_is_filled():
    image = scene(32).expand(5, -1, -1)
    known = holes((1, 32, 32), 0.4).expand(image.shape)
    start = torch.where(known > 0, image, 0.5)
    assert rms(fill_missing(image, known, start, 0.0) - image) < 0.5 * rms(start - image)
