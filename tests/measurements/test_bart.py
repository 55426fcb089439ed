"""BART's files, from bytes written by hand."""

import struct

import numpy as np
import pytest

from cgdenoise.errors import MeasurementError
from cgdenoise.measurements import read_cfl, read_measurements, write_cfl

HEADER = "# Dimensions\n2 3 1 2 1 1 1 1 1 1 1 1 1 1 1 1 \n# Command\nphantom -k x\n# Creator\nBART v0.9.00\n"


@pytest.fixture
def files(tmp_path):
    """Element (x, y, coil) is x + 10 y + 100 coil, and i in the imaginary part of all."""
    numbers = [part for coil in (0, 1) for y in (0, 1, 2) for x in (0, 1) for part in (x + 10 * y + 100 * coil, 1)]
    (tmp_path / "k.cfl").write_bytes(struct.pack("<24f", *numbers))
    (tmp_path / "k.hdr").write_text(HEADER)
    return tmp_path


def expected(x, y, coil):
    return x + 10 * y + 100 * coil + 1j


@pytest.mark.parametrize("name", ["k.cfl", "k.hdr", "k"])
def test_first_axis_runs_fastest(files, name):
    array = read_cfl(files / name)
    assert array.shape == (2, 3, 1, 2) + (1,) * 12
    assert array.dtype == np.complex64
    for x, y, coil in np.ndindex(2, 3, 2):
        assert array[(x, y, 0, coil, *(0,) * 12)] == expected(x, y, coil)


@pytest.mark.parametrize("dimensions", ["2 3 1 2", "1 2 3 2", "2 1 3 2"])
def test_measurements_have_the_coils_first_and_the_plane_after_them(files, dimensions):
    (files / "k.hdr").write_text(f"# Dimensions\n{dimensions}\n")
    y = read_measurements(files / "k.cfl").y
    assert y.shape == (2, 2, 3)
    assert y.tolist() == [[[expected(row, column, coil) for column in range(3)] for row in range(2)] for coil in range(2)]


def test_writing_gives_the_bytes_and_the_sixteen_dimensions(files):
    write_cfl(files / "copy.cfl", read_cfl(files / "k"))
    assert (files / "copy.cfl").read_bytes() == (files / "k.cfl").read_bytes()
    assert (files / "copy.hdr").read_text().split("\n")[1].split() == HEADER.split("\n")[1].split()
    short = np.arange(6.0).reshape(2, 3)
    write_cfl(files / "short", short)
    np.testing.assert_array_equal(read_cfl(files / "short").squeeze(), short)


def test_a_dot_in_the_name_is_no_suffix(files):
    write_cfl(files / "scan.v2", np.ones(3))
    assert read_cfl(files / "scan.v2.cfl").shape == (3,) + (1,) * 15


@pytest.mark.parametrize(("change", "kind"), [(lambda data: data[:-1], "truncated"), (lambda data: data + b"\0" * 8, "damaged")])
def test_data_of_another_size(files, change, kind):
    data = change((files / "k.cfl").read_bytes())
    (files / "k.cfl").write_bytes(data)
    with pytest.raises(MeasurementError, match=rf"k.cfl: {kind} k.cfl: {len(data)} bytes; expected 96 for the dimensions \[2, 3"):
        read_measurements(files / "k.cfl")


@pytest.mark.parametrize(
    "header",
    [
        *("", "# Dimensions", "# Dimensions\n", "2 3 1 2\n", "\x00\xff"),
        *(f"# Dimensions\n{words}\n" for words in ("2 3 x 2", "2 -3 1 2", "2 0 1 2", "2 1.5", "1 " * 17)),
    ],
)
def test_damaged_header(files, header):
    (files / "k.hdr").write_text(header)
    with pytest.raises(MeasurementError, match=r"k.cfl: damaged k.hdr: "):
        read_measurements(files / "k.cfl")


@pytest.mark.parametrize("name", ["k.hdr", "k.cfl"])
def test_one_of_the_two_is_missing(files, name):
    (files / name).unlink()
    with pytest.raises(MeasurementError, match=rf"k\.cfl: no such file: {name};"):
        read_measurements(files / "k.cfl")


@pytest.mark.parametrize("dimensions", ["2 3 2 1", "2 3 1 1 2"])
def test_volumes_and_sets_of_maps_are_refused(files, dimensions):
    (files / "k.hdr").write_text(f"# Dimensions\n{dimensions}\n")
    with pytest.raises(MeasurementError, match="expected two spatial axes"):
        read_measurements(files / "k.cfl")


def test_too_many_axes_to_write(files):
    with pytest.raises(MeasurementError, match="17 axes; expected at most 16"):
        write_cfl(files / "many", np.ones((1,) * 17))
