import numpy as np
import pytest

from cgdenoise.noise.clipping import Clipping, clipped_share


@pytest.mark.parametrize("mean", [0.0, 0.05, 0.5, 0.97, 1.0])
def test_the_mean_before_clipping_is_found(mean):
    sigma = 0.1
    values = np.clip(mean + sigma * np.random.default_rng(0).standard_normal(400_000), 0, 1)
    found = Clipping((0.0,), (1.0,), sigma).inverse(np.full((1, 1, 1, 1), values.mean()))
    assert found.item() == pytest.approx(mean, abs=2e-3)
    assert abs(values.mean() - mean) > 0.015 or mean == 0.5


def test_what_is_beyond_the_ends_or_not_clipped_stays():
    means = np.array([-0.2, 0.3, 1.4]).reshape(1, 1, 1, 3)
    assert Clipping((0.0,), (1.0,), 0.01).inverse(means) == pytest.approx(means, abs=1e-4)
    assert Clipping((-np.inf,), (1.0,), 0.01).inverse(means - 7) == pytest.approx(means - 7, abs=1e-3)


def test_only_ends_at_which_values_pile_up_are_clipped():
    rng = np.random.default_rng(1)
    image = rng.normal(0.5, 0.3, (100, 100, 2))
    assert Clipping.of(image, 0.1) is None
    image[..., 1] = np.minimum(image[..., 1], 0.8)
    clipping = Clipping.of(image, 0.1)
    assert clipping is not None
    assert clipping.high == (np.inf, 0.8)
    assert clipping.low == (-np.inf, -np.inf)
    assert clipped_share(image) == pytest.approx((image[..., 1] == 0.8).mean() / 2)
    assert Clipping.of(image, 0.0) is None
