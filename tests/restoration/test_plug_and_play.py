"""The non-local stage for linear inverse problems."""

import numpy as np
import pytest
import torch

from cgdenoise.operators import (
    Blur,
    ComplexFromChannels,
    DenseMatrix,
    Downsample,
    Measurement,
    PixelMask,
    gaussian_psf,
    subsampled_fourier,
)
from cgdenoise.operators.least_squares import conjugate_gradients
from cgdenoise.patches.inpainting import fill_missing
from cgdenoise.progress import Cancelled
from cgdenoise.restoration.plug_and_play import Mixing, mixes_neighbours, pixels_refined, plug_and_play


def scene(side: int = 48) -> torch.Tensor:
    """A disc and stripes that grow narrower, [1, H, W], from 0.25 to 0.9."""
    row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    stripes = 0.5 + 0.25 * torch.sin(0.4 * (row + column) + 0.003 * (row + 2 * column) ** 2)
    disc = (row - side / 2) ** 2 + (column - side / 2) ** 2 < (side / 4) ** 2
    return torch.where(disc, 0.9, stripes)[None]


def half(side: int = 48) -> PixelMask:
    return PixelMask(torch.rand(1, side, side, generator=torch.Generator().manual_seed(0)) > 0.5)


def rms(x: torch.Tensor) -> float:
    return float(x.abs().square().mean().sqrt())


def filled(y: torch.Tensor, operator: PixelMask) -> torch.Tensor:
    """The mean of what is known, where nothing is."""
    known = operator(torch.ones_like(y))
    return torch.where(known > 0, y, y.sum() / known.sum())


@pytest.mark.parametrize("damping", [0.03, 1.0])
def test_the_data_step_is_the_minimiser(damping):
    rng = torch.Generator().manual_seed(1)
    matrix = torch.randn(10, 20, generator=rng, dtype=torch.float64)
    y, z = torch.randn(10, generator=rng, dtype=torch.float64), torch.randn(1, 4, 5, generator=rng, dtype=torch.float64)
    exact = torch.linalg.solve(
        matrix.mT @ matrix + damping * torch.eye(20, dtype=torch.float64), matrix.mT @ y + damping * z.flatten()
    )
    found = conjugate_gradients(Measurement.complete(DenseMatrix(matrix, (1, 4, 5)), y), z, 20, damping)
    np.testing.assert_allclose(found.flatten(), exact, rtol=1e-5, atol=1e-6)


def test_gaps_are_filled_and_what_was_measured_is_kept():
    image, operator = scene(), half()
    y = operator(image)
    start = filled(y, operator)
    restored = plug_and_play(Measurement.complete(operator, y), start)
    torch.testing.assert_close(operator(restored), y, rtol=0, atol=1e-6)
    assert rms(restored - image) < 0.5 * rms(start - image)


def test_noise_is_removed_too():
    image, operator, sigma = scene(), half(), 0.08
    y = operator(image + sigma * torch.randn(image.shape, generator=torch.Generator().manual_seed(2)))
    restored = plug_and_play(Measurement.complete(operator, y, sigma), filled(y, operator))
    known = operator(torch.ones_like(image))
    assert rms((restored - image) * known) < 0.7 * rms((y - image) * known)
    assert rms(restored - image) < sigma


def test_a_complex_image_is_two_channels():
    image = torch.cat([scene(), 0.3 * scene().mT])
    lines = torch.rand(48, generator=torch.Generator().manual_seed(3)) > 0.5
    lines[20:28] = True
    operator = subsampled_fourier(lines[None], (48, 48)) @ ComplexFromChannels((2, 48, 48))
    y = operator(image)
    start = operator.adjoint(y)
    restored = plug_and_play(Measurement.complete(operator, y), start)
    torch.testing.assert_close(operator(restored), y, rtol=0, atol=1e-5)
    assert rms(restored - image) < 0.9 * rms(start - image)


def test_the_result_is_the_same_each_time():
    operator = half()
    y = operator(scene())
    start = filled(y, operator)
    assert torch.equal(
        plug_and_play(Measurement.complete(operator, y), start), plug_and_play(Measurement.complete(operator, y), start)
    )


def test_an_offset_passes_through():
    # Texture, as among equal patches rounding decides which are taken.
    image, operator = scene().double() + 0.01 * torch.randn(48, 48, generator=torch.Generator().manual_seed(4)), half()
    y, ones = operator(image), torch.ones_like(image)
    start = filled(y, operator)
    restored = plug_and_play(Measurement.complete(operator, y), start)
    shifted = plug_and_play(Measurement.complete(operator, y + 0.5 * operator(ones)), start + 0.5)
    torch.testing.assert_close(shifted, restored + 0.5, rtol=0, atol=1e-9)


def test_the_unit_of_the_measurements_does_not_count():
    image, operator, sigma = scene().double(), half(), 0.05
    noisy = operator(image + sigma * torch.randn(48, 48, generator=torch.Generator().manual_seed(5)))
    start = filled(noisy, operator)
    matrix = torch.diag(operator(torch.ones_like(image)).flatten())
    found = [
        plug_and_play(Measurement.complete(DenseMatrix(unit * matrix, (1, 48, 48)), unit * noisy.flatten(), unit * sigma), start)
        for unit in (1, 40)
    ]
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("pixels", [True, False])
def test_it_tells_what_it_has_filtered_and_ends_when_it_is_told_to(pixels):
    lines = torch.arange(24)[:, None] % 2 == 0
    operator = half(24) if pixels else subsampled_fourier(lines, (24, 24)) @ ComplexFromChannels((2, 24, 24))
    start, told = scene(24).expand(operator.in_shape), []
    measurement = Measurement.complete(operator, operator(start))
    plug_and_play(measurement, start, iterations=1, tick=told.append)
    assert 24**2 < sum(told) <= pixels_refined(measurement, Mixing.of(measurement))
    told.clear()

    def tick(now):
        told.append(now)
        if len(told) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        plug_and_play(measurement, start, iterations=1, tick=tick)


def test_what_few_known_pixels_were_filled_to_is_filtered():
    image, operator = scene(), PixelMask(torch.rand(1, 48, 48, generator=torch.Generator().manual_seed(0)) > 0.85)
    y = operator(image)
    start, known = filled(y, operator), operator(torch.ones_like(image))
    restored = plug_and_play(Measurement.complete(operator, y), start)
    assert torch.equal(operator(restored), y)
    assert rms(restored - image) < 0.95 * rms(fill_missing(y, known, start, 0.0) - image)


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (Blur((1, 96, 96), gaussian_psf(2.0)), True),
        (Downsample((2, 96, 96), 4), True),
        (subsampled_fourier(torch.arange(96)[:, None] % 3 == 0, (96, 96)) @ ComplexFromChannels((2, 96, 96)), False),
    ],
    ids=["blur", "low resolution", "Fourier lines"],
)
def test_an_operator_that_mixes_neighbours_alone_is_told_from_one_that_mixes_all(operator, expected):
    assert mixes_neighbours(Measurement.complete(operator, operator(torch.zeros(operator.in_shape)))) is expected
