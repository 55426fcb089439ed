"""The image of few wavelets: the basis, the iteration, and who lets it into the contest."""

from types import SimpleNamespace

import pytest
import torch

from cgdenoise.operators import Identity, Measurement
from cgdenoise.restoration import reconstructing
from cgdenoise.restoration.competition import Contender, Trial
from cgdenoise.restoration.mixture import WAVELETS
from cgdenoise.restoration.wavelets import Wavelets, choose_weights, follow_weights

STEPS = (torch.arange(48) // 12 % 2).double().expand(1, 40, 48).clone()


def noise(seed, level):
    return level * torch.randn(STEPS.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def seen(image, sigma):
    return Measurement.complete(Identity(tuple(image.shape)), image, sigma)


def test_the_basis_is_orthonormal():
    x = torch.randn(2, 32, 48, dtype=torch.float64)
    basis = Wavelets(x)
    found = basis.coefficients(x)
    assert torch.allclose(found.norm(), x.norm())
    assert torch.allclose(basis.image(found), x)


def test_the_basis_of_volumes_is_orthonormal_too():
    x = torch.randn(2, 16, 32, 48, dtype=torch.float64)
    basis = Wavelets(x)
    found = basis.coefficients(x)
    assert torch.allclose(found.norm(), x.norm())
    assert torch.allclose(basis.image(found), x)
    assert torch.allclose(Wavelets(x[:, :5, :21]).shrunk(x[:, :5, :21], 0.0, (3, 9, 14)), x[:, :5, :21])


def test_what_is_cubic_has_no_details():
    line = torch.linspace(-1, 1, 64, dtype=torch.float64) ** 3
    details = Wavelets(torch.zeros(1, 64, 64).double()).coefficients(line.expand(1, 64, 64))
    assert details[0, :32, 32:58].abs().max() < 1e-9  # the last ones go round


@pytest.mark.parametrize("size", [(16, 32), (21, 37), (3, 5)])
def test_a_threshold_of_nothing_changes_nothing(size):
    x = torch.randn(2, *size, dtype=torch.float64)
    assert torch.allclose(Wavelets(x).shrunk(x, 0.0, (3, 9)), x)


def test_noise_goes_and_steps_stay():
    y = STEPS + noise(0, 0.2)
    found = follow_weights(seen(y, 0.2), (0.2,), y)
    assert (found - STEPS).square().mean() < 0.4 * (y - STEPS).square().mean()


def test_the_weight_is_chosen_by_what_was_not_seen():
    training, judging = STEPS + noise(0, 0.2), STEPS + noise(1, 0.2)
    found, course = choose_weights(seen(training, 0.2), lambda x: float((x - judging).square().sum()), training)
    errors = {
        factor: (follow_weights(seen(training, 0.2), (factor * 0.04,), training) - STEPS).square().mean() for factor in (2, 64)
    }
    assert course[0] == pytest.approx(64 * 0.04)
    assert (found - STEPS).square().mean() < min(errors.values()) * 1.1


@pytest.mark.parametrize("best", [True, False])
def test_it_is_in_the_contest_only_where_it_is_the_best(monkeypatch, best):
    measurement = seen(STEPS + noise(0, 0.2), 0.2)
    trial = Trial(measurement, seen(STEPS, 0.2))
    other = Contender("other", STEPS + noise(2, 0.1), STEPS)
    state = reconstructing.Reconstructing(*[None] * 9, trial=trial, generated=other, variation=other, refined=other)
    object.__setattr__(state, "on_device", measurement)
    image = STEPS + noise(3, 0.01 if best else 0.2)
    monkeypatch.setattr(reconstructing, "choose_weights", lambda *_: (image, ()))
    found = reconstructing.shrink_wavelets(state, SimpleNamespace(meter=SimpleNamespace(tick=lambda pixels: None)))
    assert (found.sparse is not None) == best
    if best:
        assert found.sparse.name == WAVELETS
