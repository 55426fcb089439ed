"""Which compiled library is used, and what is said of one that is not."""

import ast
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from cgdenoise.native.build import COMPILER, LAYER, compile_library
from cgdenoise.native.library import load

COMPILED = pytest.mark.skipif(shutil.which(COMPILER) is None, reason="no C compiler")


@pytest.fixture
def library(tmp_path):
    """A library in a folder of its own, not compiled."""
    for path in LAYER.folder.glob("*.[ch]"):
        shutil.copy(path, tmp_path)
    return replace(LAYER, folder=tmp_path)


def test_no_library_is_no_reason_to_warn(library):
    assert load(library, {}) is None


@COMPILED
def test_library_is_used_until_its_sources_change(library):
    compile_library(library, [COMPILER])
    assert load(library, {}) is not None
    with (library.folder / "layer_typed.h").open("a") as header:
        header.write("/* another version */\n")
    with pytest.warns(RuntimeWarning, match="1.7 times as long: .* compiled from other sources .* install cgdenoise again"):
        assert load(library, {}) is None


@COMPILED
def test_functions_know_the_types_of_their_arguments(library):
    compile_library(library, [COMPILER])
    assert load(library, {"threaded": []}).threaded.argtypes == []


@COMPILED
def test_library_that_does_not_name_its_sources_is_not_used(library):
    (library.folder / "old.c").write_text("int forward_float32(void) { return 0; }\n")
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", library.path, library.folder / "old.c"], check=True)
    with pytest.warns(RuntimeWarning, match="sources; install cgdenoise again"):
        assert load(library, {}) is None


def test_library_that_cannot_be_loaded_is_not_used(library):
    library.path.write_bytes(b"no library")
    with pytest.warns(RuntimeWarning, match="_layer.*; install cgdenoise again"):
        assert load(library, {}) is None


@COMPILED
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.slow
def test_threads_are_those_of_torch(library):
    compile_library(library, [COMPILER])
    code = (
        "import ctypes, sys, torch\n"
        "ctypes.CDLL(sys.argv[1])\n"
        "print({line.split()[-1] for line in open('/proc/self/maps') if 'libgomp' in line or 'libomp' in line})"
    )
    done = subprocess.run([sys.executable, "-c", code, library.path], capture_output=True, text=True, check=True)
    assert len(ast.literal_eval(done.stdout)) == 1
