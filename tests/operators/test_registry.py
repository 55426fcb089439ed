"""Every operator, and compositions of them, at odd sizes: sound in float32, float64 and complex, for any batch."""

import numpy as np
import pytest
import torch
from scipy import sparse

from cgdenoise.errors import OperatorError
from cgdenoise.operators import (
    DCT,
    Adjoint,
    Blur,
    Border,
    Coils,
    ComplexFromChannels,
    ComplexFromReal,
    DenseMatrix,
    Downsample,
    Entries,
    Field,
    ForwardOperator,
    Fourier,
    Identity,
    Kernel,
    Pad,
    PixelMask,
    Reshape,
    SparseMatrix,
    SubsampledDCT,
    Weights,
    blur_within,
    random_matrix,
    stack,
    subsampled_fourier,
    wrap,
)
from cgdenoise.operators.checks import dot_test, gradient_test, linearity_test
from cgdenoise.operators.foreign import Foreign
from cgdenoise.operators.nonuniform import NonUniformFourier
from cgdenoise.operators.sensing import GeneratedMatrix
from cgdenoise.operators.tomography import Fan, Scan, projector

RNG = np.random.default_rng(3)
SIZE = (7, 11)


def normal(*shape: int, dtype: type = np.float64) -> np.ndarray:
    values = RNG.standard_normal(shape)
    return (values + 1j * RNG.standard_normal(shape) if np.issubdtype(dtype, np.complexfloating) else values).astype(dtype)


def mask(*shape: int) -> np.ndarray:
    return RNG.random(shape) < 0.6


def some_psf(h: int, w: int) -> np.ndarray:
    return RNG.random((h, w))


def sparse_matrix(dtype: type) -> sparse.csc_array:
    return sparse.csc_array(normal(9, 77, dtype=dtype) * mask(9, 77))


class Matvec:
    """What SciPy would make of a complex matrix, spelt out."""

    shape = (5, 77)
    matrix = normal(5, 77, dtype=np.complex128)

    def matvec(self, v):
        return self.matrix @ v

    def rmatvec(self, v):
        return self.matrix.conj().T @ v


MAPS = normal(3, *SIZE, dtype=np.complex128)
OPERATORS = {
    "identity": Identity((2, *SIZE)),
    "mask": PixelMask(mask(*SIZE)),
    "mask of all channels": PixelMask(mask(*SIZE), (3, *SIZE)),
    "mask of columns": PixelMask(mask(1, 11), (2, *SIZE)),
    "dense, float32": DenseMatrix(normal(6, 77, dtype=np.float32), SIZE),
    "dense, float64": DenseMatrix(normal(6, 77), SIZE),
    "dense, complex": DenseMatrix(normal(6, 77, dtype=np.complex128), SIZE),
    "dense, tall, of a vector": DenseMatrix(normal(13, 5), (5,)),
    "sparse, float32": SparseMatrix(sparse_matrix(np.float32), SIZE),
    "sparse, float64": SparseMatrix(sparse_matrix(np.float64), SIZE),
    "sparse, complex": SparseMatrix(sparse_matrix(np.complex64), SIZE),
    "sparse, of channels": SparseMatrix(sparse.random(20, 231, 0.1, random_state=1), (3, *SIZE)),
    "gaussian": random_matrix((3, 5, 7), 41, 0),
    "rademacher": random_matrix((3, 5, 7), 41, 0, Entries.RADEMACHER),
    "gaussian, generated": random_matrix((3, 5, 7), 41, 0, stored=0),
    "rademacher, generated": random_matrix((3, 5, 7), 41, 0, Entries.RADEMACHER, stored=0),
    "dct": DCT((2, *SIZE)),
    "dct, by fft": DCT((258, 3)),
    "dct, odd, by fft": DCT((2, 2, 257)),
    "sampled dct": SubsampledDCT((3, *SIZE), 57, 1),
    "sampled dct, by fft": SubsampledDCT((3, 259), 99, 1),
    "sampled dct, all": SubsampledDCT(SIZE, 77, 1),
    "sampled dct, one": SubsampledDCT((1, 1, 13), 1, 1),
    "fourier, odd": Fourier(SIZE),
    "fourier, even and odd": Fourier((2, 8, 5)),
    "fourier, a line": Fourier((1, 9)),
    "sampled fourier": subsampled_fourier(mask(1, 11), (2, *SIZE)),
    "coils": Coils(MAPS),
    "fourier, anywhere": NonUniformFourier(SIZE, RNG.uniform(-0.5, 0.5, (23, 2))),
    "fourier, anywhere, coils": NonUniformFourier(MAPS.shape, RNG.uniform(-0.5, 0.5, (23, 2))) @ Coils(MAPS),
    "weights": Weights(RNG.random((2, *SIZE))),
    "complex weights": Weights(normal(2, *SIZE, dtype=np.complex128)),
    "weighted fourier": Weights(RNG.random(SIZE)) @ Fourier(SIZE),
    "parallel beams": projector(Scan(np.array([0.0, 31, 90, 200]), 13, 5.7, 0.8), SIZE),
    "fans": projector(Scan(np.array([0.0, 31, 90, 200]), 13, 5.7, 1.3, Fan(20, 9)), SIZE),
    "complex from channels": ComplexFromChannels((2, *SIZE)),
    "complex from real": ComplexFromReal((3, *SIZE)),
    "blur": Blur((3, 17, 13), some_psf(5, 3)),
    "blur, even psf": Blur((17, 13), some_psf(4, 2)),
    "blur, psf of the image's size": Blur((5, 7), some_psf(5, 7)),
    "blur, one point": Blur((5, 7), some_psf(1, 1)),
    **{f"blur within, {border}": blur_within((2, 17, 13), some_psf(5, 4), border) for border in Border},
    **{f"pad, {border}": Pad((2, 5, 7), ((3, 0), (9, 2)), border) for border in Border},
    **{f"{kernel} by {k}": Downsample((3, *SIZE), k, kernel) for k in (1, 2, 3, 8, 20) for kernel in Kernel},
    "sum": PixelMask(mask(2, *SIZE)) + blur_within((2, *SIZE), some_psf(3, 4), Border.REFLECT),
    "difference of fields": Fourier(SIZE) - PixelMask(mask(*SIZE)),
    "sum of real images": ComplexFromReal(SIZE) + Fourier(SIZE) @ ComplexFromReal(SIZE),
    **{f"means of a volume by {k}": Downsample((2, 5, *SIZE), k, axes=3) for k in (1, 2, 3, 8)},
    "multiple": -3 * Downsample((3, *SIZE), 2),
    "complex multiple": (1 - 2j) * Downsample((3, *SIZE), 2),
    "complex multiple of complex": (1 - 2j) * Fourier(SIZE),
    "complex multiple of real": ComplexFromReal(SIZE).normal * 2j,
    "complex multiple of real to complex": (1 - 2j) * ComplexFromReal(SIZE),
    "complex multiple of the real part": (1 - 2j) * ComplexFromReal(SIZE).H,
    "normal": Blur((17, 13), some_psf(5, 3)).normal,
    "normal of the adjoint, of real images": (Fourier(SIZE) @ ComplexFromReal(SIZE)).H.normal,
    "sum of what is linear over the reals": (ComplexFromReal(SIZE) @ ComplexFromReal(SIZE).H) + Fourier(SIZE),
    "stack": stack([PixelMask(mask(2, *SIZE)), 2 * blur_within((2, *SIZE), some_psf(3, 4), Border.REFLECT)]),
    "stack of fields": stack([PixelMask(mask(*SIZE)), Fourier(SIZE), 1j * PixelMask(mask(*SIZE))]),
    "stack of one, of real images": stack([ComplexFromReal(SIZE)]),
    "adjoint of a stack": stack([DenseMatrix(normal(6, 77), SIZE), random_matrix(SIZE, 6, 0)]).H,
    "reshape": Reshape((2, *SIZE), (11, 2, 7)),
    "adjoint of means": Adjoint(Downsample((3, *SIZE), 3)),
    "adjoint of complex from real": Adjoint(ComplexFromReal(SIZE)),
    "foreign": wrap(Matvec(), SIZE),
    "real images, sampled fourier": subsampled_fourier(mask(*SIZE), SIZE) @ ComplexFromReal(SIZE),
    "parallel scan": subsampled_fourier(mask(1, 11), (3, *SIZE)) @ Coils(MAPS) @ ComplexFromChannels((2, *SIZE)),
    "blurred, small and with holes": PixelMask(mask(2, 6, 5))
    @ Downsample((2, 17, 13), 3)
    @ blur_within((2, 17, 13), some_psf(5, 5), Border.REFLECT),
    "sensed and blurred": SubsampledDCT((13, 9), 50, 0) @ Blur((17, 13), some_psf(5, 5)),
    "other way of brackets": (PixelMask(mask(5, 7)) @ Fourier((5, 7)))
    @ (ComplexFromReal((5, 7)) @ Pad((3, 7), ((1, 1), (0, 0)), Border.PERIODIC)),
}
PRECISIONS = [torch.float32, torch.float64]

every_operator = pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS.keys())
every_precision = pytest.mark.parametrize("dtype", PRECISIONS, ids=str)


def inputs(operator: ForwardOperator, *leading: int, dtype: torch.dtype) -> list[torch.Tensor]:
    """Random images of the fields that the operator takes."""
    rng = torch.Generator().manual_seed(1)
    fields = [Field.REAL, Field.COMPLEX] if operator.domain is Field.EITHER else [operator.domain]
    types = [dtype.to_complex() if field is Field.COMPLEX else dtype for field in fields]
    return [torch.randn(*leading, *operator.in_shape, generator=rng, dtype=of) for of in types]


@every_operator
@every_precision
@pytest.mark.parametrize("check", [dot_test, linearity_test, gradient_test])
def test_operator_is_sound(operator, check, dtype):
    check(operator, torch.Generator().manual_seed(0), dtype=dtype)


@every_operator
@every_precision
def test_precision_and_field_of_the_results(operator, dtype):
    for x in inputs(operator, dtype=dtype):
        y = operator(x)
        field = operator.codomain
        is_complex = x.is_complex() if field is Field.EITHER else field is Field.COMPLEX
        assert y.dtype == (dtype.to_complex() if is_complex else dtype)
        assert operator.adjoint(y).dtype == x.dtype
        assert operator.normal(x).equal(operator.adjoint(y))


@every_operator
@pytest.mark.parametrize("leading", [(1,), (2, 3)])
def test_any_batch_is_its_single_images(operator, leading):
    for x in inputs(operator, *leading, dtype=torch.float64):
        y = operator(x)
        assert y.shape == (*leading, *operator.out_shape)
        assert operator.adjoint(y).shape == x.shape
        for index in np.ndindex(*leading):
            torch.testing.assert_close(y[index], operator(x[index]))
            torch.testing.assert_close(operator.adjoint(y)[index], operator.adjoint(y[index]))


@every_operator
def test_second_derivative_is_that_of_a_linear_map(operator):
    """The gradient of ||A x||² is 2 A^H A x, and its own goes through."""
    x = inputs(operator, dtype=torch.float64)[-1].requires_grad_()
    (gradient,) = torch.autograd.grad(operator(x).abs().square().sum(), x, create_graph=True)
    torch.testing.assert_close(gradient, 2 * operator.normal(x))
    (second,) = torch.autograd.grad(gradient.abs().square().sum(), x)
    torch.testing.assert_close(second, 8 * operator.normal(operator.normal(x)))


@every_operator
def test_layout_in_memory_does_not_matter(operator):
    x = inputs(operator, 4, dtype=torch.float64)[0]
    strided = x.movedim(0, -1).contiguous().movedim(-1, 0)
    torch.testing.assert_close(operator(strided), operator(x))


@every_operator
@every_precision
def test_moved_operator_holds_tensors_of_that_precision_and_gives_the_same(operator, dtype):
    moved = operator.to("cpu", dtype)
    x = inputs(operator, dtype=torch.float64)[0]
    tolerance = 1e-5 if dtype is torch.float32 else 1e-12
    assert (moved(x) - operator(x)).norm() <= tolerance * operator(x).norm()
    held = [value for value in vars(moved).values() if isinstance(value, torch.Tensor)]
    assert {value.dtype for value in held} <= {dtype, dtype.to_complex(), torch.bool, torch.int64}


@every_operator
def test_other_shapes_and_fields_are_refused(operator):
    x = inputs(operator, dtype=torch.float32)[0]
    with pytest.raises(OperatorError, match=f"{operator.in_shape[-1]}.* found .*{operator.in_shape[-1] + 1}"):
        operator(torch.nn.functional.pad(x, (0, 1)))
    with pytest.raises(OperatorError, match="found"):
        operator.adjoint(torch.nn.functional.pad(operator(x), (0, 1)))
    with pytest.raises(OperatorError, match="floating point"):
        operator(torch.ones(operator.in_shape, dtype=torch.int64))
    if operator.domain is not Field.EITHER:
        with pytest.raises(OperatorError, match=f"of {operator.domain} numbers; found"):
            operator(x.real if x.is_complex() else x.to(torch.complex64))


def test_every_class_is_in_the_registry():
    def parts(operator: ForwardOperator) -> set[type]:
        inner = [part for part in (*vars(operator).values(), *operator._parts) if isinstance(part, ForwardOperator)]
        return {type(operator)}.union(*map(parts, inner))

    def classes(of: type) -> set[type]:
        return {of}.union(*map(classes, of.__subclasses__()))

    ours = {of for of in classes(ForwardOperator) if of.__module__.startswith("cgdenoise.")} - {ForwardOperator}
    assert set().union(*map(parts, OPERATORS.values())) == ours
    assert {Foreign, GeneratedMatrix} <= ours
