import pytest
import torch
from torch.nn import functional

from cgdenoise.errors import OptionError
from cgdenoise.generators.build import build
from cgdenoise.generators.spec import DecoderSpec, HourglassSpec
from cgdenoise.restoration.presets import PRESETS
from cgdenoise.runtime import rng_for


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (3, 5), (1, 40), (2, 1), (5, 9, 12), (1, 7, 3), (4, 1, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_and_number_of_channels(size, channels):
    spec = DecoderSpec((8, 8, 4, 4)).limited_to(size)
    image = build(spec, channels, size, [rng_for(0)])()
    assert image.shape == (1, channels, *size)
    assert image.dtype == torch.float32
    assert torch.isfinite(image).all()


@pytest.mark.parametrize(
    ("size", "channels"),
    [((64, 64), (8, 7, 6, 5)), ((5, 3), (6, 5)), ((1, 2), (5,)), ((9, 4), (7, 6, 5)), ((3, 5, 9), (7, 6, 5))],
)
def test_levels_too_coarse_for_an_image_are_left_out(size, channels):
    assert DecoderSpec((8, 7, 6, 5)).limited_to(size).channels == channels


def test_the_same_key_builds_the_same_generator():
    spec = DecoderSpec((8, 8, 4))
    first, second, other = (build(spec, 3, (20, 20), [rng_for(*key)])() for key in ((5, 1), (5, 1), (5, 2)))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("kernel_size", [1, 3])
@pytest.mark.parametrize("early_normalisation", [True, False])
@pytest.mark.parametrize("size", [(13, 9), (5, 7, 6)])
def test_members_are_what_each_is_alone(kernel_size, early_normalisation, size):
    spec = DecoderSpec((8, 8, 4, 4), kernel_size=kernel_size, early_normalisation=early_normalisation)
    members = build(spec, 3, size, [rng_for(k) for k in range(3)])
    images = members()
    for number, image in enumerate(images):
        single = build(spec, 3, size, [rng_for(number)])
        assert single.offsets == [members.offsets[number]]
        assert torch.allclose(image, single()[0], atol=1e-5)
    assert not torch.allclose(images[0], images[1], atol=1e-2)


def test_a_member_moves_no_image_but_its_own():
    generator = build(DecoderSpec((8, 8, 4)), 3, (13, 9), [rng_for(0), rng_for(1)])
    generator()[0].square().sum().backward()
    for parameter in generator.parameters():
        assert parameter.grad[0].abs().sum() > 0
        assert not parameter.grad[1].any()


@pytest.mark.parametrize("random_grid", [True, False])
def test_image_is_the_head_of_the_levels_cut_at_the_offset(random_grid):
    """The network written out, in the form of the published code: [1, C, H, W] and torch's own functions."""
    spec = DecoderSpec((6, 5, 4), random_grid=random_grid)
    generator = build(spec, 2, (7, 10), [rng_for(11)])
    x = generator.code.permute(0, 3, 1, 2)
    for number, matrix in enumerate(generator.matrices):
        x = functional.conv2d(x, matrix[0][:, :, None, None])
        x = functional.batch_norm(x, None, None, training=True)
        x = functional.interpolate(x, scale_factor=2, mode="bilinear") if number < 2 else x
        x = functional.relu(x)
    x = functional.conv2d(x, spec.head_gain * generator.head[0][:, :, None, None], torch.full((2,), 0.5))
    ((top, left),) = generator.offsets
    assert (top or left) if random_grid else (top, left) == (0, 0)
    assert torch.allclose(generator(), x[..., top : top + 7, left : left + 10], atol=1e-5)


def test_the_interpolation_of_a_volume_is_one_along_each_axis():
    generator = build(DecoderSpec((6, 5, 4)), 2, (5, 7, 10), [rng_for(11)])
    x = generator.code.movedim(-1, 1)
    for number, matrix in enumerate(generator.matrices):
        x = functional.batch_norm(torch.einsum("oi,bidhw->bodhw", matrix[0], x), None, None, training=True)
        for axis in (2, 3, 4) if number < 2 else ():
            x = functional.interpolate(x.movedim(axis, -1).flatten(2, 3), scale_factor=(1, 2), mode="bilinear").unflatten(
                2, x.movedim(axis, -1).shape[2:4]
            )
            x = x.movedim(-1, axis)
        x = functional.relu(x)
    x = torch.einsum("oi,bidhw->bodhw", 2.5 * generator.head[0], x) + 0.5
    ((front, top, left),) = generator.offsets
    torch.testing.assert_close(generator(), x[..., front : front + 5, top : top + 7, left : left + 10], rtol=1e-4, atol=1e-5)


def test_an_hourglass_makes_no_volume():
    with pytest.raises(OptionError, match=r"the hourglass for a volume of .5, 6, 7.; expected a decoder"):
        build(HourglassSpec(), 1, (5, 6, 7), [rng_for(0)])


def test_initial_weights_fill_the_range_of_their_scale():
    specs = [DecoderSpec((64, 64), initial_scale=scale, head_gain=4.0) for scale in (1.0, 0.1)]
    wide, narrow = (build(spec, 3, (8, 8), [rng_for(0)]) for spec in specs)
    assert float(wide.matrices[0].detach().abs().max()) == pytest.approx(1 / 8, rel=0.01)
    assert float(wide.head.detach().abs().max()) == pytest.approx(1 / 32, rel=0.05)
    assert torch.allclose(narrow.matrices[0], 0.1 * wide.matrices[0])
    assert torch.allclose(narrow.head, 0.1 * wide.head)


def test_every_weight_gets_a_gradient_and_the_input_none():
    generator = build(DecoderSpec((8, 8, 4)), 3, (20, 20), [rng_for(0)])
    (generator() - torch.rand(1, 3, 20, 20)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in generator.parameters())
    assert "code" not in dict(generator.named_parameters())


def test_bfloat16_activations_give_nearly_the_same_image():
    spec = DecoderSpec((32, 16, 8))
    exact, rounded = (build(spec, 3, (32, 32), [rng_for(0)], dtype)() for dtype in (torch.float32, torch.bfloat16))
    assert rounded.dtype == torch.float32
    assert (exact - rounded).abs().max() < 0.05 * (exact.max() - exact.min())


def test_random_grids_differ_and_a_fixed_grid_starts_at_the_corner():
    spec = DecoderSpec((4, 4, 4, 4))
    offsets = {tuple(offset) for offset in build(spec, 1, (16, 16), [rng_for(k) for k in range(20)]).offsets}
    assert len(offsets) > 5
    assert all(0 <= o < 8 for offset in offsets for o in offset)
    assert build(DecoderSpec((4, 4, 4, 4), random_grid=False), 1, (16, 16), [rng_for(3)]).offsets == [[0, 0]]


def test_kernels_of_three_keep_the_size():
    assert build(DecoderSpec((8, 8, 4), kernel_size=3), 3, (12, 20), [rng_for(0)])().shape == (1, 3, 12, 20)


def test_paper_preset_is_dd_o():
    """512 channels, 5 doublings, a layer at full resolution, sigmoid, no biases: count the weights."""
    generator = build(PRESETS["paper"].generators[0], 3, (64, 64), [rng_for(0)])
    assert sum(p.numel() for p in generator.parameters()) == 6 * 512 * 512 + 3 * 512 + 6 * 2 * 512
    assert generator.code.shape == (1, 2, 2, 512)
    assert generator.code.min() >= 0
    assert generator.code.max() <= 0.1
    image = generator()
    assert image.min() > 0
    assert image.max() < 1


@pytest.mark.parametrize(
    "wrong", [{"channels": ()}, {"channels": (8, 0)}, {"channels": (8,), "kernel_size": 2}, {"channels": (8,), "head_gain": 0.0}]
)
def test_impossible_specs_are_refused(wrong):
    with pytest.raises(OptionError, match="expected"):
        DecoderSpec(**wrong)
