"""The user's measurements as the fit takes them, and the fit's images as the user has them."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from cgdenoise.errors import MeasurementError
from cgdenoise.fitting.holdout import Sampling
from cgdenoise.operators import ComplexFromChannels, ForwardOperator, Reshape
from cgdenoise.operators.base import Field
from cgdenoise.operators.least_squares import range_of
from cgdenoise.restoration.units import OF_VOLUME, Array, Scale

_GRID = 2.0**36
"""Steps from 0 to the largest measurement, to which all are rounded. By hand, between the 24 bits of float32, which hold the fit,
and the 53 of float64, of which a change of unit spoils the last."""

_FLAT = 1e-6
"""Range of a pilot, relative to its largest value, up to which there is nothing to fit. By hand; not measured."""


def check_measurements(operator: ForwardOperator, y: Array, sampling: Sampling) -> Array:
    """Return measurements as float64 or complex128, 0 where there is none.

    Raises
    ------
    MeasurementError
        If they do not go with the operator, or are not finite where something was measured, or all 0.
    """
    array = np.asarray(y)
    if array.dtype.kind not in "uifc":
        raise MeasurementError(f"y of dtype {array.dtype}; expected real or complex numbers")
    if array.shape != operator.out_shape:
        raise MeasurementError(f"y of shape {list(array.shape)}; expected {list(operator.out_shape)}, which {operator} gives")
    if tuple(sampling.valid.shape) != operator.out_shape:
        raise MeasurementError(f"a sampling of {list(sampling.valid.shape)}; expected {list(operator.out_shape)}")
    if array.dtype.kind == "c" and operator.codomain is Field.REAL:
        raise MeasurementError(f"y of {array.dtype}; expected real numbers, which {operator} gives")
    is_complex = array.dtype.kind == "c" or operator.codomain is Field.COMPLEX
    measured = np.where(sampling.valid.numpy() > 0, array, 0).astype(np.complex128 if is_complex else np.float64)
    if wrong := int(np.count_nonzero(~np.isfinite(measured))):
        raise MeasurementError(f"y of shape {list(array.shape)} has {wrong} values that are NaN or infinite; expected none")
    if not measured.any():
        raise MeasurementError(f"y of shape {list(array.shape)} is 0 throughout; expected measurements")
    return measured


def on_channels(operator: ForwardOperator, complex_measurements: bool) -> ForwardOperator:
    """Return the operator on what a generator makes, real images (C, H, W): the parts of complex images are channels.

    A signal (N,) is an image of one row, and what has four axes or more is a volume, (C, D, H, W), with channels before its last
    three.
    """
    shape = operator.in_shape
    is_complex = operator.domain is Field.COMPLEX or (operator.domain is Field.EITHER and complex_measurements)
    parts = (2, *shape) if is_complex else shape
    grid = (1, *shape) if len(shape) == 1 else shape[-2:] if len(shape) < OF_VOLUME else shape[-3:]
    channels = (math.prod(parts) // math.prod(grid), *grid)
    inner: ForwardOperator = Reshape(channels, parts)
    return operator @ ((ComplexFromChannels(parts) @ inner) if is_complex else inner)


def is_complex(operator: ForwardOperator, through: ForwardOperator) -> bool:
    """Tell whether the parts of a complex image are channels of what `through`, the operator on channels, takes."""
    return bool(np.prod(through.in_shape) != np.prod(operator.in_shape))


def scale_of(first: Tensor, with_phase: bool) -> Scale | None:
    """Return the map from the image to a range of about 0 to 1, as a first image has it; None if that is constant."""
    values = first.numpy()
    spread = np.ptp(values.reshape(len(values), -1), axis=1).max()
    if spread <= _FLAT * np.abs(values).max():
        return None
    if with_phase:  # a phase has no preferred sign
        reach = max(map(abs, range_of(values)))
        return Scale(-reach, 2 * reach)
    low, high = range_of(values)
    return Scale(low, high - low)


def on_grid(values: Tensor) -> Tensor:
    """Round to multiples of a small number, so that `a * y` gives the very numbers that `y` gives."""
    if values.is_complex():
        return torch.view_as_complex(on_grid(torch.view_as_real(values)))
    return torch.round(values * _GRID) / _GRID


def to_array(operator: ForwardOperator, through: ForwardOperator, channels: Tensor, phase: Array | None = None) -> Array:
    """Return an image of channels, [C, H, W] or [C, D, H, W], as the operator takes it: `through` is the operator on channels.

    A complex image is multiplied by the phase, if one is given.
    """
    values = channels.numpy()
    if not is_complex(operator, through):
        return values.reshape(operator.in_shape)
    real, imaginary = values.reshape(2, *operator.in_shape)
    image: Array = real + 1j * imaginary
    return image if phase is None else image * phase
