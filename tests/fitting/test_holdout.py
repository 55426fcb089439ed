"""What is held out together, and that nothing is lost between the two parts."""

import pytest
import torch

from cgdenoise.errors import OperatorError
from cgdenoise.fitting.holdout import Sampling


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def split(sampling, fraction, seed=0):
    training, held_out = sampling.split(sampling.valid[None], fraction, rng(seed))
    assert torch.equal(training + held_out, sampling.valid[None])
    assert set(held_out.unique().tolist()) <= {0.0, 1.0}
    return training[0], held_out[0]


def columns(width, kept):
    mask = torch.zeros(6, width)
    mask[:, list(kept)] = 1
    return mask


@pytest.mark.parametrize(("fraction", "count"), [(0, 0), (0.05, 5), (0.001, 4), (1.0, 99)])
def test_entries_are_held_out_one_by_one_and_never_all(fraction, count):
    _, held_out = split(Sampling.entries((100,)), fraction)
    assert held_out.sum() == count


def test_a_pixel_goes_with_all_its_channels_and_a_missing_one_never():
    mask = (torch.rand(1, 20, 20, generator=rng(1)) < 0.5).float().expand(3, -1, -1)
    _, held_out = split(Sampling.pixels(mask), 0.2)
    assert torch.equal(held_out[0], held_out[1])
    assert held_out[0].sum() == round(0.2 * float(mask[0].sum()))
    assert not held_out[mask == 0].any()


@pytest.mark.parametrize("turned", [False, True])
def test_whole_lines_of_all_coils_are_held_out_but_not_the_centre(turned):
    mask = columns(100, [*range(47, 54), *range(0, 40, 2), 90])
    mask = mask.T.contiguous() if turned else mask
    for seed in range(20):
        _, held_out = split(Sampling.lines(mask, (4, *mask.shape)), 0.1, seed)
        plane = held_out[0].T if turned else held_out[0]
        assert torch.equal(held_out, held_out[:1].expand_as(held_out))
        assert torch.equal(plane, plane[:1].expand_as(plane))
        assert plane[0].sum() == 2  # of the 21 lines outside the centre
        assert not plane[:, 46:55].any()


def test_points_that_are_no_lines_are_held_out_one_by_one():
    mask = (torch.rand(30, 40, generator=rng(1)) < 0.5).float()
    mask[14:17, 18:23] = 1
    _, held_out = split(Sampling.lines(mask, (30, 40)), 0.1)
    assert 0 < held_out.sum() == pytest.approx(0.1 * float(mask.sum()), rel=0.05)
    assert not held_out[15, 20]
    assert (held_out.sum(0) < mask.sum(0)).all()


def test_centre_alone_leaves_nothing_to_hold_out():
    training, held_out = split(Sampling.lines(columns(100, [50]), (6, 100)), 0.5)
    assert held_out.sum() == 0
    assert training.sum() == 6


def test_seed_decides_which():
    sampling = Sampling.entries((1000,))
    assert torch.equal(split(sampling, 0.1, 3)[1], split(sampling, 0.1, 3)[1])
    assert not torch.equal(split(sampling, 0.1, 3)[1], split(sampling, 0.1, 4)[1])


def test_mask_of_another_plane_is_refused():
    with pytest.raises(OperatorError, match=r"\[6, 100\].*\[2, 6, 90\]"):
        Sampling.lines(columns(100, [3]), (2, 6, 90))


def test_sampling_is_fair_if_anything_can_be_held_out():
    assert Sampling.entries((10,)).is_fair
    assert Sampling.pixels(torch.ones(1, 6, 6)).is_fair
    assert not Sampling.lines(columns(100, range(40, 60)), (6, 100)).is_fair
    assert Sampling.lines(columns(100, [3, 90]), (6, 100)).is_fair
