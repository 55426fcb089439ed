import io
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib

import h5py
import numpy as np
import pytest
from scipy import sparse
from scipy.io import savemat

from cgdenoise.errors import MeasurementError
from cgdenoise.measurements import Measurements, read_measurements, read_variable, sparse_parts, write_cfl

RNG = np.random.default_rng(0)
Y = RNG.standard_normal(4)
MATRIX = RNG.standard_normal((4, 6))
KSPACE = (RNG.standard_normal((5, 3, 4, 7)) + 1j * RNG.standard_normal((5, 3, 4, 7))).astype(np.complex64)


def save_7_3(path, **variables):
    """As MATLAB does: a header of text, then HDF5 with the axes the other way round."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in variables.items():
            if sparse.issparse(array):
                columns = sparse.csc_array(array)
                group = file.create_group(name)
                group.attrs["MATLAB_sparse"] = np.uint64(array.shape[0])
                group["jc"], group["ir"] = columns.indptr.astype(np.uint64), columns.indices.astype(np.uint64)
                group["data"] = columns.data
                continue
            array = np.atleast_2d(array).T
            if np.iscomplexobj(array):
                pairs = np.empty(array.shape, [("real", float), ("imag", float)])
                pairs["real"], pairs["imag"] = array.real, array.imag
                array = pairs
            file[name] = array
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def save_old(path, **variables):
    savemat(path, variables)


def refused(path, told, **options):
    with pytest.raises(MeasurementError, match=told) as caught:
        read_measurements(path, **options)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


class TestNumpy:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
    def test_npy_is_y_as_it_is(self, tmp_path, dtype):
        y = KSPACE[0].astype(dtype) if np.issubdtype(dtype, np.complexfloating) else KSPACE[0].real.astype(dtype)
        np.save(tmp_path / "y.npy", y)
        found = read_measurements(tmp_path / "y.npy")
        np.testing.assert_array_equal(found.y, y)
        assert found.y.dtype == dtype
        assert found == Measurements(found.y)

    def test_integers_become_floats(self, tmp_path):
        np.save(tmp_path / "y.npy", np.arange(5, dtype=np.uint16))
        found = read_measurements(tmp_path / "y.npy").y
        assert (found.dtype, found.tolist()) == (np.float64, [0, 1, 2, 3, 4])

    def test_npz_has_all_names(self, tmp_path):
        mask, maps = np.array([True, False, True]), KSPACE[0, :2]
        np.savez(tmp_path / "y.npz", y=Y, mask=mask, maps=maps, A=MATRIX, shape=(2, 3), comment=["made by hand"])
        found = read_measurements(tmp_path / "y.npz")
        for left, right in zip((found.y, found.mask, found.maps, found.matrix), (Y, mask, maps, MATRIX), strict=True):
            np.testing.assert_array_equal(left, right)
        assert found.shape == (2, 3)
        assert read_measurements(tmp_path / "y.npz", shape=(6,)).shape == (6,)

    def test_npz_without_y(self, tmp_path):
        np.savez(tmp_path / "y.npz", x=Y, A=MATRIX, b=Y)
        refused(tmp_path / "y.npz", "no array y; found A, b, x; say which it is: --variable y=NAME")
        np.savez(tmp_path / "y.npz", A=MATRIX)
        refused(tmp_path / "y.npz", "no array y; found A$")

    def test_pickles_are_not_opened(self, tmp_path):
        np.save(tmp_path / "y.npy", np.array([{}]), allow_pickle=True)
        np.savez(tmp_path / "y.npz", y=np.array([{}]))
        refused(tmp_path / "y.npy", "pickled Python objects")
        refused(tmp_path / "y.npz", "pickled Python objects")

    def test_damaged_files(self, tmp_path):
        buffer = io.BytesIO()
        np.save(buffer, KSPACE)
        whole = buffer.getvalue()
        for length in (0, 5, 60, 500):
            (tmp_path / "y.npy").write_bytes(whole[:length])
            refused(tmp_path / "y.npy", "(no .npy header that can be read|truncated .npy: 372 bytes of data; expected 3360)")
        with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive:
            archive.writestr("y.npy", whole[:500])
        refused(tmp_path / "y.npz", "truncated .npy: 372 bytes of data; expected 3360")
        (tmp_path / "y.npz").write_bytes(whole)
        refused(tmp_path / "y.npz", r"cannot be read \(File is not a zip file\); expected a .npz file of measurements")


@pytest.mark.parametrize("save", [save_old, save_7_3], ids=["to 7", "7.3"])
class TestMatlab:
    def test_arrays_have_matlabs_axes_and_vectors_lose_theirs(self, tmp_path, save):
        save(tmp_path / "y.mat", y=KSPACE[0], mask=np.ones((1, 7)), maps=KSPACE[1])
        found = read_measurements(tmp_path / "y.mat")
        np.testing.assert_allclose(found.y, KSPACE[0])
        np.testing.assert_allclose(found.maps, KSPACE[1])
        assert found.mask.tolist() == [1] * 7
        save(tmp_path / "y.mat", y=Y[:, None])
        np.testing.assert_array_equal(read_measurements(tmp_path / "y.mat").y, Y)

    @pytest.mark.parametrize("kind", [np.asarray, sparse.csc_array])
    def test_columns_of_a_matrix_are_put_in_row_major_order(self, tmp_path, save, kind):
        save(tmp_path / "y.mat", y=Y, A=kind(MATRIX), shape=np.array([[2.0, 3.0]]))
        found = read_measurements(tmp_path / "y.mat")
        image = RNG.standard_normal((2, 3))
        np.testing.assert_allclose(found.matrix @ image.ravel(), MATRIX @ image.ravel(order="F"))
        assert sparse.issparse(found.matrix) == (kind is sparse.csc_array)

    def test_order_of_the_columns_needs_a_shape(self, tmp_path, save):
        save(tmp_path / "y.mat", y=Y, A=MATRIX)
        refused(tmp_path / "y.mat", "A without the shape of the image")
        refused(tmp_path / "y.mat", r"A of shape \(4, 6\); expected 9 columns for an image of \(3, 3\)", shape=(3, 3))
        assert read_measurements(tmp_path / "y.mat", shape=(3, 2)).matrix.shape == (4, 6)

    def test_without_y(self, tmp_path, save):
        save(tmp_path / "y.mat", x=Y, b=Y)
        refused(tmp_path / "y.mat", "no variable y; found b, x; say which it is: --variable y=NAME")

    def test_only_the_matrix_may_be_sparse(self, tmp_path, save):
        save(tmp_path / "y.mat", y=sparse.csc_array(MATRIX))
        refused(tmp_path / "y.mat", r"y of shape \(4, 6\) is sparse; expected an array")

    def test_structures_are_no_arrays(self, tmp_path, save):
        if save is save_old:
            savemat(tmp_path / "y.mat", {"y": {"part": 1.0}})
        else:
            save(tmp_path / "y.mat", x=Y)
            with h5py.File(tmp_path / "y.mat", "r+") as file:
                file.create_group("y")
        refused(tmp_path / "y.mat", "expected (an array|numbers)")

    def test_truncated(self, tmp_path, save):
        save(tmp_path / "y.mat", y=KSPACE)
        whole = (tmp_path / "y.mat").read_bytes()
        for length in (0, 100, 600, len(whole) // 2):
            (tmp_path / "y.mat").write_bytes(whole[:length])
            refused(tmp_path / "y.mat", "(expected a .mat file of measurements|damaged .mat)")


class TestFastMri:
    @pytest.fixture
    def volume(self, tmp_path):
        with h5py.File(tmp_path / "volume.h5", "w") as file:
            file["kspace"], file["ismrmrd_header"], file["mask"] = KSPACE, "xml", np.arange(7) % 2 == 0
        return tmp_path / "volume.h5"

    @pytest.mark.parametrize(("number", "expected"), [(None, 2), (0, 0), (4, 4)])
    def test_slice(self, volume, number, expected):
        found = read_measurements(volume, slice_number=number)
        np.testing.assert_array_equal(found.y, KSPACE[expected])
        assert found.mask.tolist() == [True, False] * 3 + [True]

    def test_single_coil_without_mask(self, tmp_path):
        with h5py.File(tmp_path / "volume.h5", "w") as file:
            file["kspace"] = KSPACE[:, 0]
        found = read_measurements(tmp_path / "volume.h5")
        np.testing.assert_array_equal(found.y, KSPACE[2, 0])
        assert found.mask is None

    @pytest.mark.parametrize("number", [-1, 5])
    def test_no_such_slice(self, volume, number):
        refused(volume, f"slice {number}; expected 0 to 4", slice_number=number)

    def test_other_contents(self, tmp_path):
        with h5py.File(tmp_path / "volume.h5", "w") as file:
            file["reconstruction_rss"], file["reconstruction_esc"] = KSPACE.real, KSPACE.real
        refused(tmp_path / "volume.h5", "no data set y; found reconstruction_esc, reconstruction_rss; say which it is")
        with h5py.File(tmp_path / "volume.h5", "w") as file:
            file["kspace"] = KSPACE[0, 0]
        refused(tmp_path / "volume.h5", r"kspace of shape \(4, 7\); expected")
        (tmp_path / "volume.h5").write_bytes(b"nothing of the kind")
        refused(tmp_path / "volume.h5", r"cannot be read \(.*\); expected a .h5 file of measurements")

    def test_without_h5py_the_error_says_what_to_install(self, volume, monkeypatch):
        monkeypatch.setitem(sys.modules, "h5py", None)
        refused(volume, r"needs h5py; install it with: pip install h5py$")


def npy_header(shape):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def compressed_mat(content):
    """A file of version 7 with one compressed element."""
    buffer = io.BytesIO()
    savemat(buffer, {"y": Y})
    packed = zlib.compress(content)
    return buffer.getvalue()[:128] + struct.pack("<2I", 15, len(packed)) + packed


def refused_at_no_cost(path, told):
    tracemalloc.start()
    try:
        refused(path, told)
        assert tracemalloc.get_traced_memory()[1] < 1 << 25
    finally:
        tracemalloc.stop()


class TestPromises:
    """What a file says of its size is checked before memory is taken."""

    def test_more_than_there_is(self, tmp_path):
        sound = npy_header((2**57,)) + bytes(64)
        (tmp_path / "y.npy").write_bytes(sound)
        refused_at_no_cost(tmp_path / "y.npy", "truncated .npy: 64 bytes of data; expected 1152921504606846976")
        with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive:
            archive.writestr("y.npy", sound)
        refused_at_no_cost(tmp_path / "y.npz", "truncated .npy: 64 bytes of data; expected 1152921504606846976")
        (tmp_path / "y.hdr").write_text("# Dimensions\n1152921504606846976\n")
        (tmp_path / "y.cfl").write_bytes(bytes(64))
        refused_at_no_cost(tmp_path / "y.cfl", "truncated y.cfl: 64 bytes; expected 9223372036854775808")
        (tmp_path / "y.mat").write_bytes(compressed_mat(struct.pack("<2I", 14, 2**32 - 8) + bytes(64)))
        refused_at_no_cost(tmp_path / "y.mat", "(64 bytes of a variable; expected 4294967288 bytes|does not fit in memory)")

    def test_parts_of_a_volume_that_were_never_written(self, tmp_path):
        with h5py.File(tmp_path / "y.h5", "w") as file:
            file.create_dataset("kspace", shape=(3, 2**20, 2**20, 2**17), dtype="f8", chunks=(1, 64, 64, 64))
        refused_at_no_cost(tmp_path / "y.h5", "does not fit in memory")

    def test_more_comes_out_than_was_promised(self, tmp_path):
        buffer = io.BytesIO()
        savemat(buffer, {"y": Y})
        (tmp_path / "y.mat").write_bytes(compressed_mat(buffer.getvalue()[128:] + bytes(1 << 28)))
        refused_at_no_cost(tmp_path / "y.mat", "damaged .mat: more of a variable; expected")

    def test_shape_beyond_memory(self, tmp_path):
        np.savez(tmp_path / "y.npz", y=Y, shape=[2**40, 2**40])
        refused_at_no_cost(tmp_path / "y.npz", "does not fit in memory")
        np.savez(tmp_path / "y.npz", y=Y, shape=[1] * 70)
        refused_at_no_cost(tmp_path / "y.npz", "shape of 70 numbers; expected at most 4")

    @pytest.mark.parametrize("suffix", [".npy", ".npz", ".mat", ".h5", ".cfl"])
    def test_a_sound_file_beyond_memory(self, tmp_path, monkeypatch, suffix):
        path = tmp_path / f"y{suffix}"
        save = {
            ".npy": lambda: np.save(path, KSPACE),
            ".npz": lambda: np.savez(path, y=KSPACE),
            ".mat": lambda: savemat(path, {"y": KSPACE}, do_compression=True),
            ".h5": lambda: h5py.File(path, "w").create_dataset("kspace", data=np.tile(KSPACE, (1, 5, 1, 1))).file.close(),
            ".cfl": lambda: write_cfl(path, np.moveaxis(KSPACE[:, 0], 0, 3 - 1)[:, :, None]),
        }
        save[suffix]()
        read_measurements(path)
        monkeypatch.setattr("cgdenoise.reading.machine_memory", lambda: 2000)
        refused_at_no_cost(path, r"does not fit in memory \(\d+ bytes, more than half of this machine's memory, which is 1000\)")


class TestDtypes:
    @pytest.mark.parametrize("dtype", [">f4", ">f8", ">c8", ">c16", np.longdouble, np.clongdouble])
    def test_numbers_become_those_that_torch_knows(self, tmp_path, dtype):
        np.savez(tmp_path / "y.npz", y=Y.astype(dtype), A=MATRIX.astype(dtype))
        found = read_measurements(tmp_path / "y.npz")
        for left, right in ((found.y, Y), (found.matrix, MATRIX)):
            assert left.dtype.isnative
            assert left.dtype.itemsize <= (16 if left.dtype.kind == "c" else 8)
            np.testing.assert_allclose(left, right, rtol=1e-6)
        assert found.y.dtype.kind == np.dtype(dtype).kind


class TestAnyFile:
    @pytest.mark.parametrize(
        ("contents", "told"),
        [
            ({"y": np.array([1, np.nan, np.inf])}, r"y of shape \(3,\) has 2 values that are NaN or infinite"),
            ({"y": np.array([1, 1j * np.nan])}, "y .* has 1 values"),
            ({"y": Y, "maps": np.array([np.nan])}, "maps .* has 1 values"),
            ({"y": np.zeros((3, 4))}, r"y of shape \(3, 4\) is 0 throughout"),
            ({"y": np.zeros((0, 4))}, r"y of shape \(0, 4\) is empty"),
            ({"y": np.array(["1"])}, "y is of dtype <U1; expected numbers"),
            ({"y": Y, "shape": np.array([2.5, 3])}, r"shape is \[2.5, 3.0\]; expected whole numbers"),
            ({"y": Y, "shape": np.array([2, 0])}, r"shape is \[2, 0\]; expected whole numbers of at least 1"),
        ],
    )
    def test_contents_that_no_fit_could_use(self, tmp_path, contents, told):
        np.savez(tmp_path / "y.npz", **contents)
        refused(tmp_path / "y.npz", told)

    def test_unknown_suffix_and_no_file(self, tmp_path):
        refused(tmp_path / "y.doc", r"suffix '.doc'; expected one of .npy, .txt")
        for suffix in (".npy", ".npz", ".mat", ".h5", ".cfl"):
            refused(tmp_path / f"none{suffix}", "no such file")

    def test_slice_of_what_has_none(self, tmp_path):
        np.save(tmp_path / "y.npy", Y)
        refused(tmp_path / "y.npy", "slice 0 of a file without slices", slice_number=0)


class TestNames:
    """Variables that are not called what they are."""

    EACH = pytest.mark.parametrize(
        ("save", "suffix"), [(save_old, ".mat"), (save_7_3, ".mat"), (np.savez, ".npz")], ids=["to 7", "7.3", "npz"]
    )

    @EACH
    def test_user_says_what_each_is(self, tmp_path, save, suffix):
        path = tmp_path / f"scan{suffix}"
        save(path, ksp=KSPACE[0], y=Y, sens=KSPACE[1], lines=np.arange(7) % 2)
        found = read_measurements(path, variables={"y": "ksp", "maps": "sens", "mask": "lines"})
        np.testing.assert_allclose(found.y, KSPACE[0])
        np.testing.assert_allclose(found.maps, KSPACE[1])
        assert found.mask.tolist() == [0, 1] * 3 + [0]
        refused(path, "no (variable|array) k, which was to be y; found ksp, lines, sens, y", variables={"y": "k"})
        np.testing.assert_allclose(read_variable(path, "maps", {"maps": "sens", "y": "ksp"}), KSPACE[1])

    @EACH
    def test_only_array_that_is_nothing_else_is_y(self, tmp_path, save, suffix):
        path = tmp_path / f"scan{suffix}"
        save(path, kspace=KSPACE[0], mask=np.arange(7) % 2)
        np.testing.assert_allclose(read_measurements(path).y, KSPACE[0])
        save(path, lines=np.arange(7) % 2)
        assert read_variable(path, "mask").tolist() == [0, 1] * 3 + [0]

    def test_words_beside_the_only_array_do_not_count(self, tmp_path):
        np.savez(tmp_path / "y.npz", b=Y, made_by="hand")
        np.testing.assert_array_equal(read_measurements(tmp_path / "y.npz").y, Y)
        savemat(tmp_path / "y.mat", {"b": Y, "made_by": "hand"})
        np.testing.assert_array_equal(read_measurements(tmp_path / "y.mat").y, Y)

    def test_data_sets_of_any_hdf5(self, tmp_path):
        path = tmp_path / "scan.h5"
        with h5py.File(path, "w") as file:
            file["scan/samples"], file["scan/coils"] = KSPACE, KSPACE[1]
        names = {"y": "scan/samples", "maps": "scan/coils"}
        found = read_measurements(path, slice_number=1, variables=names)
        np.testing.assert_array_equal(found.y, KSPACE[1])
        np.testing.assert_array_equal(found.maps, KSPACE[1])
        np.testing.assert_array_equal(read_measurements(path, variables={"y": "scan/coils"}).y, KSPACE[1])
        np.testing.assert_array_equal(read_measurements(path, None, 2, {"y": "scan/coils"}).y, KSPACE[1, 2])
        refused(path, "no data set y; found scan/coils, scan/samples")

    def test_files_of_one_array_have_no_names(self, tmp_path):
        np.save(tmp_path / "y.npy", Y)
        refused(tmp_path / "y.npy", "one array without a name; found --variable y=b", variables={"y": "b"})

    def test_what_a_simulation_saves(self, tmp_path):
        np.savez(tmp_path / "y.npz", y=Y, shape=[2, 3], operator="dct", seed=7, sigma=0.5, real=True)
        found = read_measurements(tmp_path / "y.npz")
        assert (found.operator, found.seed, found.sigma, found.real, found.shape) == ("dct", 7, 0.5, True, (2, 3))
        for name, value, told in (
            ("operator", 3, "operator is int64 of shape"),
            ("operator", ["dct"], "operator is <U3 of shape"),
            ("seed", -1, "seed is int64 of shape"),
            ("sigma", [1.0, 2.0], "sigma is float64 of shape"),
            ("sigma", "much", "sigma is of dtype <U4"),
        ):
            np.savez(tmp_path / "y.npz", y=Y, **{name: value})
            refused(tmp_path / "y.npz", told)

    def test_sparse_matrix_in_an_archive(self, tmp_path):
        matrix = sparse.csr_array(np.where(MATRIX > 0, MATRIX, 0))
        parts = sparse_parts("A", matrix)
        np.savez(tmp_path / "y.npz", y=Y, **parts)
        np.testing.assert_array_equal(read_measurements(tmp_path / "y.npz").matrix.toarray(), matrix.toarray())
        np.savez(tmp_path / "y.npz", y=Y, **(parts | {"A.indices": parts["A.indices"] + 100}))
        refused(tmp_path / "y.npz", "cannot be read")
        parts.pop("A.indptr")
        np.savez(tmp_path / "y.npz", y=Y, **parts)
        refused(tmp_path / "y.npz", "sparse matrix A without indptr")


class TestText:
    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ("1\n2.5\n-3e2\n", [1, 2.5, -300]),
            ("1, 2.5, -3e2\n", [1, 2.5, -300]),
            ("\ufeff1;2,5;-3e2;\n", [1, 2.5, -300]),
            ("# made by hand\n\n1 2.5\t-3e2 % three\n", [1, 2.5, -300]),
            ("first,second\n1,2\n3,4\n", [[1, 2], [3, 4]]),
            ("1 2\n3 4", [[1, 2], [3, 4]]),
            ("1+2i\n3\n-1e3-2e-3i\n2i", [1 + 2j, 3, -1000 - 0.002j, 2j]),
            ("1+2j,(3-1j)", [1 + 2j, 3 - 1j]),
        ],
    )
    def test_numbers_as_programs_write_them(self, tmp_path, content, expected):
        for suffix in (".txt", ".csv"):
            path = tmp_path / f"y{suffix}"
            path.write_text(content, encoding="utf-8")
            np.testing.assert_array_equal(read_measurements(path).y, expected)

    def test_numpys_own_text(self, tmp_path):
        np.savetxt(tmp_path / "y.txt", KSPACE[0, 0])
        np.testing.assert_allclose(read_measurements(tmp_path / "y.txt").y, KSPACE[0, 0])
        np.savetxt(tmp_path / "y.csv", MATRIX[:1], delimiter=",")
        np.testing.assert_allclose(read_variable(tmp_path / "y.csv", "A"), MATRIX[:1])  # of one row, and still a matrix

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"", "no numbers; expected some"),
            (b"only words\n", "no numbers; expected some"),
            (b"1\ntwo\n", "line 2: 'two'; expected numbers"),
            (b"1,,2\n", "line 1: ''; expected numbers"),
            (b"1,2\n3\n", "line 2 has 1 numbers; expected 2, as the first one"),
            (b"1\nnan\n", "has 1 values that are NaN or infinite"),
            (b"0 0\n", "is 0 throughout"),
            (b"\xff\xfe1", "cannot be read"),
        ],
    )
    def test_other_contents(self, tmp_path, content, told):
        (tmp_path / "y.csv").write_bytes(content)
        refused(tmp_path / "y.csv", told)


def test_reading_numpys_files_leaves_the_heavy_libraries_alone(tmp_path):
    np.save(tmp_path / "y.npy", Y)
    code = (
        "import sys\nfrom cgdenoise.measurements import read_measurements\n"
        f"read_measurements({str(tmp_path / 'y.npy')!r})\n"
        "print(sorted({'torch', 'scipy', 'h5py'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_matrix_of_version_4_is_read(tmp_path):
    savemat(tmp_path / "y.mat", {"y": Y, "A": sparse.csc_array(MATRIX), "shape": [2.0, 3.0]}, format="4")
    found = read_measurements(tmp_path / "y.mat").matrix
    image = RNG.standard_normal((2, 3))
    np.testing.assert_allclose(found @ image.ravel(), MATRIX @ image.ravel(order="F"))


@pytest.mark.parametrize("compressed", [False, True])
def test_types_of_numbers_that_there_are_not(tmp_path, compressed):
    """SciPy's reader takes them from behind the end of a table, and ends the process."""
    savemat(tmp_path / "y.mat", {"y": Y})
    whole = bytearray((tmp_path / "y.mat").read_bytes())
    place = whole.index(Y.tobytes()) - 8
    for kind in (0, 8, 14, 15, 20, 200, 0xD509):
        struct.pack_into("<I", whole, place, kind)
        (tmp_path / "y.mat").write_bytes(compressed_mat(whole[128:]) if compressed else whole)
        refused(tmp_path / "y.mat", f"damaged .mat: 32 bytes of type {kind}; expected numbers of at most 32 bytes")
    struct.pack_into("<2I", whole, place, 9, 40)
    (tmp_path / "y.mat").write_bytes(compressed_mat(whole[128:]) if compressed else whole)
    refused(tmp_path / "y.mat", "damaged .mat: 40 bytes of type 9; expected numbers of at most 32 bytes")


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.uint64, np.float32, np.float64, np.complex128, bool])
def test_every_numeric_class_of_version_5_is_read(tmp_path, dtype):
    y = np.arange(1, 8).astype(dtype)
    savemat(tmp_path / "y.mat", {"cell": np.array([Y, "words"], dtype=object), "y": y, "name": "words", "rest": {"a": Y}})
    np.testing.assert_array_equal(read_measurements(tmp_path / "y.mat").y, y)


@pytest.mark.parametrize("order", ["<", ">"])
def test_either_byte_order_of_version_5_is_read(tmp_path, order):
    flags, sides = (6, 8, 6, 0), (5, 8, 1, 4)  # class double; int32: one row, four columns
    name = struct.pack(f"{order}I", 1 << 16 | 1) + b"y\0\0\0"
    variable = struct.pack(f"{order}8I", *flags, *sides) + name + struct.pack(f"{order}2I4d", 9, 32, *Y)
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}2H", 0x0100, 0x4D49)
    (tmp_path / "y.mat").write_bytes(header + struct.pack(f"{order}2I", 14, len(variable)) + variable)
    np.testing.assert_array_equal(read_measurements(tmp_path / "y.mat").y, Y)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x93NUMPY\x01\x00\x10\x00{'descr': (((((((", "no .npy header that can be read"),  # TokenError
        (b"\x93NUMPY\x01\x00\x40\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': 3}".ljust(64), "no .npy header"),
        (b"\x93NUMPY\x03\x00\x10\x00\x00\x00" + bytes(16), "version 3.0"),
    ],
)
def test_damaged_npy_header(tmp_path, content, told):
    (tmp_path / "y.npy").write_bytes(content)
    refused(tmp_path / "y.npy", told)


class TestDamagedArchives:
    """Each made `zipfile` or NumPy raise something else than the errors they document."""

    @pytest.fixture
    def archive(self, tmp_path):
        np.savez(tmp_path / "y.npz", y=Y)
        return bytearray((tmp_path / "y.npz").read_bytes())

    @pytest.mark.parametrize(
        ("offset", "value", "told"),
        [
            (6, 255, "zip file version"),  # NotImplementedError
            (8, 1, "encrypted"),  # RuntimeError
            (10, 77, "compression"),  # NotImplementedError
        ],
    )
    def test_version_encryption_and_method(self, tmp_path, archive, offset, value, told):
        archive[archive.rindex(b"PK\x01\x02") + offset] = value
        (tmp_path / "y.npz").write_bytes(archive)
        refused(tmp_path / "y.npz", told)

    def test_member_that_is_no_array(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive:
            archive.writestr("y", b"words")
        refused(tmp_path / "y.npz", "no array y; found nothing")
        with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive:
            archive.writestr("y.npy", b"words")
        refused(tmp_path / "y.npz", "no .npy header that can be read")
