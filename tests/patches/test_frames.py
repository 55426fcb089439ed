"""Groups that have members in the frames before and after."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import data

from cgdenoise.metrics import psnr
from cgdenoise.patches import composed
from cgdenoise.patches.channel_noise import ChannelNoise
from cgdenoise.patches.matching import Search, match, match_frames, tiles
from cgdenoise.patches.ridge import first_estimate, repeated_ridge

SEARCH = Search(patch=4, count=10, window=9, step=3)
CLEAN = np.stack([ndimage.shift(data.coins()[:90, :90].astype(float), (1.3 * t, -0.8 * t))[20:48, 30:58] for t in range(4)]) / 255
NOISY = torch.from_numpy(CLEAN + 0.1 * np.random.default_rng(0).standard_normal(CLEAN.shape)).float()[None]


def test_one_frame_is_an_image():
    noise, image = ChannelNoise.equal(0.1, 1), NOISY[:, 0, :20, :20]
    torch.testing.assert_close(first_estimate(image[:, None], noise)[:, 0], first_estimate(image, noise), rtol=1e-4, atol=1e-5)
    tile = next(tiles((20, 20), SEARCH))
    area = image[(slice(None), *tile.area)]
    torch.testing.assert_close(match_frames(area[:, None], 0, tile, SEARCH), match(area, tile, SEARCH))


def test_a_patch_is_found_in_the_frame_that_it_moved_to():
    frames = torch.zeros(1, 3, 20, 20)
    frames[0, 1, 8:12, 8:12] = torch.arange(16.0).view(4, 4)
    frames[0, 2, 9:13, 10:14] = frames[0, 1, 8:12, 8:12]
    tile = next(part for part in tiles((20, 20), Search(4, 2, 9, 4)))
    members = match_frames(frames, 1, tile, Search(4, 2, 9, 4))
    reference = [(int(row), int(column)) for row in tile.rows for column in tile.columns].index((8, 8))
    assert members[reference].tolist() == [17 * 17 + 8 * 17 + 8, 2 * 17 * 17 + 9 * 17 + 10]


@pytest.mark.parametrize("channels", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_frames_help_each_other(channels):
    noisy = NOISY if channels == 1 else torch.cat([NOISY, NOISY.flip(2), NOISY.flip(3)])
    clean = CLEAN[None] if channels == 1 else np.stack([CLEAN, CLEAN[:, ::-1], CLEAN[:, :, ::-1]])
    noise = ChannelNoise.equal(0.1, channels)
    together = repeated_ridge(noisy, first_estimate(noisy, noise), noise)
    alone = torch.stack([repeated_ridge(y, first_estimate(y, noise), noise) for y in noisy.unbind(1)], 1)
    assert psnr(together.numpy(), clean, 1) > psnr(alone.numpy(), clean, 1) + 0.4


def test_far_frames_are_not_looked_at():
    frames = torch.cat([NOISY, NOISY], 1)[:, :5, :20, :20].contiguous()
    noise = ChannelNoise.equal(0.1, 1)
    frames[:, composed.REACH + 2 :] += 5
    torch.testing.assert_close(first_estimate(frames[:, : composed.REACH + 2], noise)[:, 0], first_estimate(frames, noise)[:, 0])
