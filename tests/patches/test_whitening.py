"""The filter that makes correlated noise white, and its inverse."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from cgdenoise.patches.cosine import back, transformed
from cgdenoise.patches.whitening import Whitening

RNG = np.random.default_rng(0)
WIDTH = 0.7
LAGS = np.exp(-np.square(np.arange(8)) / (4 * WIDTH**2))
LAGS_2D = tuple(map(tuple, np.outer(LAGS, LAGS).tolist()))
SHAPE = (60, 97)


def coarse_noise() -> torch.Tensor:
    noise = RNG.standard_normal((2, SHAPE[0] + 40, SHAPE[1] + 40))
    for axis in (1, 2):
        noise = gaussian_filter1d(noise, WIDTH, axis=axis)
    noise = noise[:, 20:-20, 20:-20]
    return torch.tensor(noise / noise.std(), dtype=torch.float32)


def lag_1(noise: torch.Tensor) -> float:
    return float((noise[..., 1:] * noise[..., :-1]).mean() / noise.square().mean())


def test_noise_of_the_law_becomes_white_and_keeps_its_level():
    noise = coarse_noise()
    white = Whitening.of(LAGS_2D, SHAPE, 0.01).whiten(noise)
    assert lag_1(noise) > 0.55
    assert abs(lag_1(white)) < 0.1
    assert float(white.std()) == pytest.approx(1, rel=0.05)
    power = torch.fft.rfft2(white, norm="ortho").abs().square().mean(0)
    assert 0.7 < float(power[:15, :15].mean()) < 1.4  # shading, too: 0.1 without the filter at the other end


def test_how_loud_what_is_left_is_where_there_is_any():
    assert Whitening.of(None, SHAPE, 0.01).loudest == pytest.approx(1)
    lags = np.exp(-np.square(np.arange(8)) / (4 * 1.5**2))
    # Above a hundredth of the strongest there is a quarter of a disc of frequencies up to sqrt(log 100) / 1.5.
    share = np.log(100) / 1.5**2 / (4 * np.pi)
    loudest = Whitening.of(tuple(map(tuple, np.outer(lags, lags).tolist())), SHAPE, 0.01).loudest
    assert loudest == pytest.approx(share**-0.5, rel=0.35)


@pytest.mark.parametrize("floor", [0.01, 0.15])
def test_it_is_undone(floor):
    image, whitening = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(0)), Whitening.of(LAGS_2D, SHAPE, floor)
    torch.testing.assert_close(whitening.undo(whitening.whiten(image)), image, rtol=0, atol=1e-5)
    assert float((whitening.whiten(image) - image).abs().max()) > 0.1


def test_a_floor_bounds_what_a_frequency_is_raised_by():
    for floor in (0.01, 0.15):
        gains = Whitening.of(LAGS_2D, SHAPE, floor).gains
        assert gains.max() / gains.min() == pytest.approx(floor**-0.5, rel=1e-4)


def test_white_noise_is_left_as_it_is():
    image = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(0))
    whitening = Whitening.of(None, SHAPE, 0.01)
    torch.testing.assert_close(whitening.whiten(image), image, rtol=0, atol=1e-6)


def test_errors_that_are_coarse_become_white_and_keep_their_level():
    white = torch.randn(4, *SHAPE, generator=torch.Generator().manual_seed(1))
    frequency = np.hypot(*np.meshgrid(*(np.arange(side) / (2 * side) for side in SHAPE), indexing="ij")).clip(1 / 32)
    coarse = back(transformed(white) * torch.from_numpy(frequency**-0.5).float())
    whitened = Whitening.of_coarse_errors(SHAPE).whiten(coarse / coarse.std())
    assert float(whitened.std()) == pytest.approx(1, rel=0.05)
    power = transformed(whitened).square().mean(0)
    assert float(power[:20, :30].mean()) == pytest.approx(float(power[-20:, -30:].mean()), rel=0.2)
