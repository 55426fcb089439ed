"""The C library's allocator is asked for what it grants."""

import pytest

from cgdenoise import runtime

TRIM, MMAP = -1, -3  # <malloc.h>


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
