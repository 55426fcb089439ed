import pytest
import torch

from cgdenoise.errors import OptionError
from cgdenoise.generators.decoder import build
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.presets import PRESETS
from cgdenoise.runtime import rng_for


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (3, 5), (1, 40), (2, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_and_number_of_channels(size, channels):
    spec = DecoderSpec((8, 8, 4, 4)).limited_to(size)
    image = build(spec, channels, size, rng_for(0))()
    assert image.shape == (1, channels, *size)
    assert image.dtype == torch.float32
    assert torch.isfinite(image).all()


@pytest.mark.parametrize(("size", "channels"), [((64, 64), (8, 7, 6, 5)), ((5, 3), (6, 5)), ((1, 2), (5,)), ((9, 4), (7, 6, 5))])
def test_levels_too_coarse_for_an_image_are_left_out(size, channels):
    assert DecoderSpec((8, 7, 6, 5)).limited_to(size).channels == channels


def test_the_same_key_builds_the_same_generator():
    spec = DecoderSpec((8, 8, 4))
    first, second, other = (build(spec, 3, (20, 20), rng_for(*key))() for key in ((5, 1), (5, 1), (5, 2)))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_every_weight_gets_a_gradient_and_the_input_none():
    generator = build(DecoderSpec((8, 8, 4)), 3, (20, 20), rng_for(0))
    (generator() - torch.rand(1, 3, 20, 20)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in generator.parameters())
    assert "code" not in dict(generator.named_parameters())


def test_bfloat16_activations_give_nearly_the_same_image():
    spec = DecoderSpec((32, 16, 8))
    exact, rounded = (build(spec, 3, (32, 32), rng_for(0), dtype)() for dtype in (torch.float32, torch.bfloat16))
    assert rounded.dtype == torch.float32
    assert (exact - rounded).abs().max() < 0.05 * (exact.max() - exact.min())


def test_random_grids_differ_and_a_fixed_grid_starts_at_the_corner():
    spec = DecoderSpec((4, 4, 4, 4))
    offsets = {tuple(build(spec, 1, (16, 16), rng_for(k)).offset) for k in range(20)}
    assert len(offsets) > 5
    assert all(0 <= o < 8 for offset in offsets for o in offset)
    assert build(DecoderSpec((4, 4, 4, 4), random_grid=False), 1, (16, 16), rng_for(3)).offset == [0, 0]


def test_kernels_of_three_keep_the_size():
    assert build(DecoderSpec((8, 8, 4), kernel_size=3), 3, (12, 20), rng_for(0))().shape == (1, 3, 12, 20)


def test_paper_preset_is_dd_o():
    """512 channels, 5 doublings, a layer at full resolution, sigmoid, no biases: count the weights."""
    generator = build(PRESETS["paper"].decoders[0], 3, (64, 64), rng_for(0))
    assert sum(p.numel() for p in generator.parameters()) == 6 * 512 * 512 + 3 * 512 + 6 * 2 * 512
    assert generator.code.shape == (1, 512, 2, 2)
    assert generator.code.min() >= 0
    assert generator.code.max() <= 0.1
    image = generator()
    assert image.min() > 0
    assert image.max() < 1


@pytest.mark.parametrize("wrong", [{"channels": ()}, {"channels": (8, 0)}, {"channels": (8,), "kernel_size": 2}])
def test_impossible_specs_are_refused(wrong):
    with pytest.raises(OptionError, match="expected"):
        DecoderSpec(**wrong)
