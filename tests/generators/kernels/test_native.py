"""Which compiled library is used, and what is said of one that is not."""

import shutil
import subprocess

import pytest

from cgdenoise.generators.kernels import build, native

COMPILER = shutil.which("cc")
COMPILED = pytest.mark.skipif(COMPILER is None, reason="no C compiler")

load = native.library.__wrapped__
"""`native.library`, which remembers what it found, without its memory."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The sources, alone in a folder of their own."""
    for path in build.FOLDER.glob("layer*.[ch]"):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    monkeypatch.setattr(build, "LIBRARY", tmp_path / "_layer.so")
    return tmp_path


def test_no_library_is_no_reason_to_warn(folder):
    assert load() is None


@COMPILED
def test_library_is_used_until_its_sources_change(folder):
    subprocess.run(build.command([COMPILER]), check=True)
    assert load() is not None
    with (folder / "layer_typed.h").open("a") as header:
        header.write("/* another version */\n")
    with pytest.warns(RuntimeWarning, match="compiled from other sources .* install cgdenoise again"):
        assert load() is None


@COMPILED
def test_library_that_does_not_name_its_sources_is_not_used(folder):
    (folder / "old.c").write_text("int forward_float32(void) { return 0; }\n")
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", build.LIBRARY, folder / "old.c"], check=True)
    with pytest.warns(RuntimeWarning, match="layer_sources; install cgdenoise again"):
        assert load() is None


def test_library_that_cannot_be_loaded_is_not_used(folder):
    build.LIBRARY.write_bytes(b"no library")
    with pytest.warns(RuntimeWarning, match="_layer.so.*; install cgdenoise again"):
        assert load() is None
