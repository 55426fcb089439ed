"""An error says which file it speaks of in a field of its own, and all of it in one line."""

import pickle
from pathlib import Path

import pytest

from cgdenoise.errors import CgDenoiseError, ImageError, OptionError


def test_message_alone():
    error = ImageError("2 pages; expected one")
    assert (error.message, error.path, str(error)) == ("2 pages; expected one", None, "2 pages; expected one")


@pytest.mark.parametrize("path", ["folder/a.png", Path("folder/a.png")])
def test_path_and_message(path):
    error = ImageError("2 pages; expected one", path)
    assert (error.message, error.path) == ("2 pages; expected one", "folder/a.png")
    assert str(error) == "folder/a.png: 2 pages; expected one"


def test_a_path_of_two_lines_stays_what_it_is_and_is_told_in_one():
    error = ImageError("damaged\x1b[2J", "two\nlines.png")
    assert error.path == "two\nlines.png"
    assert str(error) == "two lines.png: damaged [2J"


@pytest.mark.parametrize("path", [None, "a.png"])
def test_what_another_process_raises_arrives_whole(path):
    error = pickle.loads(pickle.dumps(OptionError("sigma -1; expected 0 or above", path)))
    assert type(error) is OptionError
    assert (error.message, error.path) == ("sigma -1; expected 0 or above", path)


def test_a_bad_option_is_a_value_error_too():
    with pytest.raises(ValueError, match=r"^a: b$"):
        raise OptionError("b", "a")
    assert issubclass(OptionError, CgDenoiseError)
