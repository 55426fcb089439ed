import pytest
import torch

from cgdenoise.errors import OptionError
from cgdenoise.fitting.loop import Problem, Schedule, fit
from cgdenoise.fitting.optimiser import OptimiserSpec
from cgdenoise.fitting.stopping import Budget
from cgdenoise.generators.build import build
from cgdenoise.generators.spec import HourglassSpec


def rngs(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@pytest.mark.parametrize("size", [(16, 16), (24, 17), (67, 40), (4, 9)])
def test_any_size_and_nothing_but_the_seed(size):
    spec = HourglassSpec(8).limited_to(size)
    images = build(spec, 3, size, rngs(1, 1, 2))()
    assert images.shape == (3, 3, *size)
    assert torch.equal(images[0], images[1])
    assert not torch.equal(images[0], images[2])
    assert 0 < images.min() < images.max() < 1
    torch.testing.assert_close(build(spec, 3, size, rngs(2))(), images[2:])  # a member is the same in any company


@pytest.mark.parametrize(("size", "scales"), [((512, 512), 5), ((64, 64), 4), ((16, 512), 2), ((2, 2), 1)])
def test_small_images_have_fewer_scales(size, scales):
    assert HourglassSpec().limited_to(size).depth == scales


def test_noise_on_the_input_is_new_in_each_call_and_can_be_left_out():
    noisy, plain = (build(HourglassSpec(4, 1, noise), 1, (8, 8), rngs(0)) for noise in (0.1, 0.0))
    first, second = noisy(), noisy()
    assert not torch.equal(first, second)
    noisy.input_noise = 0.0
    assert torch.equal(noisy(), plain())


def test_it_is_fitted():
    target = torch.linspace(0.2, 0.8, 16).expand(1, 1, 16, 16)
    problem = Problem(target, torch.ones_like(target), torch.zeros_like(target))
    generator = build(HourglassSpec(8).limited_to((16, 16)), 1, (16, 16), rngs(3))
    (result,) = fit(generator, problem, optimiser=OptimiserSpec("adam", 0.01), stop=Budget(), schedule=Schedule(60))
    assert result.history[-1].residual < result.history[0].residual / 20


@pytest.mark.parametrize("numbers", [(0, 5, 0.0), (8, 0, 0.0), (8, 5, -1.0)])
def test_numbers_out_of_range(numbers):
    with pytest.raises(OptionError, match="expected positive numbers"):
        HourglassSpec(*numbers)
