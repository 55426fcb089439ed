"""A device that is not there: tensors on it compute with real numbers on the CPU, and do not mix with the CPU's.

`pretended()` gives its `torch.device`. What is created on it, or brought there by `.to`, is a `DeviceTensor`: a wrapper that says
it lies on the device and holds a plain tensor with its values. Every operation on one goes through `run`, which refuses what real
devices refuse:

- operands of which some lie on the device and some on the CPU, but for numbers (tensors without dimensions), as on CUDA; indices
  are among them, which CUDA would fetch from the CPU each time;
- numbers of double precision, which MPS has none of;
- the operations of ours for which MPS has no kernel, by torch's own list of them (native_functions.yaml, torch 2.13);
- `.numpy()`, without `.cpu()` before.

Control flow that depends on data works, as the values are real; neither torch's fake tensors nor its meta device have any: the
first `float(loss)` or `topk` of a fit needs them. The device is called "meta", as that is the only kind besides the CPU for which
autograd runs in every build of torch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("meta")
_MISSING = ("aten::_linalg_eigh",)
_DOUBLE = (torch.float64, torch.complex128)


class DeviceError(Exception):
    """An operation that a real device would refuse."""


class DeviceTensor(torch.Tensor):
    """A tensor that lies on the pretended device, by what it says."""

    values: torch.Tensor

    @staticmethod
    def __new__(cls, values: torch.Tensor) -> "DeviceTensor":
        if values.dtype in _DOUBLE:
            raise DeviceError(f"{values.dtype} on the device; MPS has none")
        made = torch.Tensor._make_wrapper_subclass(
            cls, values.size(), values.stride(), values.storage_offset(), dtype=values.dtype, device=DEVICE
        )
        made.values = values
        return made

    def __repr__(self, **_: Any) -> str:
        return f"DeviceTensor({self.values})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return run(func, args, kwargs or {})


# Conjugates and negatives that torch only notes, at a level of its dispatcher that does not see the values.
_AT_ONCE = {
    torch.ops.aten._conj.default: torch.ops.aten.conj_physical.default,
    torch.ops.aten._neg_view.default: torch.ops.aten.neg.default,
}


def run(func, args, kwargs):
    """Run an operation on the values of its operands, and give back what lies where it should."""
    name = func._schema.name
    target = kwargs.get("device")
    operands = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, torch.Tensor)]
    there = [x for x in operands if isinstance(x, DeviceTensor)]
    if there and name in _MISSING:
        raise DeviceError(f"{func}: MPS has no kernel for it")
    if there and name not in ("aten::copy_", "aten::_to_copy"):
        strangers = [x for x in operands if not isinstance(x, DeviceTensor) and x.ndim]
        if strangers:
            raise DeviceError(
                f"{func}: operands of {[tuple(x.shape) for x in there]} on the device and of "
                f"{[tuple(x.shape) for x in strangers]} on the CPU"
            )
    func = _AT_ONCE.get(func, func)
    if target is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    plain_args, plain_kwargs = tree_map(_values, (args, kwargs))
    out = func(*plain_args, **plain_kwargs)
    on_device = torch.device(target) == DEVICE if target is not None else bool(there)
    if name == "aten::copy_":
        on_device = isinstance(args[0], DeviceTensor)
    if not on_device:
        return out
    assert all(x.shape == x.values.shape for x in there), f"{func} changes a shape in place"
    # What was written to in place stays the tensor that it was.
    known = {id(x.values): x for x in there}
    return tree_map(lambda x: known.get(id(x)) if id(x) in known else DeviceTensor(x) if isinstance(x, torch.Tensor) else x, out)


def _values(x):
    return x.values if isinstance(x, DeviceTensor) else x


class _Factories(TorchDispatchMode):
    """Sees also what has no operand on the device: factories, and copies to it."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return run(func, args, kwargs or {})


_PRODUCTS = (torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__)


def _product(a, b):
    """Multiply by a vector as by a matrix; torch itself takes the added axis away in place, which a wrapper cannot follow."""
    if a.ndim == 1:
        return _product(a[None], b)[..., 0, :] if b.ndim > 1 else (a * b).sum()
    return (a @ b[:, None])[..., 0] if b.ndim == 1 else a @ b


class _NewTensors(TorchFunctionMode):
    """Creates a tensor from Python's numbers on the CPU and brings it to the device, which torch does below its dispatcher."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.Tensor.new_tensor and isinstance(args[0], DeviceTensor):
            return torch.tensor(args[1], dtype=kwargs.get("dtype", args[0].dtype)).to(DEVICE)
        if func is torch.Tensor.tolist and isinstance(args[0], DeviceTensor):
            return args[0].cpu().tolist()
        if func in _PRODUCTS and 1 in (args[0].ndim, args[1].ndim):
            return _product(*args)
        if func is torch.tensor and torch.device(kwargs.get("device") or "cpu") == DEVICE:
            return torch.tensor(*args, **(kwargs | {"device": "cpu"})).to(DEVICE)
        return func(*args, **kwargs)


@contextmanager
def pretended() -> Iterator[torch.device]:
    """Have the pretended device for a while."""
    with _NewTensors(), _Factories():
        yield DEVICE
