"""Whatever the bytes of a file, every reader returns an array or raises our own error, in a line that begins with the path."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("first", "last"), [(0, 410), pytest.param(410, 3410, marks=pytest.mark.slow)])
def test_damaged_files_are_answered(tmp_path, first, last):
    pytest.importorskip("h5py")
    command = [sys.executable, str(Path(__file__).with_name("mutants.py")), str(tmp_path), str(first), str(last)]
    done = subprocess.run(command, capture_output=True, text=True)
    tried = done.stdout.strip().splitlines()
    assert done.returncode == 0, f"ended by signal or error {done.returncode} in case {tried[-1:]}: {done.stderr[-2000:]}"
    assert [line for line in tried if not line.endswith(": ") and line != "end"] == []
    assert (len(tried), tried[-1]) == (last - first + 1, "end")
    assert done.stderr == ""
