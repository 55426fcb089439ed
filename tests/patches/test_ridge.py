import math

import pytest
import torch
from skimage import data

from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.ridge import first_estimate, nonlocal_ridge, refine

SIZES = [(1, 1), (3, 5), (7, 7), (17, 31), (40, 8), (2, 40)]
SIGMA = 25 / 255
STEPS = {"first": first_estimate, "refine": lambda y, noise, **options: refine(y, y.roll(1, 2) / 2, noise, **options)}


def white(y: torch.Tensor, sigma: float = SIGMA) -> ChannelNoise:
    return ChannelNoise.equal(sigma, len(y))


def noisy(clean: torch.Tensor, sigma: float = SIGMA) -> torch.Tensor:
    return clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))


def psnr(image: torch.Tensor, clean: torch.Tensor) -> float:
    return -10 * math.log10((image - clean).square().mean())


@pytest.fixture(scope="module")
def camera() -> torch.Tensor:
    return torch.tensor(data.camera()[None, 100:228, 180:308] / 255, dtype=torch.float32)


@pytest.fixture(scope="module")
def astronaut() -> torch.Tensor:
    return torch.tensor(data.astronaut()[50:98, 180:228] / 255, dtype=torch.float32).permute(2, 0, 1)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("size", SIZES)
def test_any_size_and_number_of_channels(size, channels):
    y = noisy(torch.zeros(channels, *size))
    image = nonlocal_ridge(y, white(y))
    assert image.shape == y.shape
    assert image.isfinite().all()
    assert image.square().mean() <= y.square().mean() * 1.001


@pytest.mark.parametrize("channels", [1, 3])
def test_constant_image_is_left_alone(channels):
    y = torch.full((channels, 20, 24), 0.3)
    torch.testing.assert_close(nonlocal_ridge(y, white(y, 0.1)), y, rtol=0, atol=2e-6)


@pytest.mark.parametrize("step", STEPS)
def test_without_noise_nothing_changes(astronaut, step):
    torch.testing.assert_close(STEPS[step](astronaut, white(astronaut, 0.0)), astronaut, rtol=0, atol=1e-5)


@pytest.mark.parametrize("sigma", [1e-9, 1e-4])
def test_little_noise_and_a_pilot_of_rank_one(astronaut, sigma):
    ramp = torch.linspace(0, 1, 48).expand(3, 48, 48)
    assert refine(astronaut, ramp, white(ramp, sigma)).isfinite().all()
    torch.testing.assert_close(refine(noisy(ramp, sigma), ramp, white(ramp, sigma)), ramp, rtol=0, atol=10 * sigma + 1e-5)


def test_result_follows_the_unit_of_the_data(astronaut):
    y = noisy(astronaut)
    other = nonlocal_ridge(200 * y + 500, white(y, 200 * SIGMA))
    torch.testing.assert_close((other - 500) / 200, nonlocal_ridge(y, white(y)), rtol=0, atol=2e-5)


def test_same_bytes_twice(astronaut):
    y = noisy(astronaut)
    assert torch.equal(nonlocal_ridge(y, white(y)), nonlocal_ridge(y, white(y)))


def test_photograph_gains_what_was_measured(camera):
    y = noisy(camera)
    first = first_estimate(y, white(y))
    assert psnr(y, camera) == pytest.approx(20.14, abs=0.01)
    assert psnr(first, camera) == pytest.approx(28.31, abs=0.1)
    assert psnr(nonlocal_ridge(y, white(y)), camera) == pytest.approx(28.72, abs=0.1)


def test_better_pilot_gives_a_better_image(camera):
    y = noisy(camera)
    worst, middle, best = (psnr(refine(y, pilot, white(y)), camera) for pilot in (y, first_estimate(y, white(y)), camera))
    assert worst + 2 < middle  # measured: 23.42, 28.72, 31.66 dB
    assert middle + 2 < best
