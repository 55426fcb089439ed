"""An image at half its size, and what is put back among the low frequencies."""

import pytest
import torch

from cgdenoise.patches.scales import can_be_halved, halved, with_coarse

SIZES = [(64, 64), (70, 91), (65, 128)]
every_size = pytest.mark.parametrize("size", SIZES)


def image(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@every_size
def test_half_the_size_keeps_the_mean(size):
    whole = 3 + image(2, *size)
    half, _ = halved(whole)
    assert half.shape == (2, size[0] // 2, size[1] // 2)
    torch.testing.assert_close(half.mean((1, 2)), whole.mean((1, 2)))


def test_noise_stays_white_and_is_as_weak_as_told():
    half, weaker = halved(image(1, 512, 512))
    assert float(half.std()) == pytest.approx(weaker, rel=0.01)
    assert abs(float((half[:, 1:] * half[:, :-1]).mean())) < 0.01 * weaker**2
    assert abs(float((half[..., 1:] * half[..., :-1]).mean())) < 0.01 * weaker**2


@every_size
def test_two_scales_that_agree_are_the_image(size):
    fine = image(3, *size)
    torch.testing.assert_close(with_coarse(fine, halved(fine)[0], torch.ones(1, *size)), fine, rtol=0, atol=1e-5)


def test_a_coarse_scale_without_noise_takes_half_of_it_from_the_low_frequencies():
    smooth = torch.outer(torch.linspace(0, 1, 96), torch.linspace(0, 1, 80))[None]
    noise = 0.1 * halved(image(1, 96, 80))[0]
    low = torch.nn.functional.interpolate(noise[None], scale_factor=16, mode="bilinear")[0][:, :96, :80]
    found = with_coarse(smooth + low, halved(smooth)[0], torch.ones(1, 96, 80))
    assert float((found - smooth).std()) == pytest.approx(float(low.std()) / 2, rel=0.05)


def test_nothing_changes_where_nothing_was_taken_out():
    fine, removed = image(1, 64, 64), torch.zeros(1, 64, 64)
    removed[:, :20] = 1
    found = with_coarse(fine, torch.zeros(1, 32, 32), removed)
    assert torch.equal(found[:, 20:], fine[:, 20:])
    assert not torch.equal(found[:, :20], fine[:, :20])


def test_small_images_are_not_halved():
    assert can_be_halved(image(1, 64, 80))
    assert not can_be_halved(image(1, 63, 80))
