"""Operators against other people's implementations and against what they are defined to be."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage, signal, sparse
from scipy.fft import dctn

from cgdenoise.errors import OperatorError
from cgdenoise.operators import (
    Blur,
    Border,
    Coils,
    ComplexFromChannels,
    ComplexFromReal,
    DenseMatrix,
    Downsample,
    Entries,
    Fourier,
    Kernel,
    Pad,
    PixelMask,
    SparseMatrix,
    SubsampledDCT,
    blur_within,
    box_psf,
    disk_psf,
    gaussian_psf,
    motion_psf,
    random_matrix,
    subsampled_fourier,
)

RNG = np.random.default_rng(8)
IMAGE = RNG.standard_normal((3, 23, 17))


def applied(operator, array):
    return operator(torch.from_numpy(array)).numpy()


def as_matrix(operator):
    """Rows are measurements."""
    size = int(np.prod(operator.in_shape))
    return operator(torch.eye(size, dtype=torch.float64).reshape(size, *operator.in_shape)).flatten(1).numpy().T


class TestMask:
    def test_what_is_not_measured_is_zero_even_if_it_is_nan(self):
        operator = PixelMask(np.array([[True, False, True]]), (2, 3))
        x = torch.tensor([[1.0, torch.nan, 3], [4, torch.inf, 6]])
        assert operator(x).tolist() == operator.adjoint(x).tolist() == [[1, 0, 3], [4, 0, 6]]

    @pytest.mark.parametrize("values", [[0.0, 0.5], [0.0, 0.0], [1.0, np.nan]])
    def test_values_that_are_no_mask(self, values):
        with pytest.raises(OperatorError, match="a mask"):
            PixelMask(np.array(values))

    def test_shape_that_does_not_broadcast(self):
        with pytest.raises(OperatorError, match=r"\[3, 4\] does not broadcast to an image of \[3, 5\]"):
            PixelMask(np.ones((3, 4)), (3, 5))


class TestMatrix:
    @pytest.mark.parametrize("dtype", [np.float64, np.complex128])
    def test_rows_run_over_the_image_in_row_major_order(self, dtype):
        matrix, image = np.arange(20).reshape(2, 10).astype(dtype), IMAGE[0, :2, :5].astype(dtype)
        expected = matrix @ image.ravel(order="C")
        np.testing.assert_allclose(applied(DenseMatrix(matrix, (2, 5)), image), expected)
        np.testing.assert_allclose(applied(SparseMatrix(sparse.coo_array(matrix), (2, 5)), image), expected)

    def test_duplicate_entries_of_a_sparse_matrix_add_up(self):
        matrix = sparse.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(1, 2))
        assert SparseMatrix(matrix, (2,))(torch.tensor([5.0, 7.0])).tolist() == [21]

    @pytest.mark.parametrize("matrix", [np.ones((2, 9)), np.ones(10), np.full((2, 10), np.nan), np.ones((2, 10), int)])
    def test_matrices_that_do_not_fit(self, matrix):
        with pytest.raises(OperatorError, match="a matrix of"):
            DenseMatrix(matrix, (2, 5))

    @pytest.mark.parametrize("matrix", [np.ones((2, 9)), np.full((2, 10), np.inf), np.ones((2, 10), int)])
    def test_sparse_matrices_that_do_not_fit(self, matrix):
        with pytest.raises(OperatorError, match="matrix of"):
            SparseMatrix(sparse.csr_array(matrix), (2, 5))

    def test_dense_instead_of_sparse(self):
        with pytest.raises(OperatorError, match="ndarray instead of a sparse matrix"):
            SparseMatrix(np.ones((2, 10)), (2, 5))


class TestSensing:
    @pytest.mark.parametrize("entries", Entries)
    def test_stored_and_generated_are_the_same_over_several_blocks(self, entries, monkeypatch):
        monkeypatch.setattr("cgdenoise.operators.sensing._BLOCK", 500)
        stored, generated = (random_matrix((3, 5, 7), 41, 6, entries, stored=limit) for limit in (2**20, 0))
        assert type(stored) is not type(generated)
        np.testing.assert_allclose(as_matrix(stored), as_matrix(generated))
        y = torch.arange(82, dtype=torch.float64).view(2, 41)
        torch.testing.assert_close(stored.adjoint(y), generated.adjoint(y))

    @pytest.mark.parametrize("entries", Entries)
    def test_entries_are_independent_with_variance_one_over_m(self, entries):
        matrix = as_matrix(random_matrix((20, 20), 300, 2, entries)) * np.sqrt(300)
        assert abs(matrix.mean()) < 4 / np.sqrt(matrix.size)
        assert abs(matrix.var() - 1) < 4 * np.sqrt(2 / matrix.size)
        assert abs(np.corrcoef(matrix) - np.eye(300)).max() < 6 / np.sqrt(400)
        assert abs(np.corrcoef(matrix.T) - np.eye(400)).max() < 6 / np.sqrt(300)
        kurtosis = (matrix**4).mean()
        assert abs(kurtosis - {"gaussian": 3, "rademacher": 1}[entries]) < 0.1

    def test_seed_decides(self):
        x = torch.from_numpy(IMAGE)
        for make in (random_matrix, SubsampledDCT):
            assert make(x.shape, 9, 4)(x).equal(make(x.shape, 9, 4)(x))
            assert not make(x.shape, 9, 4)(x).isclose(make(x.shape, 9, 5)(x)).any()

    def test_gradient_through_a_generated_matrix_keeps_no_block(self):
        x = torch.ones(3, 5, requires_grad=True)
        random_matrix((3, 5), 4, 0, stored=0)(x).sum().backward()
        np.testing.assert_allclose(x.grad.flatten(), as_matrix(random_matrix((3, 5), 4, 0)).sum(0), rtol=1e-5)

    def test_dct_rows_are_orthogonal_and_keep_the_energy_on_average(self):
        matrix = as_matrix(SubsampledDCT((2, 5, 7), 31, 0))
        np.testing.assert_allclose(matrix @ matrix.T, 70 / 31 * np.eye(31), atol=1e-12)
        energies = [np.square(applied(SubsampledDCT((3, 23, 17), 200, seed), IMAGE)).sum() for seed in range(50)]
        assert np.mean(energies) == pytest.approx(np.square(IMAGE).sum(), rel=0.1)

    def test_all_dct_coefficients_are_scipys_of_the_image_with_random_signs(self):
        operator = SubsampledDCT((3, 23, 17), IMAGE.size, 0)
        signs = (
            operator.adjoint(torch.from_numpy(dctn(np.ones(IMAGE.shape), axes=(1, 2), norm="ortho").ravel())).numpy().round(12)
        )
        assert set(np.unique(signs)) == {-1, 1}
        expected = dctn(IMAGE * signs, axes=(1, 2), norm="ortho")
        np.testing.assert_allclose(applied(operator, IMAGE), expected.ravel(), atol=1e-12)

    @pytest.mark.parametrize(("measurements", "seed"), [(0, 0), (5, -1)])
    def test_parameters_out_of_range(self, measurements, seed):
        for make in (random_matrix, SubsampledDCT):
            with pytest.raises(OperatorError, match=f"{measurements} measurements with seed {seed}"):
                make((3, 5), measurements, seed)

    def test_more_coefficients_than_there_are(self):
        with pytest.raises(OperatorError, match="at most 15"):
            SubsampledDCT((3, 5), 16, 0)


class TestFourier:
    @pytest.mark.parametrize("size", [(23, 17), (8, 6), (7, 4), (1, 5)])
    def test_is_numpys_between_the_shifts(self, size):
        image = RNG.standard_normal((2, *size)) + 1j * RNG.standard_normal((2, *size))
        axes = (1, 2)
        expected = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image, axes), norm="ortho"), axes)
        np.testing.assert_allclose(applied(Fourier((2, *size)), image), expected, atol=1e-12)

    @pytest.mark.parametrize("size", [(7, 9), (8, 6)])
    def test_constant_is_a_point_at_the_centre_and_energy_is_kept(self, size):
        spectrum = applied(Fourier(size), np.ones(size, complex))
        centre = (size[0] // 2, size[1] // 2)
        assert spectrum[centre] == pytest.approx(np.sqrt(size[0] * size[1]))
        assert np.abs(spectrum).sum() == pytest.approx(np.sqrt(size[0] * size[1]))

    def test_adjoint_is_the_inverse(self):
        x = torch.from_numpy(IMAGE).to(torch.complex128)
        torch.testing.assert_close(Fourier((3, 23, 17)).normal(x), x)

    def test_mask_of_columns_leaves_the_others_zero(self):
        image, mask = IMAGE.astype(complex), np.arange(17)[None] % 3 == 0
        expected = applied(Fourier((3, 23, 17)), image) * mask
        np.testing.assert_array_equal(applied(subsampled_fourier(mask, (3, 23, 17)), image), expected)

    def test_a_vector_has_no_two_axes(self):
        with pytest.raises(OperatorError, match="two axes"):
            Fourier((5,))


class TestComplex:
    def test_channels_are_the_parts(self):
        x = torch.tensor([[1.0, 2], [3, 4]])
        assert ComplexFromChannels((2, 2))(x).tolist() == [1 + 3j, 2 + 4j]
        assert ComplexFromChannels((2, 2)).normal(x).equal(x)
        assert ComplexFromReal((2,)).adjoint(torch.tensor([1 + 3j, 2 + 4j])).tolist() == [1, 2]

    def test_three_channels(self):
        with pytest.raises(OperatorError, match="expected 2 channels"):
            ComplexFromChannels((3, 5, 5))

    def test_coils_multiply_and_combine(self):
        maps = RNG.standard_normal((4, 5, 7)) + 1j * RNG.standard_normal((4, 5, 7))
        maps /= np.sqrt(np.square(np.abs(maps)).sum(0))
        x = torch.from_numpy(IMAGE[0, :5, :7] * (1 - 2j))
        np.testing.assert_allclose(Coils(maps)(x).numpy(), maps * x.numpy())
        torch.testing.assert_close(Coils(maps).normal(x), x)

    @pytest.mark.parametrize("maps", [np.ones((5, 7), complex), np.ones((2, 5, 7)), np.full((2, 5, 7), np.nan * 1j)])
    def test_what_is_no_map(self, maps):
        with pytest.raises(OperatorError, match="maps"):
            Coils(maps)


class TestBlur:
    @pytest.mark.parametrize("size", [(5, 3), (4, 6), (1, 1), (23, 17)])
    def test_is_the_valid_convolution(self, size):
        psf = RNG.random(size)
        expected = [signal.convolve2d(channel, psf / psf.sum(), mode="valid") for channel in IMAGE]
        np.testing.assert_allclose(applied(Blur(IMAGE.shape, psf), IMAGE), expected, atol=1e-12)

    @pytest.mark.parametrize(
        ("border", "mode"), [(Border.REPLICATE, "nearest"), (Border.REFLECT, "mirror"), (Border.PERIODIC, "wrap")]
    )
    @pytest.mark.parametrize("size", [(5, 3), (9, 13)])
    def test_within_the_frame_is_ndimages(self, border, mode, size):
        psf = RNG.random(size)
        expected = [ndimage.convolve(channel, psf / psf.sum(), mode=mode) for channel in IMAGE]
        np.testing.assert_allclose(applied(blur_within(IMAGE.shape, psf, border), IMAGE), expected, atol=1e-12)

    @pytest.mark.parametrize("size", [(5, 3), (4, 6), (2, 1)])
    def test_a_point_shows_the_psf_about_its_origin(self, size):
        psf, image = RNG.random(size), np.zeros((15, 15))
        image[7, 7] = 1
        expected = np.zeros((15, 15))
        top, left = 7 - size[0] // 2, 7 - size[1] // 2
        expected[top : top + size[0], left : left + size[1]] = psf / psf.sum()
        for border in Border:
            np.testing.assert_allclose(applied(blur_within((15, 15), psf, border), image), expected, atol=1e-12)

    def test_constant_stays_constant(self):
        constant = torch.full((2, 23, 17), 0.3)
        for operator in (Blur((2, 23, 17), gaussian_psf(1.5)), blur_within((2, 23, 17), motion_psf(7, 30), Border.REPLICATE)):
            torch.testing.assert_close(operator(constant), torch.full(operator.out_shape, 0.3))

    @pytest.mark.parametrize(
        ("psf", "told"),
        [(np.ones((24, 3)), r"\[24, 3\]"), (np.ones(3), r"\[3\]"), (np.zeros((3, 3)), "sum 0"), (np.full((3, 3), np.nan), "nan")],
    )
    def test_what_is_no_psf(self, psf, told):
        with pytest.raises(OperatorError, match=told):
            Blur(IMAGE.shape, psf)

    def test_padding_follows_the_rule(self):
        row = torch.tensor([[1.0, 2, 3, 4]])
        padded = {border: Pad((1, 4), ((0, 0), (2, 2)), border)(row).tolist()[0] for border in Border}
        assert padded == {
            Border.REPLICATE: [1, 1, 1, 2, 3, 4, 4, 4],
            Border.REFLECT: [3, 2, 1, 2, 3, 4, 3, 2],
            Border.PERIODIC: [3, 4, 1, 2, 3, 4, 1, 2],
        }

    def test_negative_margin(self):
        with pytest.raises(OperatorError, match="no negative margin"):
            Pad((3, 5), ((0, -1), (0, 0)), Border.REFLECT)


class TestPsfs:
    def test_gaussian_has_its_width(self):
        psf = gaussian_psf(2.0)
        at = np.arange(len(psf)) - len(psf) // 2
        assert psf.sum() == pytest.approx(1)
        assert (psf.sum(0) * at).sum() == pytest.approx(0, abs=1e-12)
        assert (psf.sum(0) * at**2).sum() == pytest.approx(4, rel=0.01)
        np.testing.assert_allclose(psf, psf.T)

    @pytest.mark.parametrize(("length", "angle"), [(9, 0), (12.5, 30), (7, 90), (8, 135), (3, 200)])
    def test_motion_has_its_length_and_direction(self, length, angle):
        psf = motion_psf(length, angle)
        down, right = np.indices(psf.shape) - len(psf) // 2
        across, along = length / np.sqrt(12) * np.sin(np.radians(angle)), length / np.sqrt(12) * np.cos(np.radians(angle))
        assert psf.sum() == pytest.approx(1)
        assert (psf * down).sum() == pytest.approx(0, abs=1e-9)
        assert (psf * right).sum() == pytest.approx(0, abs=1e-9)
        # The variances of a line; bilinear weights add up to 1/4 to each.
        assert (psf * right**2).sum() == pytest.approx(along**2 + 1 / 8, abs=1 / 8 + 0.01)
        assert (psf * down**2).sum() == pytest.approx(across**2 + 1 / 8, abs=1 / 8 + 0.01)
        assert -(psf * right * down).sum() == pytest.approx(along * across, abs=0.01)

    @pytest.mark.parametrize("radius", [0.3, 1.0, 2.5, 3.2, 8.0])
    def test_disk_has_its_area_and_its_width(self, radius):
        psf = disk_psf(radius)
        at = np.arange(len(psf)) - len(psf) // 2
        assert psf.sum() == pytest.approx(1)
        np.testing.assert_array_equal(psf, psf.T[::-1])
        # The height of an even disk, in its middle if that has a whole pixel; and its variance, to which a pixel adds its own.
        if radius > 1:
            assert psf.max() == pytest.approx(1 / (np.pi * radius**2), rel=0.01)
            assert (psf.sum(0) * at**2).sum() == pytest.approx(radius**2 / 4 + 1 / 12, rel=0.06)
        assert psf[0].sum() > 0

    def test_box_is_a_moving_average(self):
        np.testing.assert_array_equal(box_psf(3), np.full((3, 3), 1 / 9))
        assert box_psf(4).shape == (4, 4)

    def test_no_motion_is_a_point(self):
        assert motion_psf(0, 45).tolist() == [[1]]

    def test_parameters_out_of_range(self):
        for make in (
            lambda: gaussian_psf(0),
            lambda: gaussian_psf(np.nan),
            lambda: motion_psf(-1, 0),
            lambda: motion_psf(3, np.inf),
            lambda: disk_psf(0),
            lambda: disk_psf(np.inf),
            lambda: box_psf(0),
            lambda: box_psf(2.5),
        ):
            with pytest.raises(OperatorError, match="PSF"):
                make()


class TestDownsample:
    def test_box_is_the_mean_of_blocks_and_of_what_is_left_at_the_end(self):
        small = applied(Downsample(IMAGE.shape, 4), IMAGE)
        expected = [
            [[channel[i : i + 4, j : j + 4].mean() for j in range(0, 17, 4)] for i in range(0, 23, 4)] for channel in IMAGE
        ]
        np.testing.assert_allclose(small, expected, atol=1e-12)

    def test_factor_above_the_sides_gives_the_mean_and_shares_it_out(self):
        operator = Downsample(IMAGE.shape, 10**9)
        np.testing.assert_allclose(applied(operator, IMAGE)[:, 0, 0], IMAGE.mean((1, 2)), atol=1e-12)
        shares = operator.adjoint(torch.ones(3, 1, 1))
        torch.testing.assert_close(shares, torch.full(IMAGE.shape, 1 / (23 * 17)))

    def test_bicubic_is_pillows(self):
        image = RNG.standard_normal((24, 36)).astype(np.float32)
        expected = np.asarray(Image.fromarray(image).resize((12, 8), Image.Resampling.BICUBIC))
        np.testing.assert_allclose(applied(Downsample((24, 36), 3, Kernel.BICUBIC), image), expected, atol=1e-5)

    @pytest.mark.parametrize("kernel", Kernel)
    def test_constant_stays_constant(self, kernel):
        small = Downsample((23, 17), 5, kernel)(torch.full((23, 17), 0.3))
        torch.testing.assert_close(small, torch.full((5, 4), 0.3))

    @pytest.mark.parametrize("kernel", Kernel)
    def test_factor_1_is_the_identity(self, kernel):
        np.testing.assert_allclose(applied(Downsample(IMAGE.shape, 1, kernel), IMAGE), IMAGE, atol=1e-12)

    def test_parameters_out_of_range(self):
        for shape, factor in (((5,), 2), ((5, 5), 0)):
            with pytest.raises(OperatorError, match="down-sampling"):
                Downsample(shape, factor)
