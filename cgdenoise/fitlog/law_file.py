"""The law of a detector's noise as a JSON file."""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from cgdenoise.errors import NoiseLawError
from cgdenoise.noise.law import DARK_FRAMES, IMAGE, SECOND_EXPOSURE, NoiseLaw
from cgdenoise.noise.model import NoiseKind
from cgdenoise.reading import reading

FORMAT = "cgdenoise noise law"
"""What the field `format` of every such file says."""

VERSION = 1
"""Of the format."""

_LARGEST = 1 << 20
"""Bytes of a file, at most; a law of sixteen channels has some ten kilobytes."""

_KINDS = (NoiseKind.GAUSSIAN, NoiseKind.POISSON, NoiseKind.POISSON_GAUSSIAN, NoiseKind.CORRELATED)


@dataclass(frozen=True)
class LawFile:
    """What a file says: a law, and of which files it holds.

    Attributes
    ----------
    law : NoiseLaw
        In grey levels.
    dtype : str
        Of the file that it was measured in.
    full_scale : int or None
        Largest grey level of that dtype; None for floats, which have none.
    sha256 : str
        Of the file's own bytes.
    """

    law: NoiseLaw
    dtype: str
    full_scale: int | None
    sha256: str


def full_scale(dtype: np.dtype[Any]) -> int | None:
    """Return the largest value of integers; None for floats."""
    return int(np.iinfo(dtype).max) if dtype.kind in "iu" else None


def dump_law(law: NoiseLaw, dtype: np.dtype[Any], sources: list[dict[str, str]]) -> bytes:
    """Return the content of a file.

    Parameters
    ----------
    law : NoiseLaw
        In grey levels.
    dtype : dtype
        Of the file that it was measured in.
    sources : list of dict
        `name` and `sha256` of that file, and of those that were compared with it.
    """
    from cgdenoise import __version__

    head = {"format": FORMAT, "version": VERSION, "cgdenoise": __version__}
    of_file = {"dtype": str(dtype), "full_scale": full_scale(dtype), "sources": sources}
    return (json.dumps(head | asdict(law) | of_file, indent=1, allow_nan=False) + "\n").encode()


def read_law(path: str | os.PathLike[str]) -> LawFile:
    """Read a file.

    Raises
    ------
    NoiseLawError
        If it cannot be read, or is no law, or one with impossible numbers; the message begins with the path.
    """
    with reading(path, NoiseLawError, "a noise law"):
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise NoiseLawError(f"more than {_LARGEST} bytes; expected a noise law, which is smaller")
        return _parsed(data)


def read_noise_law(path: str | os.PathLike[str]) -> NoiseLaw:
    """Read the law of a detector's noise, as `cgdenoise noise --save-noise` writes it, for `KnownNoise(law=...)`.

    It is in the grey levels of the file that it was measured in, and so has the image to be.

    Raises
    ------
    NoiseLawError
        If it cannot be read, or is no law.
    """
    return read_law(path).law


def _parsed(data: bytes) -> LawFile:
    try:
        found = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise NoiseLawError("no JSON; expected a noise law, as noise --save-noise writes it") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise NoiseLawError("no noise law; expected one, as noise --save-noise writes it")
    if found.get("version") != VERSION:
        raise NoiseLawError(f"noise law of version {found.get('version')}; expected {VERSION}")
    missing = [name for name in (*(field.name for field in fields(NoiseLaw)), "dtype", "full_scale") if name not in found]
    if missing:
        raise NoiseLawError(f"{missing[0]} is missing; expected it in a noise law")
    dtype, scale = _checked(found, "dtype", str), _checked(found, "full_scale", int | None)
    return LawFile(_law(found), dtype, scale, hashlib.sha256(data).hexdigest())


def _law(found: dict[str, Any]) -> NoiseLaw:
    channels = _checked(found, "channels", int)
    kind, measured_by = found["kind"], found["measured_by"]
    if kind not in _KINDS:
        raise NoiseLawError(f"kind {kind!r}; expected one of {', '.join(_KINDS)}")
    if measured_by not in (IMAGE, SECOND_EXPOSURE, DARK_FRAMES):
        raise NoiseLawError(f"measured_by {measured_by!r}; expected {IMAGE}, {SECOND_EXPOSURE} or {DARK_FRAMES}")
    if channels < 1:
        raise NoiseLawError(f"{channels} channels; expected 1 or more")
    sigma, gain, offset, read_sigma = (_number(found, name) for name in ("sigma", "gain", "offset", "read_sigma"))
    if min(sigma, gain, read_sigma) < 0:
        raise NoiseLawError(f"sigma {sigma:g}, gain {gain:g}, read_sigma {read_sigma:g}; expected none below 0")
    if kind in (NoiseKind.POISSON, NoiseKind.POISSON_GAUSSIAN) and gain == 0:
        raise NoiseLawError(f"{kind} noise with a gain of 0; expected one above")
    covariance = _matrix(found, "covariance", channels)
    autocorrelation = _matrix(found, "autocorrelation", None)
    if (kind == NoiseKind.CORRELATED) != (autocorrelation is not None):
        raise NoiseLawError(f"{kind} noise {'without' if autocorrelation is None else 'with'} an autocorrelation")
    if autocorrelation is not None and autocorrelation[0][0] != 1:
        raise NoiseLawError(f"autocorrelation {autocorrelation[0][0]:g} at distance 0; expected 1")
    return NoiseLaw(
        NoiseKind(kind), channels, sigma, gain, offset, read_sigma, covariance, autocorrelation, measured_by=measured_by
    )


def _checked(found: dict[str, Any], name: str, kind: Any) -> Any:
    if not isinstance(found[name], kind) or isinstance(found[name], bool):
        raise NoiseLawError(f"{name} is {json.dumps(found[name])[:40]}; expected {getattr(kind, '__name__', kind)}")
    return found[name]


def _number(found: dict[str, Any], name: str) -> float:
    value = float(_checked(found, name, int | float))
    if not math.isfinite(value):
        raise NoiseLawError(f"{name} {value}; expected a finite number")
    return value


def _matrix(found: dict[str, Any], name: str, size: int | None) -> tuple[tuple[float, ...], ...] | None:
    """Return a square matrix, of a size if that is given; None where the file says null."""
    if found[name] is None:
        return None
    try:
        matrix = np.array(found[name], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise NoiseLawError(f"{name} is no matrix of numbers") from error
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.size == 0 or size not in (None, len(matrix)):
        expected = "a square matrix" if size is None else f"({size}, {size}), for {size} channels"
        raise NoiseLawError(f"{name} of shape {matrix.shape}; expected {expected}")
    if not np.isfinite(matrix).all():
        raise NoiseLawError(f"{name} has numbers that are not finite")
    if size is not None and not ((matrix == matrix.T).all() and np.linalg.eigvalsh(matrix)[0] >= -1e-9 * np.trace(matrix)):
        raise NoiseLawError(f"{name} is not symmetric and without negative powers, as a covariance is")
    return tuple(tuple(row) for row in matrix.tolist())
