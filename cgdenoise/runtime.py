"""The machine: device, precision, threads, allocator, seeds, memory. Everything here is explicit; nothing runs on import."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import torch

from cgdenoise.errors import MemoryLimitError, OptionError
from cgdenoise.garbage import look_as_usual
from cgdenoise.names import DeviceName

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc's <malloc.h>
_MMAP_THRESHOLDS = (1 << 30, 1 << 25)  # an older glibc takes no more than HEAP_MAX_SIZE / 2: 32 MiB where pointers have 64 bits

_NO_MEMORY = (
    "DefaultCPUAllocator: can't allocate memory",  # c10/core/impl/alloc_cpu.cpp; the next one on Windows
    "DefaultCPUAllocator: not enough memory",
    "std::bad_alloc",  # within oneDNN
    "out of memory",  # "CUDA error: out of memory", the driver's own; "MPS backend out of memory"
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "Invalid buffer size",  # MPS, of one tensor beyond what Metal allows
)
"""What errors of PyTorch's devices say, if it is memory that is lacking."""

_GROUP, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
"""Where Linux says which control groups a process is in (a container, a job of SLURM), and where it has them."""

_FILES = {
    "": (".", "memory.max", "memory.current", "inactive_file"),
    "memory": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""Of the second and of the first version of control groups: in which folder they are, which files there say how much a group may
hold and does hold, and what in memory.stat is of that copies of files on the disk, which give way."""


def keep_freed_memory() -> bool:
    """Make the C library keep the memory that is freed, for the rest of the process. Call it before the first fit.

    By default glibc returns every large tensor to the kernel when it dies, and each iteration of a fit faults the same pages
    in again, which takes as long as the arithmetic. The command line calls this; in a library it is the host program's choice.

    Returns
    -------
    bool
        Whether large tensors are kept: False where the C library is not glibc, or refuses.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
    return any(libc.mallopt(_M_MMAP_THRESHOLD, threshold) for threshold in _MMAP_THRESHOLDS)


def prepare_process(threads: int | None) -> None:
    """Set up a process of our own, once all is loaded: `keep_freed_memory`, and so many threads, or one for each of its cores."""
    look_as_usual()
    keep_freed_memory()
    torch.set_num_threads(threads or available_cores())


@contextmanager
def memory_error(message: str) -> Iterator[None]:
    """Turn any device's lack of memory within the block into one error.

    Raises
    ------
    MemoryLimitError
        With the message.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        raise MemoryLimitError(message) from error


def lacks_memory(error: Exception) -> bool:
    """Tell whether an error is some device's lack of memory, which most of them raise as a plain RuntimeError."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


def choose_device(name: str) -> torch.device:
    """Return the device of a name; "auto" is the first of CUDA, MPS and the CPU that is there.

    Raises
    ------
    OptionError
        If the name is unknown or the machine has no such device.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name not in list(DeviceName):
        raise OptionError(f"device {str(name)!r}; expected one of {', '.join(DeviceName)}")
    if name == DeviceName.AUTO:
        return torch.device(next(kind for kind, found in there.items() if found))
    if not there[name]:
        raise OptionError(f"device {str(name)!r} is not available on this machine; expected one of auto, cpu")
    return torch.device(name)


def choose_dtype(device: torch.device, reduced: bool = True) -> torch.dtype:
    """Return the activations' dtype: bfloat16 where the hardware multiplies it natively, float32 elsewhere, or if not `reduced`.

    Half the bytes an iteration are half the time where memory is the limit, and the averaged output hides the rounding:
    benchmarks/README.md has the figures.
    """
    if not reduced:
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "cpu":
        capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
        native = any(capabilities.get(key) for key in ("avx512_bf16", "amx_bf16"))
        return torch.bfloat16 if native else torch.float32
    return torch.float32


def rng_for(*key: int) -> torch.Generator:
    """Return a CPU generator of random numbers for a key, such as (seed, fit): streams of different keys are independent."""
    return torch.Generator().manual_seed(seed_for(*key))


def seed_for(*key: int) -> int:
    """Return a seed for a key: different keys have independent streams."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]) >> 1


def available_cores() -> int:
    """Return the number of CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory() -> int:
    """Return the most memory the process has held so far, in bytes; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def total_memory() -> int:
    """Return the bytes of memory that the machine has, or the container that the process runs in, whoever holds them now."""
    return min([int(psutil.virtual_memory().total), *(limit for limit, _ in _limits())])


def free_memory() -> int:
    """Return the bytes that a process may take before the machine, or the container that it runs in, has none left."""
    free = [int(psutil.virtual_memory().available), *(limit - held for limit, held in _limits())]
    return max(min(free), 0)


def _limits() -> Iterator[tuple[int, int]]:
    """Yield how many bytes each control group that this process is in, and those above it, may hold and does hold."""
    try:
        lines = _GROUP.read_text().splitlines()
    except OSError:
        return  # not Linux
    for line in lines:
        _, controllers, name = line.split(":", 2)
        kind = "memory" if "memory" in controllers.split(",") else controllers
        if kind not in _FILES:
            continue
        folder, limit, usage, copies = _FILES[kind]
        # A container may be shown its own group as the root, and still be told the name that it has outside.
        for place in (Path(name), *Path(name).parents):
            group = _GROUPS / folder / place.relative_to("/")
            with suppress(OSError, ValueError, KeyError):  # no such group, or one without a limit, which says "max"
                statistics = dict(line.split(" ", 1) for line in (group / "memory.stat").read_text().splitlines())
                held = int((group / usage).read_text()) - int(statistics[copies])
                yield int((group / limit).read_text()), held
