"""Which architectures tell a picture from noise, on a small case; and the generators that are fitted for comparison."""

import numpy as np
import pytest
import torch
from skimage import data

from cgdenoise.experiments.fits import first_below, generator_rng, paper_decoder, shuffled, to_tensor, trace
from cgdenoise.experiments.jacobian import jacobian
from cgdenoise.experiments.networks import Architecture, Network, channels_for
from cgdenoise.experiments.pictures import square

SIDE, LEVELS = 16, 2
PICTURE = square(data.camera() / 255.0, SIDE)
NOISE = shuffled(PICTURE, np.random.default_rng(0))


def iterations_needed(network, target, budget):
    curves = trace(network, to_tensor(target), {}, budget, device="cpu", every=1)
    return min(first_below(curves.misfit / PICTURE.var(), curves.iterations, 0.1), budget)


@pytest.mark.parametrize("architecture", Architecture)
def test_only_fixed_filters_fit_a_picture_long_before_noise(architecture):
    def ratio():
        channels = channels_for(architecture, 16 * SIDE**2, LEVELS)
        needed = [
            iterations_needed(Network(architecture, channels, LEVELS, SIDE, generator_rng(0)), target, 150)
            for target in (PICTURE, NOISE)
        ]
        return needed[1] / needed[0]

    assert (ratio() > 4) == architecture.is_fixed


@pytest.mark.parametrize("architecture", Architecture)
@pytest.mark.parametrize("weights", [256, 4096])
def test_architectures_have_about_as_many_weights_as_asked_for(architecture, weights):
    channels = channels_for(architecture, weights, LEVELS)
    network = Network(architecture, channels, LEVELS, SIDE, generator_rng(0))
    assert network().shape == (1, 1, SIDE, SIDE)
    filters = sum(weight.numel() for weight in network.weights[:-1])
    assert 0.6 * weights < filters < 1.6 * weights


def test_shuffled_pixels_are_the_same_pixels():
    colour = data.astronaut()[:8, :6] / 255.0
    noise = shuffled(colour, np.random.default_rng(1))
    assert sorted(map(tuple, noise.reshape(-1, 3))) == sorted(map(tuple, colour.reshape(-1, 3)))
    assert not np.array_equal(noise, colour)


def test_a_trace_watches_the_iterate_against_pictures_it_does_not_know():
    generator = paper_decoder(16, 3, 1, SIDE, generator_rng(2))
    start = generator().detach().double().numpy()[0, 0]
    curves = trace(generator, to_tensor(PICTURE), {"picture": PICTURE, "noise": NOISE}, 20, device="cpu", every=10)
    assert curves.iterations.tolist() == [1, 10, 20]
    np.testing.assert_allclose(curves.errors["noise"][0], ((start - NOISE) ** 2).mean(), rtol=1e-5)
    np.testing.assert_allclose(curves.errors["picture"], curves.misfit, rtol=1e-5)
    np.testing.assert_allclose(((curves.image[:, :, 0] - PICTURE) ** 2).mean(), curves.misfit[-1], rtol=1e-5)


def test_the_first_iteration_below_a_bound():
    assert first_below(np.array([3.0, 1.0, 2.0, 0.5]), np.array([1, 5, 10, 15]), 1.0) == 5
    assert first_below(np.array([3.0]), np.array([1]), 1.0) == np.inf


def test_the_jacobian_is_that_of_finite_differences():
    network = Network(Architecture.DOUBLING, 4, LEVELS, 8, generator_rng(0)).double()
    network.code = network.code.double()
    analytic = jacobian(network)
    column, step = 0, 1e-6
    for parameter in network.parameters():
        before = network().detach().flatten().numpy()
        with torch.no_grad():
            parameter.flatten()[0] += step
        numeric = (network().detach().flatten().numpy() - before) / step
        np.testing.assert_allclose(analytic[:, column], numeric, atol=1e-5)
        with torch.no_grad():
            parameter.flatten()[0] -= step
        column += parameter.numel()
    assert analytic.shape == (64, column)
