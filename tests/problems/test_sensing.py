"""What a reconstruction is compared with: the pseudo-inverse and the zero-filled image."""

import numpy as np
import pytest
import torch

from cgdenoise.operators import DenseMatrix, Fourier, Kernel, SubsampledDCT, gaussian_psf, random_matrix
from cgdenoise.operators.foreign import wrap
from cgdenoise.problems import deblurring, fourier_lines, fourier_problem, linear_problem, parallel_problem, upscaling

RNG = np.random.default_rng(0)
IMAGE = RNG.random((12, 10))


class Cut:
    """Somebody's operator, on vectors."""

    shape = (50, 120)

    def matvec(self, x):
        return x[:50] * 3

    def rmatvec(self, y):
        return np.concatenate([y * 3, np.zeros(70)])


@pytest.mark.parametrize(
    "operator",
    [
        random_matrix(IMAGE.shape, 60, 0),
        SubsampledDCT(IMAGE.shape, 60, 0),
        DenseMatrix(RNG.standard_normal((40, 120)) + 1j * RNG.standard_normal((40, 120)), IMAGE.shape),
        wrap(Cut(), IMAGE.shape),
    ],
    ids=["gaussian", "dct", "complex", "own"],
)
def test_start_of_any_operator_is_its_pseudo_inverse(operator):
    y = operator(torch.from_numpy(IMAGE).to(torch.complex128 if "Dense" in str(operator) else torch.float64)).numpy()
    rows = np.stack([operator.adjoint(e).numpy().ravel() for e in torch.eye(len(y), dtype=torch.from_numpy(y).dtype)]).conj()
    expected = np.linalg.pinv(rows) @ y
    start = linear_problem(operator, y, 0.0).start
    assert start.name == "pseudo-inverse"
    np.testing.assert_allclose(start.image().ravel(), expected, atol=0.02)


def test_start_of_fourier_samples_is_zero_filled():
    mask = fourier_lines((12, 10), 0.5, 0)
    y = Fourier((12, 10))(torch.from_numpy(IMAGE + 0j)).numpy() * mask
    plane = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(y), norm="ortho"))
    for real, expected in ((False, plane), (True, plane.real)):
        np.testing.assert_allclose(fourier_problem(y, mask, real, 0.0).start.image(), expected, atol=1e-12)
    maps = np.stack([np.full((12, 10), 0.6), np.full((12, 10), 0.8j)]).astype(complex)
    found = parallel_problem(maps * y, mask, maps, 0.0).start.image()
    np.testing.assert_allclose(found, plane, atol=1e-6)
    apart = parallel_problem(maps * y, mask, None, 0.0)  # too few samples for maps
    np.testing.assert_allclose(apart.view(apart.start.image()), np.abs(plane), atol=1e-6)


def test_start_of_pictures_is_the_picture():
    blurred = deblurring(IMAGE, gaussian_psf(1.0), 0.1)
    np.testing.assert_array_equal(blurred.view(blurred.start.image()), IMAGE)
    assert blurred.start.image().shape == blurred.operator.in_shape
    small = upscaling(IMAGE, 2, Kernel.BOX, 0.0)
    np.testing.assert_array_equal(small.view(small.start.image()), np.kron(IMAGE, np.ones((2, 2))))
