"""Compiled libraries loaded; each room binds the functions of its own."""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from cgdenoise.native.build import Library


def load(library: Library, signatures: Mapping[str, Sequence[Any]]) -> ctypes.CDLL | None:
    """Return a compiled library, or None if it was not built or cannot be used.

    Import torch first: a library needs an OpenMP runtime by name (libgomp.so.1 on Linux) and takes the one that torch has loaded,
    so that both share it: one pool of threads.

    Parameters
    ----------
    library : Library
        Which.
    signatures : mapping of str to sequence of ctypes types
        The arguments' types of its functions, by name. They return an int.

    Warns
    -----
    RuntimeWarning
        If it is there and cannot be used: it cannot be loaded, or was compiled from other sources than lie beside it, whose
        functions may take other arguments.
    """
    if not library.path.exists():
        return None
    try:
        loaded = ctypes.CDLL(str(library.path))
        if ctypes.c_uint32.in_dll(loaded, "sources").value != library.checksum():
            raise ValueError(f"{library.path} was compiled from other sources than those beside it")
    except (OSError, ValueError) as error:
        warnings.warn(
            f"the compiled kernels are not used, and {library.without}: {error}; install cgdenoise again to compile them",
            RuntimeWarning,
            stacklevel=3,
        )
        return None
    for name, arguments in signatures.items():
        getattr(loaded, name).argtypes = arguments
    return loaded
