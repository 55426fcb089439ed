"""How libraries are compiled: by which compilers, for which platforms, and to the same numbers."""

import ctypes
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cgdenoise.generators.kernels import native
from cgdenoise.generators.kernels.block import norm_upsample_relu
from cgdenoise.native import build
from cgdenoise.native.build import COMPILER, LAYER, LIBRARIES, Library, commands, compile_library, platform
from cgdenoise.native.library import load
from cgdenoise.runtime import rng_for

COMPILERS = ["cc", pytest.param("gcc", marks=pytest.mark.slow), "clang"]  # on Linux cc mostly is gcc


def needs(compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")


def copy_of(library: Library, folder: Path) -> Library:
    for path in library.folder.glob("*.[ch]"):
        shutil.copy(path, folder)
    return replace(library, folder=folder)


def without_openmp(library: Library, compiler: list[str], platform: str) -> list[list[str]]:
    return commands(library, compiler, platform)[-1:]


def results(monkeypatch, compiled: ctypes.CDLL) -> list[Tensor]:
    """Return outputs and gradients of the block by a compiled library."""
    monkeypatch.setattr(native, "library", lambda: compiled)
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        rng = rng_for(3)
        leaves = [torch.randn(shape, generator=rng) for shape in ((1, 33, 21, 20), (1, 20), (1, 20))]
        leaves[0] = leaves[0].to(dtype)
        leaves = [leaf.requires_grad_() for leaf in leaves]
        out = norm_upsample_relu(*leaves, True)
        out.backward(torch.randn(out.shape, generator=rng).to(dtype))
        found += [out.detach(), *(leaf.grad for leaf in leaves)]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.stem)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_library_compiles_without_a_warning(tmp_path, compiler, library):
    needs(compiler)
    copy = copy_of(library, tmp_path)
    compile_library(copy, [compiler, "-std=c11", "-Wall", "-Werror", "-Wno-unknown-pragmas"])
    assert load(copy, {}) is not None


@pytest.mark.parametrize("compiler", COMPILERS)
def test_one_thread_gives_the_same_bytes_with_any_compiler_and_without_openmp(tmp_path, monkeypatch, compiler):
    needs(compiler)
    if native.library() is None:
        pytest.skip("nothing to compare with")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    expected = results(monkeypatch, native.library())
    torch.set_num_threads(before)
    monkeypatch.setattr(build, "commands", without_openmp)
    copy = copy_of(LAYER, tmp_path)
    compile_library(copy, [compiler])
    compiled = load(copy, native._SIGNATURES)
    assert not compiled.threaded()
    torch.set_num_threads(2)  # of which it uses one
    found = results(monkeypatch, compiled)
    torch.set_num_threads(before)
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


def test_a_compiler_without_openmp_compiles_too(tmp_path):
    needs(COMPILER)
    compiler = tmp_path / "plain"
    compiler.write_text(f'#!/bin/sh\ncase "$*" in *-fopenmp*) exit 1;; esac\nexec {COMPILER} "$@"\n')
    compiler.chmod(0o755)
    copy = copy_of(LAYER, tmp_path)
    compile_library(copy, [str(compiler)])
    assert not load(copy, {}).threaded()


def test_what_the_compiler_said_is_the_error(tmp_path):
    needs(COMPILER)
    copy = copy_of(LAYER, tmp_path)
    copy.source.write_text("no C\n")
    with pytest.raises(OSError, match=r"layer\.c:1"):
        compile_library(copy, [COMPILER])
    with pytest.raises(OSError, match="no-such-compiler"):
        compile_library(copy, ["no-such-compiler"])
    assert not copy.path.exists()


@pytest.mark.parametrize("name", ["layer.c", "layer_typed.h", "portable.h"])
def test_every_source_counts_in_the_checksum(tmp_path, monkeypatch, name):
    copy = copy_of(LAYER, tmp_path)
    shutil.copy(Path(build.__file__).parent / "portable.h", tmp_path)
    monkeypatch.setattr(build, "_HERE", tmp_path)
    before = copy.checksum()
    with (tmp_path / name).open("a") as source:
        source.write("\n")
    assert copy.checksum() != before


@pytest.mark.parametrize(
    ("name", "expected", "flags"),
    [
        ("linux-x86_64", "linux-x86_64", []),
        ("macosx-10.13-x86_64", "macosx-10.13-x86_64", ["-mmacosx-version-min=10.13", "-arch", "x86_64"]),
        ("macosx-14-arm64", "macosx-14.0-arm64", ["-mmacosx-version-min=14.0", "-arch", "arm64"]),
        ("macosx-11.3-arm64", "macosx-11.0-arm64", ["-mmacosx-version-min=11.0", "-arch", "arm64"]),
        (
            "macosx-10.9-universal2",
            "macosx-10.9-universal2",
            ["-mmacosx-version-min=10.9", "-arch", "arm64", "-arch", "x86_64"],
        ),
    ],
)
def test_a_library_is_for_the_platform_that_the_wheel_names(name, expected, flags):
    assert platform(name) == expected
    for command in commands(LAYER, ["cc"], platform(name)):
        assert [word for word in command if word.startswith("-m") or "arch" in word or word in {"arm64", "x86_64"}] == flags


def test_msvc_is_told_the_same_in_its_own_words():
    (command,) = commands(LAYER, ["cl.exe"], "win-amd64")
    assert {"/LD", "/O2", f"/DSOURCES={LAYER.checksum()}u", f"/Fe:{LAYER.path}", str(LAYER.source)} <= set(command)
    assert not [word for word in command if word.startswith("-")]
