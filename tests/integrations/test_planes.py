"""Arrays of viewers, plane by plane, without any viewer."""

import numpy as np
import pytest

from cgdenoise.errors import ImageError
from cgdenoise.integrations.planes import Settings, as_dtype, restore_planes

FAST = Settings("fast", sigma=20)


def never():
    return False


@pytest.fixture(autouse=True)
def small(light, monkeypatch):
    from dataclasses import replace

    from cgdenoise.restoration import presets

    monkeypatch.setitem(presets.PRESETS, "fast", replace(presets.PRESETS["fast"], max_iterations=10))


def test_a_stack_is_restored_plane_by_plane_in_its_dtype(noisy):
    stack = noisy[..., :2].transpose(2, 0, 1)[None]
    seen = []
    restored, results = restore_planes(stack, False, FAST, lambda share, stage: seen.append((share, stage)), never)
    assert (restored.shape, restored.dtype, len(results)) == (stack.shape, np.uint8, 2)
    for index in (0, 1):
        np.testing.assert_array_equal(restored[0, index], as_dtype(results[index].image, restored.dtype))
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
    assert {stage.split(":")[0] for _, stage in seen} == {"plane 1 of 2", "plane 2 of 2"}


def test_alpha_stays(noisy):
    alpha = np.random.default_rng(0).integers(0, 255, (24, 24, 1), np.uint8)
    restored, _ = restore_planes(np.concatenate([noisy, alpha], 2), True, FAST, lambda share, stage: None, never)
    np.testing.assert_array_equal(restored[..., 3:], alpha)
    assert (restored[..., :3] != noisy).any()


def test_what_is_cancelled_gives_nothing(noisy):
    assert restore_planes(noisy, True, FAST, lambda share, stage: None, lambda: True) is None


def test_integers_are_rounded_and_clipped():
    found = as_dtype(np.array([-3.0, 1.6, 70000.0]), np.dtype(np.uint16))
    assert found.tolist() == [0, 2, 65535]
    assert as_dtype(np.array([0.5]), np.dtype(np.float32)).dtype == np.float32


def test_a_line_is_no_image():
    with pytest.raises(ImageError, match=r"shape \(5,\)"):
        restore_planes(np.zeros(5), False, FAST, lambda share, stage: None, never)
