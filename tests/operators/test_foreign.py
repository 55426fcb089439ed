"""Operators of each kind that other libraries have, and what is refused."""

import re
import sys

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from cgdenoise.errors import OperatorError
from cgdenoise.operators import Field, Fourier, PixelMask, load_operator, wrap
from cgdenoise.operators.checks import dot_test, gradient_test, linearity_test

SHAPE = (3, 5)
REAL = np.random.default_rng(0).standard_normal((4, 15))
COMPLEX = REAL + 1j * np.random.default_rng(1).standard_normal((4, 15))


class Vectors:
    """As PyLops and SciPy have it, without a base class."""

    def __init__(self, matrix):
        self.matrix, self.shape = matrix, matrix.shape

    def matvec(self, v):
        assert v.shape == (15,)
        return self.matrix @ v

    def rmatvec(self, v):
        assert v.shape == (4,)
        return self.matrix.conj().T @ v


class Images:
    """As SigPy has it: op * x and op.H, on images as they are."""

    def __init__(self, matrix, in_shape, out_shape):
        self.matrix, self.in_shape, self.out_shape = matrix, in_shape, out_shape

    @property
    def H(self):  # noqa: N802
        return Images(self.matrix.conj().T, self.out_shape, self.in_shape)

    def __mul__(self, x):
        assert x.shape == self.in_shape
        return (self.matrix @ x.reshape(-1)).reshape(self.out_shape)


class Physics(torch.nn.Module):
    """As deepinv has it: batches, with further arguments."""

    def __init__(self, matrix):
        super().__init__()
        self.matrix = torch.from_numpy(matrix)

    def A(self, x, **kwargs):  # noqa: N802
        assert x.ndim == 3
        return (x.flatten(1).to(self.matrix.dtype) @ self.matrix.mT)[:, None]

    def A_adjoint(self, y, **kwargs):  # noqa: N802
        return (y[:, 0].to(self.matrix.dtype) @ self.matrix.conj()).reshape(-1, *SHAPE)


class Batches:
    """The same with NumPy inside."""

    def __init__(self, matrix):
        self.matrix = matrix

    def A(self, x):  # noqa: N802
        return np.einsum("mn,bn->bm", self.matrix, x.reshape(len(x), -1))

    def A_adjoint(self, y):  # noqa: N802
        return np.einsum("mn,bm->bn", self.matrix.conj(), y).reshape(len(y), *SHAPE)


class OutOfTheGraph(Physics):
    """With tensors, but out of autograd's sight."""

    def A(self, x):  # noqa: N802
        return super().A(x).detach()


MAKERS = {
    "SciPy": lambda matrix: aslinearoperator(matrix),
    "matvec": Vectors,
    "matvec, of tensors": lambda matrix: Vectors(torch.from_numpy(matrix)),
    "multiplication": lambda matrix: Images(matrix, SHAPE, (4,)),
    "deepinv": Physics,
    "A, of arrays": Batches,
    "without autograd": OutOfTheGraph,
}
makers = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())


@makers
@pytest.mark.parametrize("matrix", [REAL, COMPLEX], ids=["real", "complex"])
@pytest.mark.parametrize("check", [dot_test, linearity_test, gradient_test])
def test_operator_of_each_kind_is_sound(make, matrix, check):
    check(wrap(make(matrix), SHAPE), torch.Generator().manual_seed(0))


@makers
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_shapes_and_precision(make, dtype):
    operator = wrap(make(REAL), SHAPE)
    x = torch.randn(2, 3, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=dtype)
    y = operator(x)
    assert operator.in_shape == SHAPE
    assert operator.out_shape in [(4,), (1, 4)]
    assert y.dtype == operator.adjoint(y).dtype == dtype
    torch.testing.assert_close(y.reshape(2, 3, 4), x.flatten(-2) @ torch.from_numpy(REAL).mT.to(dtype), rtol=1e-5, atol=1e-5)


def test_fields_are_found_out():
    class RealOnly(Vectors):
        def matvec(self, v):
            return super().matvec(v.real)

    fields = [wrap(obj, SHAPE).domain for obj in (Vectors(REAL), Vectors(COMPLEX), RealOnly(REAL))]
    assert fields == [Field.EITHER, Field.COMPLEX, Field.REAL]


def test_adjoint_that_drops_imaginary_parts_makes_it_an_operator_on_real_images():
    class Careless(Vectors):
        def rmatvec(self, y):
            return super().rmatvec(y.real)

    operator = wrap(Careless(REAL), SHAPE)
    assert (operator.domain, operator.codomain) == (Field.REAL, Field.REAL)
    dot_test(operator, torch.Generator().manual_seed(0))


def test_real_images_with_complex_measurements():
    class Half(Batches):
        def A_adjoint(self, y):  # noqa: N802
            return super().A_adjoint(y).real

    operator = wrap(Half(COMPLEX), SHAPE)
    assert (operator.domain, operator.codomain) == (Field.REAL, Field.COMPLEX)
    for check in (dot_test, linearity_test, gradient_test):
        check(operator, torch.Generator().manual_seed(0))


def test_one_works_in_a_composition():
    operator = wrap(Vectors(COMPLEX), SHAPE) @ Fourier(SHAPE) @ PixelMask(torch.eye(3, 5))
    dot_test(operator, torch.Generator().manual_seed(0))


@makers
def test_wrong_adjoint_is_refused_with_both_inner_products(make):
    obj = make(REAL)
    if hasattr(obj, "A_adjoint"):
        right = obj.A_adjoint
        obj.A_adjoint = lambda y: 2 * right(y)
    elif hasattr(obj, "rmatvec"):
        obj = LinearOperator(obj.shape, lambda v: REAL @ v, rmatvec=lambda v: 2 * (REAL.T @ v), dtype=float)
    else:
        obj = type("Twice", (Images,), {"H": property(lambda self: Images(2 * self.matrix.T, (4,), SHAPE))})(REAL, SHAPE, (4,))
    with pytest.raises(OperatorError) as caught:
        dot_test(wrap(obj, SHAPE), torch.Generator().manual_seed(0))
    left, right = re.search(r"<A x, y> = (\S+) but <x, A\^H y> = (\S+) for", str(caught.value)).groups()
    assert float(right) == pytest.approx(2 * float(left), rel=1e-4)


def test_precision_that_an_object_insists_on():
    x = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.from_numpy(REAL) @ x.flatten()
    for matrix in (torch.from_numpy(REAL), torch.from_numpy(REAL).float()):
        operator = wrap(Vectors(matrix), SHAPE)
        for dtype in (torch.float32, torch.float64):
            y = operator(x.to(dtype))
            assert y.dtype == dtype
            tolerance = max(torch.finfo(dtype).eps, torch.finfo(matrix.dtype).eps) * 10
            torch.testing.assert_close(y.double(), expected, rtol=tolerance, atol=tolerance)


def test_our_own_is_taken_as_it_is():
    ours = PixelMask(torch.ones(SHAPE))
    assert wrap(ours, SHAPE) is ours
    with pytest.raises(OperatorError, match=r"for images of shape \[3, 5\]; expected \[5, 3\]"):
        wrap(ours, (5, 3))


class Transposed(Batches):
    def A_adjoint(self, y):  # noqa: N802
        return super().A_adjoint(y).swapaxes(1, 2)


class Nothing(Batches):
    def A(self, x):  # noqa: N802
        return None


@pytest.mark.parametrize(
    ("obj", "told"),
    [
        (np.ones((4, 15)), "a ndarray is no operator; expected a ForwardOperator, A and A_adjoint"),
        (3, "a int is no operator"),
        (LinearOperator((4, 15), matvec=lambda v: REAL @ v, dtype=float), "failed on images of shape .*NotImplementedError"),
        (aslinearoperator(np.ones((4, 12))), r"shape \[4, 12\]; expected 15 columns for \[3, 5\]"),
        (Images(REAL, (5, 3), (4,)), r"Images failed on images of shape \[3, 5\]: with NumPy arrays, AssertionError"),
        (Images(REAL[:, :4], SHAPE, (4,)), "Images failed on images of shape .*with tensors"),
        (Transposed(REAL), r"Transposed took \[3, 5\] to \[4\] and back to \[5, 3\]"),
        (Nothing(REAL), "with NumPy arrays, TypeError: got NoneType instead of ndarray"),
    ],
)
def test_what_is_no_operator(obj, told):
    with pytest.raises(OperatorError, match=told):
        wrap(obj, SHAPE)


@pytest.fixture
def module(tmp_path, monkeypatch):
    package = tmp_path / "users_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "optics.py").write_text(
        "from scipy.sparse.linalg import aslinearoperator\nimport numpy as np\n"
        "def lens(shape):\n"
        "    assert len(shape) == 2, 'grey images only'\n"
        "    return aslinearoperator(np.ones((2, shape[0] * shape[1])))\n"
        "number = 3\n"
    )
    (package / "broken.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "users_package.optics"
    for name in [name for name in sys.modules if name.startswith("users_package")]:
        del sys.modules[name]


def test_operator_by_its_name(module):
    operator = load_operator(f"{module}:lens", SHAPE)
    assert operator(torch.ones(SHAPE)).tolist() == [15, 15]


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("lens", "'lens'; expected package.module:factory"),
        ("users_package.optics:", "expected package.module:factory"),
        ("users_package.optic:lens", "cannot be imported: ModuleNotFoundError: No module named 'users_package.optic'"),
        ("users_package.optics:prism", "cannot be imported: AttributeError: .*prism"),
        ("users_package.broken:lens", "cannot be imported: RuntimeError: no licence"),
        ("users_package.optics:number", "is a int; expected a function"),
    ],
)
def test_name_of_nothing(module, reference, told):
    with pytest.raises(OperatorError, match=told):
        load_operator(reference, SHAPE)


def test_factory_that_fails(module):
    with pytest.raises(OperatorError, match=r"failed for images of shape \[3, 5, 7\]: AssertionError: grey images only"):
        load_operator(f"{module}:lens", (3, 5, 7))
