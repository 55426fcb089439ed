"""The compiled functions of layer.c, bound; absent where the package was installed without a C compiler."""

from __future__ import annotations

import ctypes
from functools import cache

import torch
from torch import Tensor

from cgdenoise.native.build import LAYER
from cgdenoise.native.library import load

_POINTER, _SIZE, _INT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
_TYPES = {torch.float32: "float32", torch.bfloat16: "bfloat16"}
_SIGNATURES = {
    f"{name}_{kind}": arguments
    for kind in _TYPES.values()
    for name, arguments in {
        "moments": [_POINTER] * 2 + [_SIZE] * 3 + [_INT],
        "forward": [_POINTER] * 4 + [_SIZE] * 3 + [_INT] * 2,
        "backward": [_POINTER] * 5 + [_SIZE] * 3 + [_INT] * 2,
        "combine": [_POINTER] * 3 + [_SIZE] * 3 + [_INT],
    }.items()
}
_WORTH = 3
"""Threads of torch's own functions that one of the compiled ones is worth: measured on a level of 128² pixels and 64 channels,
forward and backward, 2.6 to 2.8 in float32 and 3.3 to 5.1 in bfloat16."""


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled library, or None if it was not built or, with a warning, if it cannot be used."""
    return load(LAYER, _SIGNATURES)


def supports(picture: Tensor) -> bool:
    """Tell whether the compiled functions take such pictures, and not more time than torch's."""
    found = library() if picture.device.type == "cpu" and picture.dtype in _TYPES else None
    return found is not None and (bool(found.threaded()) or torch.get_num_threads() <= _WORTH)


def call(name: str, kind: torch.dtype, tensors: tuple[Tensor, ...], numbers: tuple[int, ...]) -> None:
    """Call a function of layer.c for pictures of a dtype, on as many threads as torch uses, if compiled with OpenMP.

    The tensors are contiguous and on the CPU.

    Raises
    ------
    MemoryError
        If it could not allocate its work space.
    """
    function = getattr(library(), f"{name}_{_TYPES[kind]}")
    if function(*(tensor.data_ptr() for tensor in tensors), *numbers, torch.get_num_threads()):
        raise MemoryError(f"no memory for the work space of {name}")
