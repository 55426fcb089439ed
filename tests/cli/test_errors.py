"""One table says what an error becomes; with CGDENOISE_DEBUG=1 the traceback comes along."""

import os
import subprocess
import sys

import numpy as np
import pytest

from cgdenoise.cli.errors import Failures, tell
from cgdenoise.errors import CgDenoiseError, ImageError, OptionError

COMMANDS = [["plot", "absent.png"], ["noise", "absent.png"], ["denoise", "absent.png"], ["upscale", "absent.png"]]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (CgDenoiseError("no fit"), 1, "cgdenoise: error: no fit\n"),
        (ImageError("2 pages", "a\nb.png"), 1, "cgdenoise: error: a b.png: 2 pages\n"),
        (OptionError("seed -1"), 2, "cgdenoise: error: seed -1\n"),
        (KeyboardInterrupt(), 130, "cgdenoise: error: interrupted; nothing was written\n"),
        (BrokenPipeError(), 1, ""),
    ],
)
def test_every_error_of_the_table_is_at_most_one_line(capsys, error, code, line):
    assert tell(error) == code
    assert capsys.readouterr() == ("", line)


def test_an_error_beyond_the_table_stays_one(capsys):
    with pytest.raises(KeyError, match="depth"):
        tell(KeyError("depth"))
    assert capsys.readouterr() == ("", "")


def test_a_file_that_fails_does_not_keep_the_others_from_their_turn(capsys):
    failures, done = Failures(), []
    for name in "abc":
        with failures.noted(name):
            if name == "b":
                raise ImageError("damaged", name)
            done.append(name)
    assert (done, failures.code, failures.names) == (["a", "c"], 1, ["b"])
    assert capsys.readouterr().err == "cgdenoise: error: b: damaged\n"


@pytest.mark.parametrize("error", [OptionError("gain 0"), KeyError("depth"), BrokenPipeError()])
def test_what_holds_for_all_files_ends_them_all(error):
    failures = Failures()
    with pytest.raises(type(error)), failures.noted("a"):
        raise error
    assert failures.code == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_the_traceback_is_there_if_it_is_asked_for(start, command):
    plain, debugged = start(*command), start(*command, environment={"CGDENOISE_DEBUG": "1"})
    line, told = (process.communicate(timeout=3000)[1].decode() for process in (plain, debugged))
    assert (plain.returncode, debugged.returncode) == (1, 1)
    assert line.startswith("cgdenoise: error: absent.png: cannot be read (no such file or directory)")
    assert line.count("\n") == 1
    assert told.startswith("Traceback (most recent call last):\n")
    assert "FileNotFoundError" in told
    assert told.endswith(f"\n{line}")


def test_usage_errors_have_their_code_with_a_traceback_too(start):
    process = start("plot", "a.fit.jsonl", "-o", "a.gif", environment={"CGDENOISE_DEBUG": "1"})
    told = process.communicate(timeout=3000)[1].decode()
    assert process.returncode == 2
    assert told.startswith("Traceback")
    assert told.endswith("\ncgdenoise: error: a.gif: suffix '.gif'; expected .png, .svg or .pdf\n")


@pytest.mark.parametrize("debug", ["0", pytest.param("1", marks=pytest.mark.slow)])
def test_a_bug_has_its_traceback_always(folder, debug):
    np.save(folder / "a.npy", np.eye(8))
    program = """
import sys
from cgdenoise import images
from cgdenoise.cli.app import main
def open_image(name, folder, axes):
    raise AssertionError("a bug")
images.open_image = open_image
sys.argv = ["cgdenoise", "noise", "a.npy"]
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "CGDENOISE_DEBUG": debug}
    )
    assert done.returncode == 1
    assert done.stderr.count("Traceback (most recent call last):\n") == 1
    assert done.stderr.endswith("\nAssertionError: a bug\n")
