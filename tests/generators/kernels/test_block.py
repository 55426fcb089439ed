"""The compiled norm-upsample-ReLU block against the one composed of torch's functions, and that against the formula."""

import shutil
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from cgdenoise.generators.kernels import native
from cgdenoise.generators.kernels.block import composed_block, norm_upsample_relu, upsample
from cgdenoise.native.build import COMPILER
from cgdenoise.runtime import rng_for

TOLERANCE = {torch.float32: {"rtol": 1e-4, "atol": 1e-5}, torch.bfloat16: {"rtol": 2e-2, "atol": 3e-2}}
DTYPES = list(TOLERANCE)
SIZES = [(5, 7), (1, 2), (2, 1), (1, 9), (12, 1), (16, 6)]


@pytest.fixture
def compiled():
    if native.library() is None:
        pytest.skip("the package was installed without its compiled functions")


@pytest.fixture
def threads():
    """Set the number of threads, for one test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def given(members: int, size: tuple[int, int], channels: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return a picture, gains and shifts; the channels' means are off zero, and their deviations 1."""
    rng = rng_for(members, *size, channels)
    a = torch.randn(members, *size, channels, generator=rng)
    a /= a.std((1, 2), correction=0, keepdim=True) if a[0].numel() > channels else 1
    a += torch.randn(members, 1, 1, channels, generator=rng)
    return a.to(dtype), torch.randn(members, channels, generator=rng) + 1, torch.randn(members, channels, generator=rng)


def with_gradients(function, inputs, upsampled, dtype=None) -> tuple[Tensor, ...]:
    """Return the output and the three gradients for a random weighting of it, all in float64."""
    leaves = [(x if dtype is None else x.to(dtype)).clone().requires_grad_() for x in inputs]
    out = function(*leaves, upsampled)
    weights = torch.randn(out.shape, generator=rng_for(9)).to(inputs[0].dtype)
    out.backward(weights.to(out.dtype))
    return tuple(x.detach().double() for x in (out, *(leaf.grad for leaf in leaves)))


def assert_near(found, expected, dtype: torch.dtype) -> None:
    """Compare outputs and gradients; those of gain and shift are sums over the picture, and grow with it."""
    root = (expected[0].numel() / expected[2].numel()) ** 0.5
    for x, y, unit in zip(found, expected, (1, 1, root, root), strict=True):
        torch.testing.assert_close(x / unit, y / unit, **TOLERANCE[dtype])


def test_kernels_are_compiled_where_there_is_a_compiler():
    if shutil.which(COMPILER) is None:
        pytest.skip("no C compiler")
    assert native.library() is not None


@pytest.mark.parametrize("upsampled", [False, True])
@pytest.mark.parametrize("members", [1, 3])
def test_composed_block_is_the_formula(members, upsampled):
    a, gain, shift = (x.double() for x in given(members, (5, 7), 4, torch.float32))
    mean, variance = a.mean((1, 2), keepdim=True), a.var((1, 2), correction=0, keepdim=True)
    x = gain[:, None, None] * (a - mean) / (variance + 1e-5).sqrt() + shift[:, None, None]
    x = upsample(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) if upsampled else x
    torch.testing.assert_close(composed_block(a, gain, shift, upsampled), x.clamp(min=0))


def test_upsampling_puts_centres_at_half_integers_and_repeats_the_border():
    row = torch.tensor([[[0.0, 4.0, 8.0]]])
    assert upsample(row.expand(1, 1, -1)[None])[0, 0].tolist() == [[0.0, 1.0, 3.0, 5.0, 7.0, 8.0]] * 2


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("upsampled", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 16, 40])
@pytest.mark.parametrize("size", SIZES)
def test_compiled_block_is_the_composed_one(size, channels, upsampled, dtype):
    inputs = given(1, size, channels, dtype)
    found = with_gradients(norm_upsample_relu, inputs, upsampled)
    expected = with_gradients(composed_block, inputs, upsampled, torch.float64)
    assert_near(found, expected, dtype)


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("upsampled", [False, True])
def test_bfloat16_is_float32_rounded_to_nearest(upsampled):
    a, gain, shift = given(1, (16, 6), 40, torch.bfloat16)
    rounded = norm_upsample_relu(a.float(), gain, shift, upsampled).to(torch.bfloat16)
    assert (norm_upsample_relu(a, gain, shift, upsampled) != rounded).float().mean() < 0.01


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("upsampled", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 16, 40])
def test_a_single_pixel_is_its_shift(channels, upsampled, dtype):
    """There is nothing to normalise; torch's own normalisation refuses it."""
    inputs = given(1, (1, 1), channels, dtype)
    out, for_a, for_gain, for_shift = with_gradients(norm_upsample_relu, inputs, upsampled)
    shift = inputs[2][0].double()
    # The deviation is that of the rounding, against an epsilon of 1e-5: the result is less exact.
    tolerance = {key: max(value, 5e-4) for key, value in TOLERANCE[dtype].items()}
    torch.testing.assert_close(out, shift.clamp(min=0).expand(out.shape), **tolerance)
    weights = torch.randn(out.shape, generator=rng_for(9)).to(dtype).double()
    torch.testing.assert_close(for_shift[0], weights.sum((0, 1, 2)) * (shift > 0), **TOLERANCE[dtype])
    assert for_gain.abs().max() < 1e-3
    assert for_a.abs().max() < 1e-2


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("upsampled", [False, True])
def test_members_are_what_each_is_alone(upsampled, dtype):
    inputs = given(3, (5, 7), 3, dtype)
    together = with_gradients(norm_upsample_relu, inputs, upsampled)
    # The weights of the sum are drawn for all members at once.
    weights = torch.randn(together[0].shape, generator=rng_for(9)).to(dtype)
    for member in range(3):
        leaves = [x[member, None].clone().requires_grad_() for x in inputs]
        out = norm_upsample_relu(*leaves, upsampled)
        out.backward(weights[member, None])
        for found, alone in zip(together, (out, *(leaf.grad for leaf in leaves)), strict=True):
            assert torch.equal(found[member, None], alone.double())


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("upsampled", [False, True])
def test_layout_of_picture_and_gradient_does_not_matter(upsampled):
    a, gain, shift = given(2, (5, 7), 3, torch.float32)
    results = []
    for picture in (a, a.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)):
        leaf = picture.detach().requires_grad_()
        out = norm_upsample_relu(leaf, gain, shift, upsampled)
        out.sum().backward()  # a gradient without memory of its own: one number for all
        results.append((out, leaf.grad))
    assert results[0][1].any()
    assert all(torch.equal(*pair) for pair in zip(*results, strict=True))


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("upsampled", [False, True])
@pytest.mark.parametrize("where", ["picture", "gain", "shift"])
def test_nan_is_not_hidden(where, upsampled, dtype):
    sound = given(2, (5, 7), 20, dtype)
    inputs = [x.clone() for x in sound]
    index = {"picture": (1, 2, 3, 17), "gain": (1, 17), "shift": (1, 17)}[where]
    inputs[["picture", "gain", "shift"].index(where)][index] = torch.nan
    found, composed = (with_gradients(function, inputs, upsampled) for function in (norm_upsample_relu, composed_block))
    touched = torch.zeros(2, 20, dtype=torch.bool)
    touched[1, 17] = True
    assert found[0].isnan().movedim(3, 1)[touched].all()
    for x, y, z in zip(found, composed, with_gradients(norm_upsample_relu, sound, upsampled), strict=True):
        assert torch.equal(x.isnan(), y.isnan())
        x, z = (t.movedim(-1, 1)[~touched] for t in (x, z))
        assert torch.equal(x, z)  # of the other channels and pictures


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("upsampled", [False, True])
@pytest.mark.parametrize("size", [(33, 21), (999, 1)])
def test_same_bytes_twice(threads, size, upsampled, dtype):
    threads(2)
    inputs = given(1, size, 40, dtype)
    first = with_gradients(norm_upsample_relu, inputs, upsampled)
    for _ in range(5):
        assert all(torch.equal(*pair) for pair in zip(first, with_gradients(norm_upsample_relu, inputs, upsampled), strict=True))


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("number", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [(5, 7), (1, 9)])
def test_any_number_of_threads_gives_the_composed_block(threads, size, number):
    threads(number)
    inputs = given(2, size, 3, torch.float32)
    expected = with_gradients(composed_block, inputs, True, torch.float64)
    assert_near(with_gradients(norm_upsample_relu, inputs, True), expected, torch.float32)


@pytest.mark.parametrize("upsampled", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_without_the_library_a_block_is_composed(monkeypatch, dtype, upsampled):
    inputs = given(2, (5, 7), 3, dtype)
    inputs = (inputs[0], *(x.double() for x in inputs[1:])) if dtype is torch.float64 else inputs  # never compiled
    if dtype is not torch.float64:
        monkeypatch.setattr(native, "library", lambda: None)
    monkeypatch.setattr(native, "call", None)
    found, expected = (with_gradients(function, inputs, upsampled) for function in (norm_upsample_relu, composed_block))
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


@pytest.mark.parametrize(("threaded", "number", "used"), [(1, 4, True), (0, 3, True), (0, 4, False)])
def test_library_without_threads_is_used_beside_few_of_torch(monkeypatch, threads, threaded, number, used):
    threads(number)
    monkeypatch.setattr(native, "library", lambda: SimpleNamespace(threaded=lambda: threaded))
    assert native.supports(torch.zeros(1)) is used


def test_lack_of_memory_in_the_library_is_an_error(monkeypatch):
    full = SimpleNamespace(threaded=lambda: 1, moments_float32=lambda *arguments: 1)
    monkeypatch.setattr(native, "library", lambda: full)
    with pytest.raises(MemoryError, match="moments"):
        norm_upsample_relu(*given(1, (5, 7), 3, torch.float32), True)


@pytest.mark.usefixtures("compiled")
def test_a_mean_far_above_the_deviation_costs_no_digits():
    noise = torch.randn(1, 40, 30, 3, generator=rng_for(9))
    gain, shift = torch.ones(1, 3), torch.zeros(1, 3)
    exact = composed_block((noise + 1000).double(), gain.double(), shift.double(), False)
    assert (norm_upsample_relu(noise + 1000, gain, shift, False) - exact).abs().max() < 1e-3
