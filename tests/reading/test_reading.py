"""Whatever a reader raises becomes our own error, in one line that begins with the path, once."""

import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from cgdenoise.errors import CgDenoiseError, ImageError, LogError, MeasurementError, OptionError
from cgdenoise.fitting.members import FailedFitsError
from cgdenoise.reading import about, check_affordable, machine_memory, reading
from cgdenoise.restoration.results import RestorationError


def raised(error, path="a.npy"):
    """Return what becomes of an error within a reader."""
    with pytest.raises(CgDenoiseError) as caught, reading(path, MeasurementError, "a file of measurements"):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("odd\nlines  of\ttext"), "cannot be read (odd lines of text)"),
        (ValueError(), "cannot be read (ValueError)"),
        (KeyError(127), "cannot be read (KeyError 127)"),
        (FileNotFoundError(2, "No such file or directory"), "cannot be read (no such file or directory)"),
        (OSError("could not read bytes"), "cannot be read (could not read bytes)"),
        (SystemError("error return without exception set"), "cannot be read (error return without exception set)"),
        (RecursionError("maximum depth"), "cannot be read (maximum depth)"),
        (UserWarning("as an error"), "cannot be read (as an error)"),
        (MemoryError("1 EiB"), "does not fit in memory (1 EiB)"),
        (MemoryError(), "does not fit in memory (MemoryError)"),
    ],
)
def test_any_exception_becomes_our_own(error, told):
    found = raised(error)
    assert type(found) is MeasurementError
    assert str(found) == f"a.npy: {told}; expected a file of measurements"
    assert found.path == "a.npy"


def test_a_library_that_quotes_the_file_is_cut_short():
    assert len(str(raised(ValueError("word " * 10_000)))) < 300


@pytest.mark.parametrize("kind", [ImageError, LogError, OptionError])
def test_our_own_errors_keep_their_kind_and_their_words(kind):
    found = raised(kind("2 pages; expected one"), Path("folder/a.npy"))
    assert type(found) is kind
    assert str(found) == "folder/a.npy: 2 pages; expected one"


def test_the_first_path_stays():
    with pytest.raises(ImageError) as caught, about("measurements.npy"), reading("mask.png", ImageError, "a mask"):
        raise ValueError("nothing in it")
    assert str(caught.value) == "mask.png: cannot be read (nothing in it); expected a mask"


@pytest.mark.parametrize(
    "error", [FailedFitsError([SimpleNamespace(score=1.0)]), RestorationError("all failed", SimpleNamespace())]
)
def test_an_error_that_carries_more_than_a_message_is_the_same_one_afterwards(error):
    told = str(error)
    with pytest.raises(CgDenoiseError) as caught, about("a.npy"):
        raise error
    assert caught.value is error
    assert str(error) == f"a.npy: {told}"


def test_a_path_of_two_lines_makes_one():
    assert str(raised(ValueError("x"), "two\nlines.npy")).startswith("two lines.npy: ")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_passes(kind):
    with pytest.raises(kind), reading("a.npy", MeasurementError, "a file"):
        raise kind


def test_other_errors_pass_what_only_names():
    with pytest.raises(ValueError, match=r"^x$"), about("a.npy"):
        raise ValueError("x")


def test_warnings_of_libraries_are_not_heard():
    with reading("a.npy", MeasurementError, "a file"):
        warnings.warn("header was created on Python 2", stacklevel=1)
    with pytest.raises(UserWarning):
        warnings.warn("and they are again after it", stacklevel=1)


def test_memory_of_the_machine():
    assert 1 << 28 < machine_memory() < 1 << 50
    check_affordable(1 << 20)
    with pytest.raises(MemoryError, match="more than half of this machine's memory"):
        check_affordable(machine_memory())


def test_system_that_does_not_say(monkeypatch):
    monkeypatch.delattr("os.sysconf")
    assert machine_memory() == sys.maxsize
    check_affordable(1 << 60)
