"""Total variation as a reconstruction of its own, with its weight from held-out measurements."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cgdenoise.operators import (
    ComplexFromChannels,
    ComplexFromReal,
    DenseMatrix,
    Identity,
    Measurement,
    SubsampledDCT,
    subsampled_fourier,
)
from cgdenoise.progress import Cancelled
from cgdenoise.restoration.total_variation import (
    Iterate,
    choose_course,
    follow_course,
    gradient,
    gradient_adjoint,
    minimise_variation,
    pixels_varied,
)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def minimised(measurement, start, weight, iterations=400):
    return minimise_variation(measurement, Iterate.first(measurement, start), weight, iterations)


def lines(side, kept):
    """Centred columns of the Fourier plane: the middle eighth and random others."""
    chosen = torch.rand(side, generator=torch.Generator().manual_seed(1)) < kept
    chosen[side // 2 - side // 16 : side // 2 + side // 16] = True
    return chosen[None].expand(side, side)


def phantom(side):
    """Two blocks and a disc, from 0 to 0.9, [1, side, side]."""
    row, column = torch.meshgrid(*2 * [torch.linspace(-1, 1, side, dtype=torch.float64)], indexing="ij")
    disc = 0.5 * ((row - 0.2) ** 2 + (column + 0.1) ** 2 < 0.3)
    return (disc + 0.2 * ((row.abs() < 0.8) & (column.abs() < 0.7)) + 0.2 * ((row > 0.1) & (column > 0.0)))[None]


def db(found, truth):
    return float(-10 * torch.log10((found - truth).square().mean()))


@pytest.mark.parametrize("shape", [(1, 5, 7), (3, 1, 4), (2, 6, 1), (2, 3, 4, 5), (1, 1, 6, 4)])
def test_the_adjoint_of_the_gradient(shape):
    x, p = normal(*shape), normal(len(shape) - 1, *shape, seed=1)
    assert float((gradient(x, 0.3) * p).sum()) == pytest.approx(float((x * gradient_adjoint(p, 0.3)).sum()))


def test_the_planes_of_a_volume_may_lie_far_apart():
    planes = normal(1, 6, 1, 1).expand(1, 6, 8, 8) + 0.1 * normal(1, 6, 8, 8, seed=1)  # they differ more than their pixels do
    measurement = Measurement.complete(Identity((1, 6, 8, 8)), planes)
    rows = planes.transpose(1, 2).contiguous()
    assert Iterate.first(measurement, planes).depth < 0.5
    assert Iterate.first(Measurement.complete(Identity((1, 8, 6, 8)), rows), rows).depth > 1.5
    assert Iterate.first(measurement, torch.zeros_like(planes)).depth == 1
    found = minimised(measurement, planes, 0.5).image
    alike = minimise_variation(measurement, replace(Iterate.first(measurement, planes), depth=1.0), 0.5, 400).image
    assert db(found, planes) > db(alike, planes) + 3  # what they differ by stays


def test_a_volume_comes_back_from_half_of_its_voxels():
    truth = torch.stack([phantom(16)] * 3 + [0.7 * phantom(16)] * 3, 1)
    mask = (torch.rand(truth.shape, generator=torch.Generator().manual_seed(2)) < 0.5).double()
    start = torch.where(mask > 0, truth, 0.3)
    found = minimised(Measurement(Identity(truth.shape), start, mask), start, 0.0, 300).image
    slices = torch.stack(
        [
            minimised(Measurement(Identity(y.shape), y, valid), y, 0.0, 300).image
            for y, valid in zip(start.unbind(1), mask.unbind(1), strict=True)
        ],
        1,
    )
    assert db(found, truth) > db(slices, truth) + 3


def test_two_plateaus_come_nearer_by_what_the_weight_says():
    # A row of 2 n values a, then b: the minimiser of ||x - y||² / 2 + w |b' - a'| takes w / n from their difference on each side.
    y = torch.cat([torch.full((1, 6, 10), level, dtype=torch.float64) for level in (0.2, 0.9)], 2)
    found = minimised(Measurement.complete(Identity(y.shape), y), y, weight=0.5).image
    expected = torch.where(y < 0.5, 0.25, 0.85).double()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_the_dual_variables_certify_the_minimum():
    operator, weight = DenseMatrix(normal(60, 72).numpy() / 8, (2, 6, 6)), 0.05
    y = operator(normal(2, 6, 6, seed=3)) + 0.1 * normal(60, seed=4)
    measurement = Measurement.complete(operator, y)
    found = minimised(measurement, torch.zeros(2, 6, 6, dtype=torch.float64), weight, 2000)
    residual = -measurement.residual(found.image)
    lengths = gradient(found.image).square().sum((0, 1)).sqrt()
    primal = float(residual.square().sum() / 2 + weight * lengths.sum())
    # Fenchel: with A^T q = -weight D^T p and |p| <= 1, -||q||² / 2 - <q, y> is a lower bound.
    q = weight * found.misfit / found.gain
    assert float(found.gradients.square().sum((0, 1)).max()) <= 1 + 1e-9
    stationary = operator.adjoint(q) + weight * gradient_adjoint(found.gradients)
    assert float(stationary.abs().max()) < 1e-4
    assert -float(q.square().sum() / 2 + (q * y).sum()) == pytest.approx(primal, rel=1e-3)


def test_a_phantom_comes_back_from_a_quarter_of_its_lines():
    truth = phantom(48)
    operator = subsampled_fourier(lines(48, 0.25), truth.shape) @ ComplexFromReal(tuple(truth.shape))
    y = operator(truth)
    start = operator.adjoint(y)
    measurement = Measurement.complete(operator, y)
    exact = minimised(measurement, start, 0.0)
    assert db(exact.image, truth) > db(start, truth) + 25
    # A weight that goes to 0 leads to the same image.
    small = minimised(measurement, start, 1e-5)
    assert db(small.image, exact.image) > 80


def test_the_parts_of_a_complex_image_share_their_edges():
    disc = phantom(32)
    truth = torch.cat([disc, 0.4 * disc + 0.1])
    operator = subsampled_fourier(lines(32, 0.3), (32, 32)) @ ComplexFromChannels((2, 32, 32))
    y = operator(truth)
    found = minimised(Measurement.complete(operator, y), operator.adjoint(y), 0.0).image
    assert db(found, truth) > db(operator.adjoint(y), truth) + 12


def test_units_and_offsets_do_not_count():
    operator = SubsampledDCT((1, 16, 16), 100, 0)
    y, start = operator(phantom(16)) + 0.01 * normal(100), torch.zeros(1, 16, 16, dtype=torch.float64)
    found = minimised(Measurement.complete(operator, y), start, 0.01, 50).image
    scaled = minimised(Measurement.complete(40 * operator, 40 * y), start, 0.01 * 40**2, 50).image
    torch.testing.assert_close(scaled, found, rtol=0, atol=1e-9)
    raised = y + 0.5 * operator(torch.ones_like(start))
    torch.testing.assert_close(minimised(Measurement.complete(operator, raised), start + 0.5, 0.01, 50).image, found + 0.5)


def test_what_was_not_measured_does_not_count():
    truth, operator = phantom(16), Identity((1, 16, 16))
    valid = (torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(2)) < 0.6).double()
    start = torch.full_like(truth, 0.2)
    found = [
        minimised(Measurement(operator, torch.where(valid > 0, truth, other), valid), start, 0.0, 60).image
        for other in (0.0, np.nan)
    ]
    assert torch.equal(*found)
    assert db(found[0], truth) > db(torch.where(valid > 0, truth, 0.2), truth)


def test_the_weight_comes_from_what_was_held_out():
    truth = phantom(32)
    y, operator = truth + 0.1 * normal(1, 32, 32), Identity((1, 32, 32))
    held = (torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(3)) < 0.1).double()
    training, judges = Measurement(operator, y, 1 - held, 0.1), Measurement(operator, y, held, 0.1)

    def error(image):
        return float(judges.residual(image).square().sum())

    told = []
    judged, course = choose_course(training, error, y, told.append)
    whole = replace(training, valid=torch.ones_like(held))
    again = follow_course(whole, course, y, told.append)
    assert 0 < sum(told) <= pixels_varied((1, 32, 32))
    assert 0 < course[-1] / 0.1**2 < 32  # more would take the picture too
    assert list(course) == sorted(course, reverse=True)
    assert error(judged) <= error(minimised(training, y, course[-1], 600).image)
    assert db(again, truth) > db(y, truth) + 5
    assert set(choose_course(replace(training, sigma=0.0), error, y)[1]) == {0.0}


def test_it_ends_when_it_is_told_to():
    def tick(pixels):
        raise Cancelled

    y = phantom(16)
    with pytest.raises(Cancelled):
        choose_course(Measurement.complete(Identity(y.shape), y), lambda image: 0.0, y, tick)
