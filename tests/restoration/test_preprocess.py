import numpy as np
import pytest
import torch
from skimage import data

from cgdenoise.noise import NoiseKind, NoiseModel
from cgdenoise.restoration.preprocess import prepare

IMAGE = data.astronaut()[:64, 200:264] / 255
NONE = np.zeros(IMAGE.shape, bool)


def test_gaussian_noise_needs_no_transform():
    found = prepare(IMAGE, NoiseModel(NoiseKind.GAUSSIAN, 0.1, NONE))
    assert found.noise.sigmas == (0.1,) * 3
    torch.testing.assert_close(found.restored(found.y)[0].permute(1, 2, 0), torch.from_numpy(IMAGE), rtol=0, atol=1e-6)


def test_impulses_become_gaps():
    hit = NONE.copy()
    hit[10:20, 5] = True
    found = prepare(IMAGE, NoiseModel(NoiseKind.IMPULSE, 0.0, hit))
    assert np.array_equal(found.valid[0].permute(1, 2, 0).numpy() == 0, hit)


def test_a_channel_of_impulses_alone_is_kept():
    hit = NONE.copy()
    hit[..., 1] = True
    assert prepare(IMAGE, NoiseModel(NoiseKind.IMPULSE, 0.0, hit)).valid.all()


def test_poisson_noise_has_one_level_afterwards_and_its_mean_comes_back():
    levels = np.repeat([0.1, 0.4, 0.9], 40_000).reshape(300, 400, 1)
    counts = np.random.default_rng(0).poisson(levels * 30) / 30
    found = prepare(counts, NoiseModel(NoiseKind.POISSON, 0.1, np.zeros(counts.shape, bool), gain=1 / 30))
    parts = found.y.flatten().view(3, -1)
    assert (parts.std(dim=1) / found.noise.level).tolist() == pytest.approx([1, 1, 1], rel=0.05)
    means = parts.mean(dim=1)[None, :, None, None].expand(1, 3, 2, 2)
    assert found.restored(means)[0, :, 0, 0].tolist() == pytest.approx([0.1, 0.4, 0.9], rel=0.01)


def test_noise_that_channels_share_keeps_its_axes():
    found = prepare(IMAGE, NoiseModel(NoiseKind.GAUSSIAN, 0.1, NONE, covariance=np.full((3, 3), 0.01)))
    assert found.noise.sigmas[0] == pytest.approx(0.1 * 3**0.5)
