"""The compiled functions of layer.c, bound; absent where the package was installed without a C compiler."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

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
    """Return the compiled library, or None if it was not built or cannot be loaded here."""
    # torch is imported by now, and with it the OpenMP runtime that both then share: one pool of threads, one setting.
    for path in sorted(Path(__file__).parent.glob("_layer.*")):
        try:
            loaded = ctypes.CDLL(str(path))
        except OSError:
            continue
        for name, arguments in _SIGNATURES.items():
            for kind in _TYPES.values():
                getattr(loaded, f"{name}_{kind}").argtypes = arguments
        return loaded
    return None


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
