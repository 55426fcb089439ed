import numpy as np
import pytest
import torch
from scipy.fft import dctn, idctn

from cgdenoise.errors import OperatorError
from cgdenoise.operators import DCT, SubsampledDCT

RNG = np.random.default_rng(2)


@pytest.fixture(params=[0, 10**6], ids=["by fft", "by matrices"])
def limit(request, monkeypatch):
    """One of the two ways for all sides."""
    monkeypatch.setattr("cgdenoise.operators.dct._LARGEST_MATRIX", request.param)


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 5), (23, 16), (1, 9), (300, 7)])
def test_is_scipys_and_so_is_its_inverse(size):
    image = RNG.standard_normal((2, *size))
    operator = DCT(image.shape)
    np.testing.assert_allclose(operator(torch.from_numpy(image)), dctn(image, axes=(1, 2), norm="ortho"), atol=1e-12)
    np.testing.assert_allclose(operator.adjoint(torch.from_numpy(image)), idctn(image, axes=(1, 2), norm="ortho"), atol=1e-12)


@pytest.mark.parametrize("make", [DCT, lambda shape: SubsampledDCT(shape, 5000, 0)], ids=["all", "sampled"])
def test_both_ways_agree_in_single_precision(make, monkeypatch):
    by_fft = make((1, 258, 301))
    monkeypatch.setattr("cgdenoise.operators.dct._LARGEST_MATRIX", 301)
    by_matrices = make((1, 258, 301))
    x = torch.from_numpy(RNG.standard_normal(by_fft.in_shape)).float()
    y = by_matrices(x)
    for one, other in ((by_fft(x), y), (by_fft.adjoint(y), by_matrices.adjoint(y))):
        assert not one.equal(other)
        assert (one - other).norm() <= 1e-5 * other.norm()


def test_large_sides_hold_no_matrix():
    held = [value.numel() for value in vars(DCT((300, 5))).values() if isinstance(value, torch.Tensor)]
    assert sorted(held) == [3, 151]


def test_a_vector_has_no_two_axes():
    with pytest.raises(OperatorError, match="two axes"):
        DCT((5,))
