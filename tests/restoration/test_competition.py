"""Which prior an image is made by: what the measurements say that none of them has seen."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cgdenoise.fitting.holdout import Sampling
from cgdenoise.generators.spec import DecoderSpec
from cgdenoise.operators import ComplexFromReal, Downsample, Identity, Measurement, subsampled_fourier
from cgdenoise.restoration.competition import Contender, Trial, mixed, unseen
from cgdenoise.restoration.presets import RECONSTRUCTION
from cgdenoise.restoration.reconstruct import reconstruct

SHAPE = (2, 12, 12)


def normal(seed, shape=SHAPE):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def trial(y, share=0.5):
    held = torch.rand(y.shape, generator=torch.Generator().manual_seed(9)) < share
    return Trial.of(Measurement.complete(Identity(tuple(y.shape)), y), held)


def shares(images, y, **settings):
    contenders = [Contender(str(number), image, image) for number, image in enumerate(images)]
    return [part.weight for part in mixed(contenders, trial(y, **settings)).parts]


def test_what_judges_is_not_what_is_fitted():
    y = normal(0)
    parts, nothing = trial(y), torch.zeros_like(y)
    assert torch.equal(parts.training.valid + parts.judging.valid, torch.ones(SHAPE))
    assert 0 < parts.judging.count < y.numel()
    changed = trial(torch.where(parts.judging.valid > 0, 1e6, y))
    assert torch.equal(changed.training.residual(nothing), parts.training.residual(nothing))
    assert parts.error(y) == 0


def test_the_shares_are_those_of_the_truth():
    a, b, c = normal(1), normal(2), normal(3)
    assert shares([a, b, c], 0.3 * a + 0.7 * b) == pytest.approx([0.3, 0.7, 0], abs=1e-9)
    assert shares([a, b, c], 0.2 * a + 0.3 * b + 0.5 * c) == pytest.approx([0.2, 0.3, 0.5], abs=1e-9)
    assert shares([a, b, c], b) == pytest.approx([0, 1, 0], abs=1e-9)
    # Beyond the segment the nearer end.
    assert shares([a, b], 1.5 * b - 0.5 * a) == pytest.approx([0, 1], abs=1e-9)


def test_no_other_shares_err_less():
    rng = np.random.default_rng(0)
    for number in range(20):
        # Errors that are alike to a degree, as those of priors are.
        truth, common = normal(50 + number), normal(100 + number)
        images = [truth + float(rng.uniform(0, 1)) * common + 0.5 * normal(200 + 5 * number + which) for which in range(4)]
        parts = trial(truth)
        found = sum(share * image for share, image in zip(shares(images, truth), images, strict=True))
        others = [sum(w * image for w, image in zip(rng.dirichlet(np.full(4, 0.5)), images, strict=True)) for _ in range(100)]
        # A twentieth for what so few measurements do not tell.
        assert parts.error(found) <= min(parts.error(other) for other in [*others, *images]) * 1.05


def test_shares_of_equal_images_add_up_to_1():
    a = normal(1)
    assert sum(shares([a, a, a], normal(2))) == pytest.approx(1)
    assert sum(shares([a, a], a)) == pytest.approx(1)


def test_few_units_move_the_first_contender_less():
    truth = normal(0)
    images = [truth + 0.5 * normal(1), truth + 0.5 * normal(2)]
    contenders = [Contender(str(number), image, image) for number, image in enumerate(images)]
    many = trial(truth)
    one = Trial.of(many.training, many.judging.valid > 0, torch.zeros(SHAPE, dtype=torch.int64))
    of_one = Trial(many.training, many.judging, one.units)
    assert (one.units, of_one.evidence, many.evidence) == (1, 64, many.judging.count)
    of_many, few = (mixed(contenders, by).parts[1].weight for by in (many, of_one))
    assert 0.4 < of_many < 0.6
    assert 0 < few < of_many - 0.01
    # Unless another errs less by more than chance.
    contenders = [Contender("worse", truth + 3 * normal(1), images[0]), Contender("better", images[1], images[1])]
    assert mixed(contenders, of_one).parts[1].weight > 0.9


def test_what_the_measurements_do_not_see_of_an_image_is_no_reason_for_it():
    row, column = np.indices(SHAPE[1:])
    unseen = torch.from_numpy(0.1 * (-1.0) ** (row + column)).expand(SHAPE)
    truth, error = normal(0), 0.1 * normal(1)
    operator = Downsample(SHAPE, 2)
    held = torch.rand(operator.out_shape, generator=torch.Generator().manual_seed(9)) < 0.5
    means = Trial.of(Measurement.complete(operator, operator(truth)), held)
    images = [truth + error, truth + 0.99 * error + unseen]
    parts = mixed([Contender(str(number), image, image) for number, image in enumerate(images)], means).parts
    assert means.error(images[1]) < means.error(images[0])
    assert parts[0].weight > 0.9


def test_complex_measurements_count_by_both_parts():
    operator = subsampled_fourier(np.ones((12, 12)), SHAPE) @ ComplexFromReal(SHAPE)
    a, b = normal(1), normal(2)
    held = torch.rand(SHAPE, generator=torch.Generator().manual_seed(9)) < 0.5
    fourier = Trial.of(Measurement.complete(operator, operator(0.4 * a + 0.6 * b)), held)
    parts = mixed([Contender("a", a, 2 * a), Contender("b", b, 2 * b)], fourier)
    assert [part.weight for part in parts.parts] == pytest.approx([0.4, 0.6], abs=1e-9)
    torch.testing.assert_close(parts.image, 0.8 * a + 1.2 * b)


def member(weight, image, held_out):
    return SimpleNamespace(weight=weight, result=SimpleNamespace(image=image[None]), held_out=held_out)


def test_only_fits_that_have_not_seen_the_judges_are_judged():
    first, other = normal(1) > 0, normal(2) > 0
    a, b, c = normal(3), normal(4), normal(5)
    fits = [member(0.3, a, first), member(0.2, b, other), member(0.1, c, first.clone()), member(0.0, c, first)]
    image, held_out = unseen(fits)
    assert torch.equal(held_out, first)
    torch.testing.assert_close(image, 0.75 * a + 0.25 * c)


SIDE = 48
LINES = torch.rand(SIDE, generator=torch.Generator().manual_seed(1)) < 0.3
LINES[SIDE // 2 - 3 : SIDE // 2 + 3] = True
PRESET = replace(
    RECONSTRUCTION["balanced"], generators=(DecoderSpec((64, 64, 32)),), members=1, max_iterations=40, reduced_precision=False
)


def blocks():
    row, column = np.meshgrid(*2 * [np.linspace(-1, 1, SIDE)], indexing="ij")
    disc = 0.5 * ((row - 0.2) ** 2 + (column + 0.1) ** 2 < 0.3)
    return disc + 0.2 * ((abs(row) < 0.8) & (abs(column) < 0.7)) + 0.2 * ((row > 0.1) & (column > 0))


def texture():
    row, column = np.meshgrid(*2 * [np.arange(SIDE)], indexing="ij")
    return 0.5 + 0.25 * np.sin(1.1 * column + 0.6 * row) + 0.2 * np.sin(0.9 * row - 0.5 * column)


@pytest.mark.parametrize(("picture", "prior"), [(blocks, "total variation"), (texture, "both")])
def test_each_picture_goes_to_the_prior_that_suits_it(picture, prior):
    truth = torch.from_numpy(picture())
    mask = LINES[None].expand(SIDE, SIDE)
    operator = subsampled_fourier(mask, (SIDE, SIDE)) @ ComplexFromReal((SIDE, SIDE))
    y = operator(truth).numpy()
    sampling = Sampling.lines(mask, (SIDE, SIDE))
    result = reconstruct(operator, y, sampling=sampling, preset=PRESET, device="cpu")
    errors = {part.name: float(np.sqrt(np.mean((part.image() - truth.numpy()) ** 2))) for part in result.parts}
    whole = float(np.sqrt(np.mean((result.image - truth.numpy()) ** 2)))
    assert min(errors, key=lambda name: errors[name]) == prior
    assert max(result.parts, key=lambda part: part.weight).name == prior
    assert whole < 1.05 * errors[prior] + 1e-3
