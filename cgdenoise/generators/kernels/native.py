"""The compiled functions of layer.c, bound; absent where the package was installed without a C compiler."""

from __future__ import annotations

import ctypes
import warnings
from functools import cache

import torch
from torch import Tensor

from cgdenoise.generators.kernels import build

_POINTER, _LONG, _INT = ctypes.c_void_p, ctypes.c_long, ctypes.c_int
_SIGNATURES = {
    "moments": [_POINTER] * 2 + [_LONG] * 3 + [_INT],
    "forward": [_POINTER] * 4 + [_LONG] * 3 + [_INT] * 2,
    "backward": [_POINTER] * 5 + [_LONG] * 3 + [_INT] * 2,
    "combine": [_POINTER] * 3 + [_LONG] * 3 + [_INT],
}
_TYPES = {torch.float32: "float32", torch.bfloat16: "bfloat16"}


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled library, or None if it was not built or cannot be used.

    Warns
    -----
    RuntimeWarning
        If it is there and cannot be used, once: it cannot be loaded, or was compiled from other sources than lie beside it,
        whose functions may take other arguments.
    """
    if not build.LIBRARY.exists():
        return None
    try:
        return _load()
    except (OSError, ValueError) as error:
        warnings.warn(
            f"the compiled kernels are not used, and a fit takes about 1.7 times as long: {error}; install cgdenoise again "
            "to compile them",
            RuntimeWarning,
            stacklevel=2,
        )
        return None


def _load() -> ctypes.CDLL:
    # torch is imported by now, and with it the OpenMP runtime that both then share: one pool of threads, one setting.
    loaded = ctypes.CDLL(str(build.LIBRARY))
    if ctypes.c_uint32.in_dll(loaded, "layer_sources").value != build.checksum():
        raise ValueError(f"{build.LIBRARY} was compiled from other sources than those beside it")
    for name, arguments in _SIGNATURES.items():
        for kind in _TYPES.values():
            getattr(loaded, f"{name}_{kind}").argtypes = arguments
    return loaded


def supports(picture: Tensor) -> bool:
    """Tell whether the compiled functions take such pictures."""
    return picture.device.type == "cpu" and picture.dtype in _TYPES and library() is not None


def call(name: str, kind: torch.dtype, tensors: tuple[Tensor, ...], numbers: tuple[int, ...]) -> None:
    """Call a function of layer.c for pictures of a dtype, on as many threads as torch uses.

    The tensors are contiguous and on the CPU.

    Raises
    ------
    MemoryError
        If it could not allocate its work space.
    """
    function = getattr(library(), f"{name}_{_TYPES[kind]}")
    if function(*(tensor.data_ptr() for tensor in tensors), *numbers, torch.get_num_threads()):
        raise MemoryError(f"no memory for the work space of {name}")
