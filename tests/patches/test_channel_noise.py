import pytest
import torch

from cgdenoise.patches.channel_noise import ChannelNoise

COVARIANCE = torch.tensor([[4.0, 3.0, 1.0], [3.0, 5.0, 2.0], [1.0, 2.0, 6.0]]) / 100


@pytest.mark.parametrize("noise", [ChannelNoise.equal(0.1, 1), ChannelNoise.equal(0.1, 3), ChannelNoise.of(COVARIANCE)])
def test_rotating_there_and_back(noise):
    image = torch.rand(len(noise.axes), 5, 7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(noise.rotate_back(noise.rotate(image)), image, rtol=0, atol=1e-6)


def test_axes_of_a_covariance_make_its_noise_independent():
    noise = ChannelNoise.of(COVARIANCE)
    axes = torch.tensor(noise.axes)
    torch.testing.assert_close(axes @ COVARIANCE @ axes.T, torch.diag(torch.tensor(noise.sigmas).square()), rtol=0, atol=1e-6)
    assert list(noise.sigmas) == sorted(noise.sigmas, reverse=True)
    assert noise.level**2 == pytest.approx(0.05)
    assert noise.scaled(2).level == pytest.approx(2 * noise.level)


def test_noise_that_all_channels_share_lies_along_one_axis():
    noise = ChannelNoise.of(torch.full((3, 3), 0.01))
    assert noise.sigmas[0] == pytest.approx(0.1 * 3**0.5)
    assert noise.sigmas[1] == noise.sigmas[2] == pytest.approx(0.02 * noise.sigmas[0])


def test_colours_are_compared_by_luminance_unless_their_noise_differs():
    image = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(0))
    even, uneven = ChannelNoise.equal(0.1, 3), ChannelNoise(ChannelNoise.equal(0.1, 3).axes, (0.2, 0.1, 0.01))
    torch.testing.assert_close(even.comparable(even.rotate(image)), image.sum(0, keepdim=True) / 3**0.5)
    compared = uneven.comparable(uneven.rotate(image)) / uneven.rotate(image)
    torch.testing.assert_close(compared.mean((1, 2)), torch.tensor([1.0, 2.0, 1 / 0.3]))
