"""What counts as a lack of memory, in the words of each device; what the C library's allocator is asked for."""

from pathlib import Path

import pytest
import torch

from cgdenoise import runtime
from cgdenoise.errors import MemoryLimitError
from cgdenoise.runtime import lacks_memory, memory_error

TRIM, MMAP = -1, -3  # <malloc.h>


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:72] data. DefaultCPUAllocator: not enough memory: you tried to allocate"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("MPS backend out of memory (MPS allocated: 5.56 GB, other allocations: 1.10 GB, max allowed: 6.80 GB)."),
        RuntimeError("Invalid buffer size: 24.00 GiB"),
    ],
)
def test_lack_of_memory_becomes_our_own_error(error):
    with pytest.raises(MemoryLimitError, match=r"^a smaller one$") as caught, memory_error("a smaller one"):
        raise error
    assert caught.value.__cause__ is error
    assert lacks_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("Expected a channels_last memory format"),
        RuntimeError(
            "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory"
        ),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
        ValueError("out of memory"),
    ],
)
def test_other_errors_pass(error):
    with pytest.raises(type(error)) as caught, memory_error("a smaller one"):
        raise error
    assert caught.value is error


def test_the_allocator_of_this_machine():
    with pytest.raises(MemoryLimitError), memory_error("a smaller one"):
        torch.empty(2**55)


class Libc:
    """A C library that takes sizes up to a limit as the threshold of mmap."""

    def __init__(self, limit: int) -> None:
        self.limit, self.settings = limit, {}

    def mallopt(self, parameter: int, value: int) -> int:
        if parameter == MMAP and value > self.limit:
            return 0
        self.settings[parameter] = value
        return 1


@pytest.mark.parametrize(("limit", "threshold"), [(1 << 40, 1 << 30), (1 << 25, 1 << 25), (1 << 20, None)])
def test_freed_memory_is_kept_as_far_as_the_c_library_allows(monkeypatch, limit, threshold):
    libc = Libc(limit)
    monkeypatch.setattr(runtime.platform, "libc_ver", lambda: ("glibc", "2.17"))
    monkeypatch.setattr(runtime.ctypes, "CDLL", lambda name: libc)
    assert runtime.keep_freed_memory() == (threshold is not None)
    assert libc.settings.get(MMAP) == threshold
    assert libc.settings[TRIM] == (1 << 31) - 1


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(runtime.platform, "libc_ver", lambda: ("musl", "1.2"))
    monkeypatch.setattr(runtime.ctypes, "CDLL", lambda name: pytest.fail("loaded"))
    assert not runtime.keep_freed_memory()


SECOND = "0::/job/step", ("memory.max", "memory.current"), "inactive_file"
FIRST = (
    "7:pids:/\n4:cpu,memory:/job/step\n0::/",
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    "total_inactive_file",
)


@pytest.mark.parametrize(("group", "files", "copies"), [SECOND, FIRST])
@pytest.mark.parametrize("place", ["job", "job/step", "."])
def test_the_limit_of_a_container_or_of_one_above_it_counts(tmp_path, monkeypatch, group, files, copies, place):
    (tmp_path / "group").write_text(group + "\n")
    for name, value in zip(files, (9_000_000, 5_000_000), strict=True):
        path = tmp_path / Path(name).parent / place / Path(name).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    (path.parent / "memory.stat").write_text(f"anon 1\n{copies} 1000000\nslab 2\n")
    monkeypatch.setattr(runtime, "_GROUP", tmp_path / "group")
    monkeypatch.setattr(runtime, "_GROUPS", tmp_path)
    assert (runtime.total_memory(), runtime.free_memory()) == (9_000_000, 5_000_000)


@pytest.mark.parametrize("limit", ["max", None])
def test_without_a_limit_it_is_the_machine_that_counts(tmp_path, monkeypatch, limit):
    (tmp_path / "group").write_text("0::/\n")
    if limit is not None:
        (tmp_path / "memory.max").write_text(limit)
    monkeypatch.setattr(runtime, "_GROUP", tmp_path / ("group" if limit else "none"))
    monkeypatch.setattr(runtime, "_GROUPS", tmp_path)
    assert runtime.total_memory() > 100_000_000
